//! From the edges of a network to one formula: candidates for every edge, their composition, the choice among them by the
//! data.

use super::edge::{EdgeFit, EdgeOptions, read_curve};
use super::importance::Importance;
use super::library::{Form, Library};
use super::sum::{Number, Sum, Term};
use crate::error::Result;
use crate::expr::Expr;
use crate::kan::network::{Edge, Kan};
use crate::kan::symbolic::{Fitted, constant, description, fit_within};
use crate::telemetry::Progress;

/// The rows that constants are fitted to.
pub(in crate::kan) struct Rows<'a> {
    /// Inputs in the scale of the formula's leaves, one vector per input.
    pub(in crate::kan) inputs: Vec<Vec<f64>>,
    pub(in crate::kan) y: Vec<f64>,
    /// Root mean square residual that counts as rounding.
    pub(in crate::kan) floor: f64,
    pub(in crate::kan) library: &'a Library,
    /// Levenberg-Marquardt iterations of a fit at most.
    pub(in crate::kan) iterations: usize,
}

impl Rows<'_> {
    /// Every `k`-th row, so that at most `most` are left.
    pub(super) fn thinned(&self, most: usize) -> Rows<'_> {
        let step = self.y.len().div_ceil(most.max(1)).max(1);
        let thin = |v: &Vec<f64>| v.iter().copied().step_by(step).collect();
        Rows {
            inputs: self.inputs.iter().map(thin).collect(),
            y: thin(&self.y),
            floor: self.floor,
            library: self.library,
            iterations: self.iterations.min(SEARCH_ITERATIONS),
        }
    }

    fn symbols(&self) -> Vec<Expr> {
        (0..self.inputs.len())
            .map(|i| Expr::name(format!("\u{2}{i}")))
            .collect()
    }

    /// Fits the free constants of a formula; `None` where it has no finite values on the rows.
    pub(super) fn fit(&self, sum: &mut Sum, progress: &Progress<'_>) -> Result<Option<Fitted>> {
        let mut start = Vec::new();
        let expr = sum.expr(self.library, &self.symbols(), &mut |n| {
            start.push(n.value);
            Expr::name(constant(start.len() - 1))
        })?;
        if start.iter().any(|v| !v.is_finite()) || start.len() + 2 > self.y.len() {
            return Ok(None);
        }
        let names: Vec<String> = (0..start.len()).map(constant).collect();
        let symbols: Vec<String> = (0..self.inputs.len())
            .map(|i| format!("\u{2}{i}"))
            .collect();
        let columns: Vec<(&str, &[f64])> = symbols
            .iter()
            .map(String::as_str)
            .zip(self.inputs.iter().map(Vec::as_slice))
            .collect();
        let fitted = fit_within(
            self.iterations,
            &expr,
            &names,
            &start,
            &columns,
            &self.y,
            progress,
        )?;
        if let Some(fit) = &fitted {
            let free = sum.written_order();
            for (number, value) in free.into_iter().zip(&fit.values) {
                number.value = *value;
            }
        }
        Ok(fitted)
    }

    /// Description length of the rows under a fitted formula, with what its forms cost.
    pub(super) fn score(&self, sum: &Sum, fit: &Fitted, price: f64) -> f64 {
        description(self.y.len(), fit.sum_squares, sum.free(), self.floor)
            + price * sum.price(self.library)
    }

    pub(super) fn exact(&self, fit: &Fitted) -> bool {
        fit.sum_squares <= self.y.len() as f64 * self.floor * self.floor
    }
}

impl Sum {
    /// Free constants in the order in which [`Sum::expr`] writes them: the shift first, then each term's weight, its own
    /// constant, its argument.
    fn written_order(&mut self) -> Vec<&mut Number> {
        self.numbers_mut()
            .into_iter()
            .filter(|n| n.fixed.is_none())
            .collect()
    }
}

/// Which form an edge was read as.
#[derive(Debug, Clone)]
pub(in crate::kan) struct Candidates {
    pub(in crate::kan) layer: usize,
    pub(in crate::kan) input: usize,
    pub(in crate::kan) sum: usize,
    /// Best first; `None` is the edge's mean, where the edge hardly matters.
    fits: Vec<Option<EdgeFit>>,
    mean: f64,
    pub(in crate::kan) chosen: usize,
}

/// The `keep` best readings, and the cheapest of those that differ from the edge by no more than a few times the
/// resolution.
fn few_of(all: Vec<EdgeFit>, keep: usize, resolution: f64) -> Vec<EdgeFit> {
    let near = |f: &EdgeFit| 1.0 - f.r2 <= 400.0 * resolution * resolution;
    let (mut out, mut rest): (Vec<EdgeFit>, Vec<EdgeFit>) = (all, Vec::new());
    if out.len() > keep {
        rest = out.split_off(keep);
    }
    rest.retain(near);
    rest.sort_by(|a, b| a.complexity.total_cmp(&b.complexity));
    out.extend(rest.into_iter().take(3));
    out
}

impl Candidates {
    /// The cheapest form among those that fit nearly as well as the best.
    fn simplest(&self) -> usize {
        let off = |f: &Option<EdgeFit>| f.as_ref().map(|f| (1.0 - f.r2).max(1e-12));
        let least = self
            .fits
            .iter()
            .filter_map(off)
            .fold(f64::INFINITY, f64::min);
        let near = |(_, f): &(usize, &Option<EdgeFit>)| {
            off(f).is_some_and(|o| o <= (100.0 * least).max(4e-4))
        };
        let price = |f: &Option<EdgeFit>| f.as_ref().map_or(0.0, |f| f.complexity);
        let cheapest = self
            .fits
            .iter()
            .enumerate()
            .filter(near)
            .min_by(|a, b| price(a.1).total_cmp(&price(b.1)));
        cheapest.map_or(0, |(k, _)| k)
    }

    pub(in crate::kan) fn fit(&self) -> Option<&EdgeFit> {
        self.fits.get(self.chosen).and_then(Option::as_ref)
    }
}

/// A network's value is `half out + middle`, its inputs are `(leaf - middle) / half`.
#[derive(Debug, Clone, Copy)]
pub(in crate::kan) struct Map {
    pub(in crate::kan) middle: f64,
    pub(in crate::kan) half: f64,
}

/// How a whole network is read.
pub(in crate::kan) struct Reader<'a> {
    pub(in crate::kan) net: &'a Kan,
    pub(in crate::kan) output: usize,
    pub(in crate::kan) inputs: &'a [Map],
    pub(in crate::kan) target: Map,
    pub(in crate::kan) options: &'a EdgeOptions,
    /// Candidates kept per edge.
    pub(in crate::kan) keep: usize,
    /// Root mean square residual of the network on the rows, in the target's unit.
    pub(in crate::kan) expected: f64,
    /// Rows used while edges are chosen.
    pub(in crate::kan) search_rows: usize,
}

/// The form of a fixed edge: its text is its name.
pub(super) fn form_of_text(text: &str) -> Option<Form> {
    let all = [f64::NEG_INFINITY, f64::INFINITY];
    let positive = [0.0, f64::INFINITY];
    let form = Form::new(text, text, all, 1.0).or_else(|_| Form::new(text, text, positive, 1.0));
    form.ok()
}

/// A formula read, or the edge that stood against it.
pub(in crate::kan) enum Outcome {
    Read {
        sum: Sum,
        fit: Fitted,
        edges: Vec<Candidates>,
    },
    Refused(String),
}

impl Reader<'_> {
    /// Reads one output. `scores` are those of the rows in the network's scale.
    pub(in crate::kan) fn read(
        &self,
        scores: &Importance,
        rows: &Rows<'_>,
        progress: &Progress<'_>,
    ) -> Result<Outcome> {
        let mut library = rows.library.clone();
        // An edge is known no better than the network.
        let spread = 1e6 * rows.floor;
        let known = (2.0 * self.expected / spread).clamp(0.0, COARSEST);
        let options = EdgeOptions {
            resolution: self.options.resolution.max(known),
            top: usize::MAX,
            ..self.options.clone()
        };
        let mut edges = Vec::new();
        let total: usize = scores.edges.iter().map(Vec::len).sum();
        for (l, layer) in self.net.layers.iter().enumerate() {
            for input in 0..layer.inputs {
                for sum in 0..layer.sums {
                    progress.report("kan", edges.len() as u64, total as u64, "reading edges")?;
                    let at = layer.edge(input, sum);
                    let score = scores.edges[l][at];
                    let fixed = match &layer.edges[at] {
                        Edge::Removed => continue,
                        Edge::Fixed(symbolic) => {
                            form_of_text(symbolic.text()).map(|form| (form, symbolic.constants()))
                        }
                        Edge::Trained => None,
                    };
                    if l + 1 == self.net.layers.len()
                        && sum != self.output
                        && layer.products.is_empty()
                    {
                        continue;
                    }
                    let [from, to] = scores.range[l][input];
                    let mut fits: Vec<Option<EdgeFit>> = Vec::new();
                    if let Some((form, constants)) = fixed {
                        fits.push(Some(EdgeFit {
                            form: form.name().into(),
                            constants,
                            own: None,
                            expr: form.expr().clone(),
                            r2: 1.0,
                            complexity: form.complexity(),
                            free: 4,
                            score: 0.0,
                        }));
                        library.add(form);
                    } else if score > NEGLIGIBLE && to > from {
                        let n = self.options.points;
                        let x: Vec<f64> = (0..n)
                            .map(|k| from + (to - from) * k as f64 / (n - 1) as f64)
                            .collect();
                        let y: Vec<f64> = x.iter().map(|x| layer.at(input, sum, *x)).collect();
                        let all = read_curve(&x, &y, &library, &options, progress)?;
                        fits.extend(
                            few_of(all, self.keep, options.resolution)
                                .into_iter()
                                .map(Some),
                        );
                        if fits.is_empty() && score > WEAK {
                            return Ok(Outcome::Refused(format!(
                                "no form of the library has an R2 of {} on the edge from node {} of layer {l} to sum {}",
                                self.options.threshold,
                                input + 1,
                                sum + 1
                            )));
                        }
                    }
                    if score <= WEAK {
                        fits.push(None);
                    }
                    edges.push(Candidates {
                        layer: l,
                        input,
                        sum,
                        fits,
                        mean: scores.mean[l][at],
                        chosen: 0,
                    });
                }
            }
        }
        let rows = Rows {
            inputs: rows.inputs.clone(),
            y: rows.y.clone(),
            floor: rows.floor,
            library: &library,
            iterations: rows.iterations,
        };
        self.choose(edges, &rows, progress)
    }

    /// Starts from the best form of every edge and takes others as long as the description gets shorter.
    fn choose(
        &self,
        mut edges: Vec<Candidates>,
        rows: &Rows<'_>,
        progress: &Progress<'_>,
    ) -> Result<Outcome> {
        let few = rows.thinned(self.search_rows);
        let attempt = |edges: &[Candidates]| -> Result<Option<(f64, Sum, Fitted)>> {
            progress.check()?;
            let mut sum = self.composed(edges, rows.library);
            if sum.terms.is_empty() || sum.free() > MOST_CONSTANTS {
                return Ok(None);
            }
            let fit = few.fit(&mut sum, progress)?;
            Ok(fit.map(|fit| (few.score(&sum, &fit, self.options.price), sum, fit)))
        };
        // From the simplest forms that the edges may have, then from those that fit best: what is simple everywhere
        // at once is often exact, and step by step from the best fits it is not reached.
        let simplest: Vec<usize> = edges.iter().map(Candidates::simplest).collect();
        let nearest = vec![0; edges.len()];
        let starts = if simplest == nearest {
            vec![nearest]
        } else {
            vec![simplest, nearest]
        };
        let mut best: Option<(f64, Sum, Fitted)> = None;
        let mut chosen: Vec<usize> = edges.iter().map(|e| e.chosen).collect();
        let exact =
            |best: &Option<(f64, Sum, Fitted)>| best.as_ref().is_some_and(|b| few.exact(&b.2));
        for start in starts {
            for (edge, at) in edges.iter_mut().zip(&start) {
                edge.chosen = *at;
            }
            let mut own = attempt(&edges)?;
            for _ in 0..2 {
                let mut changed = false;
                for e in 0..edges.len() {
                    let was = edges[e].chosen;
                    let mut kept = was;
                    for other in (0..edges[e].fits.len()).filter(|k| *k != was) {
                        if exact(&own) {
                            break;
                        }
                        edges[e].chosen = other;
                        if let Some(new) = attempt(&edges)?
                            && own.as_ref().is_none_or(|b| new.0 < b.0)
                        {
                            own = Some(new);
                            kept = other;
                            changed = true;
                        }
                    }
                    edges[e].chosen = kept;
                }
                if !changed {
                    break;
                }
            }
            if let Some(own) = own
                && best.as_ref().is_none_or(|b| own.0 < b.0)
            {
                best = Some(own);
                chosen = edges.iter().map(|e| e.chosen).collect();
            }
            if exact(&best) {
                break;
            }
        }
        for (edge, at) in edges.iter_mut().zip(&chosen) {
            edge.chosen = *at;
        }
        let Some((_, mut sum, _)) = best else {
            return Ok(Outcome::Refused(
                "no composition of the edges' forms exists on all rows".into(),
            ));
        };
        let Some(fit) = rows.fit(&mut sum, progress)? else {
            return Ok(Outcome::Refused(
                "the composition of the edges' forms does not exist on all rows".into(),
            ));
        };
        let missed = (fit.sum_squares / rows.y.len() as f64).sqrt();
        let allowed = (FAR * self.expected).max(NEAR * 1e6 * rows.floor);
        if missed > allowed {
            return Ok(Outcome::Refused(format!(
                "the best composition of forms misses the rows by {missed:.3e}, the network by {:.3e}",
                self.expected
            )));
        }
        let (sum, fit) = super::snap::shorten(
            sum,
            fit,
            rows,
            self.search_rows,
            self.options.price,
            progress,
        )?;
        Ok(Outcome::Read { sum, fit, edges })
    }

    /// The network's formula with the chosen form on every edge, in the scale of the leaves, in normal form.
    fn composed(&self, edges: &[Candidates], library: &Library) -> Sum {
        let mut nodes: Vec<Sum> = self
            .inputs
            .iter()
            .enumerate()
            .map(|(i, map)| Sum::of(Term::Input(i)).scaled(1.0 / map.half, -map.middle / map.half))
            .collect();
        for (l, layer) in self.net.layers.iter().enumerate() {
            let mut sums: Vec<Sum> = layer.sum_shift.iter().map(|v| Sum::constant(*v)).collect();
            for edge in edges.iter().filter(|e| e.layer == l) {
                let Some(into) = sums.get_mut(edge.sum) else {
                    continue;
                };
                let Some(fit) = edge.fit() else {
                    into.add(Sum::constant(edge.mean), 1.0);
                    continue;
                };
                let [a, b, c, d] = fit.constants;
                let argument = nodes[edge.input].clone().scaled(a, b);
                let form = library
                    .forms()
                    .iter()
                    .position(|f| f.name() == fit.form)
                    .unwrap_or(usize::MAX);
                into.add(
                    Sum::of(Term::Call(form, fit.own.map(Number::free), argument)).scaled(c, d),
                    1.0,
                );
            }
            let plain = layer.plain_sums();
            let mut rest = sums.split_off(plain).into_iter();
            for factors in &layer.products {
                sums.push(Sum::of(Term::Product(
                    rest.by_ref().take(*factors).collect(),
                )));
            }
            for (sum, shift) in sums.iter_mut().zip(&layer.output_shift) {
                sum.add(Sum::constant(*shift), 1.0);
                sum.normalise(library);
            }
            nodes = sums;
        }
        let out = if self.output < nodes.len() {
            nodes.swap_remove(self.output)
        } else {
            Sum::constant(f64::NAN)
        };
        let mut out = out.scaled(self.target.half, self.target.middle);
        out.normalise(library);
        out
    }
}

/// Score below which an edge is its mean.
const NEGLIGIBLE: f64 = 1e-4;

/// Score below which an edge may be its mean.
const WEAK: f64 = 0.05;

/// Iterations of the fits among which forms are chosen.
const SEARCH_ITERATIONS: usize = 25;

/// Constants of a formula at most: more are no law.
const MOST_CONSTANTS: usize = 40;

/// A composition that misses by so many times what the network misses by is not shortened,
const FAR: f64 = 3.0;

/// unless it misses by less than this many standard deviations of the target.
const NEAR: f64 = 0.03;

/// What an edge may be off, in shares of its spread, however poor the network is.
const COARSEST: f64 = 0.02;
