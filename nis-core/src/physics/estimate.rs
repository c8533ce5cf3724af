//! Fields and their derivatives at the points of a lattice, and formulas of them with noise, bias and truncation.

use super::local::{self, Choice, LINES, MAX_ORDER, Widths};
use super::statistics::noise_of_lines;
use crate::error::Error;
use crate::expr::{By, Derivative, Expr};
use crate::telemetry::Progress;

/// Most points at which a formula is evaluated; of more, an even share is taken.
const POINTS: usize = 1 << 18;
/// The same where every point has weights of its own.
const UNEVEN_POINTS: usize = 20_000;
/// Longest piece of a line that the choice of a window looks at.
const LINE: usize = 4000;
/// Most fields, numbers and derivatives of one formula: hostile texts cannot make the second derivatives many.
const SYMBOLS: usize = 24;
/// Largest formula, in nodes.
const NODES: u64 = 2000;
/// Largest unevenness of steps, as a share of the step, that is taken for rounding.
const UNEVEN: f64 = 1e-6;

/// An axis of a lattice.
#[derive(Debug, Clone)]
pub(super) struct Line {
    pub(super) name: String,
    pub(super) at: Vec<f64>,
    /// The step where it is even.
    pub(super) step: Option<f64>,
    pub(super) periodic: bool,
}

impl Line {
    /// The axis through increasing coordinates; `None` where they do not increase or are not finite.
    pub(super) fn through(name: &str, at: &[f64]) -> Option<Self> {
        let (first, last) = (at.first()?, at.last()?);
        let step = (last - first) / (at.len() - 1).max(1) as f64;
        let increasing = at.windows(2).all(|w| w[1] > w[0]) && step.is_finite() && step > 0.0;
        let even = at
            .iter()
            .enumerate()
            .all(|(i, t)| (t - first - i as f64 * step).abs() <= UNEVEN * step);
        increasing.then(|| Line {
            name: name.into(),
            at: at.to_vec(),
            step: even.then_some(step),
            periodic: false,
        })
    }
}

/// Fields on the points of a lattice, the last axis fastest.
#[derive(Debug)]
pub(super) struct Lattice<'a> {
    pub(super) axes: Vec<Line>,
    pub(super) fields: Vec<(String, &'a [f64], Option<f64>)>,
    /// How many windows shall fit in a single line at least.
    pub(super) windows: usize,
}

/// A field or one of its derivatives.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Symbol {
    pub(super) text: String,
    pub(super) field: usize,
    orders: Vec<usize>,
}

/// Inner products of the kernels of all pairs of symbols: the covariance of their noise over the field's variance.
#[derive(Debug)]
pub(super) enum Gram {
    Same(Vec<f64>),
    Each(Vec<Vec<f64>>),
}

impl Gram {
    pub(super) fn at(&self, point: usize) -> &[f64] {
        match self {
            Gram::Same(g) => g,
            Gram::Each(g) => &g[point],
        }
    }
}

/// The symbols of some formulas, estimated at points of a lattice.
#[derive(Debug)]
pub(super) struct Samples {
    pub(super) symbols: Vec<Symbol>,
    pub(super) numbers: Vec<(String, f64)>,
    pub(super) axes: Vec<String>,
    /// Standard deviation of one value of each field.
    pub(super) sigma: Vec<f64>,
    pub(super) main: Vec<Vec<f64>>,
    pub(super) other: Vec<Vec<f64>>,
    pub(super) coordinates: Vec<Vec<f64>>,
    pub(super) gram: Gram,
    pub(super) gram_other: Gram,
    pub(super) gram_difference: Gram,
    /// Points of the lattice that one estimate uses.
    pub(super) window: f64,
    /// Points of the lattice per point that is kept.
    pub(super) stride: usize,
    /// See [`Widths::truncation_share`].
    pub(super) truncation_share: f64,
}

/// Why there are no samples.
pub(super) enum Missing {
    /// A check cannot be made.
    NotChecked(String),
    /// The request is at fault, or the work was stopped.
    Failed(Error),
}

impl From<Error> for Missing {
    fn from(error: Error) -> Self {
        Missing::Failed(error)
    }
}

fn not_checked<T>(why: impl Into<String>) -> std::result::Result<T, Missing> {
    Err(Missing::NotChecked(why.into()))
}

impl Lattice<'_> {
    fn symbol(&self, d: &Derivative) -> std::result::Result<Symbol, Missing> {
        let text = d.to_string();
        let Some(field) = self.fields.iter().position(|f| f.0 == d.field) else {
            return not_checked(format!("{text}: there are no samples of {}", d.field));
        };
        let mut orders = vec![0; self.axes.len()];
        match &d.by {
            By::Primes(n) => match orders.as_mut_slice() {
                [order] => *order = *n as usize,
                _ => return not_checked(format!("{text}: primes need a single axis")),
            },
            By::Coordinates(letters) => {
                for c in letters.chars() {
                    let axis = self.axes.iter().position(|a| a.name.chars().eq([c]));
                    match axis.and_then(|a| orders.get_mut(a)) {
                        Some(order) => *order += 1,
                        None => return not_checked(format!("{text}: there is no axis {c}")),
                    }
                }
            }
        }
        if orders.iter().any(|o| *o > MAX_ORDER) {
            return not_checked(format!("{text}: derivatives beyond order {MAX_ORDER}"));
        }
        Ok(Symbol {
            text,
            field,
            orders,
        })
    }

    fn strides(&self) -> Vec<usize> {
        let mut strides = vec![1; self.axes.len()];
        for a in (0..self.axes.len().saturating_sub(1)).rev() {
            strides[a] = strides[a + 1] * self.axes[a + 1].at.len();
        }
        strides
    }

    /// Some lines of a field along an axis.
    fn lines(&self, field: usize, axis: usize) -> Vec<Vec<f64>> {
        let strides = self.strides();
        let (length, stride) = (self.axes[axis].at.len(), strides[axis]);
        let values = self.fields[field].1;
        let all = values.len() / length;
        let step = all.div_ceil(LINES).max(1);
        (0..all)
            .step_by(step)
            .map(|line| {
                let (before, after) = (line / stride, line % stride);
                let first = before * stride * length + after;
                let line = (0..length.min(LINE)).map(|i| values[first + i * stride]);
                line.collect()
            })
            .collect()
    }
}

/// Estimates all symbols of the formulas. Names that are neither fields nor axes are looked up in `numbers`.
pub(super) fn samples(
    lattice: &Lattice<'_>,
    formulas: &[&Expr],
    numbers: &[(String, f64)],
    progress: &Progress<'_>,
) -> std::result::Result<Samples, Missing> {
    let mut symbols: Vec<Symbol> = Vec::new();
    let mut used = std::collections::BTreeSet::new();
    for formula in formulas {
        if formula.complexity() > NODES {
            return not_checked(format!(
                "the formula has {} parts, more than {NODES}",
                formula.complexity()
            ));
        }
        for d in formula.derivatives() {
            let symbol = lattice.symbol(&d)?;
            if !symbols.contains(&symbol) {
                symbols.push(symbol);
            }
        }
        for name in formula.names() {
            if let Some(field) = lattice.fields.iter().position(|f| f.0 == name) {
                let symbol = Symbol {
                    text: name,
                    field,
                    orders: vec![0; lattice.axes.len()],
                };
                if !symbols.contains(&symbol) {
                    symbols.push(symbol);
                }
            } else if lattice.axes.iter().all(|a| a.name != name) {
                match numbers.iter().find(|(n, _)| *n == name) {
                    Some((_, v)) if v.is_finite() => {
                        used.insert(name);
                    }
                    Some(_) => return not_checked(format!("{name} is not finite")),
                    None => return not_checked(format!("there is no value of {name}")),
                }
            }
        }
    }
    if symbols.len() > SYMBOLS {
        return not_checked(format!("more than {SYMBOLS} fields and derivatives"));
    }
    for symbol in &symbols {
        let (name, values, _) = &lattice.fields[symbol.field];
        if values.iter().any(|v| !v.is_finite()) {
            return not_checked(format!("a value of {name} is missing or not finite"));
        }
    }
    let numbers: Vec<_> = numbers
        .iter()
        .filter(|(n, _)| used.contains(n))
        .cloned()
        .collect();
    progress.check()?;
    let (widths, sigma) = widths(lattice, &symbols)?;
    build(lattice, symbols, numbers, widths, sigma, progress)
}

type Chosen = (Vec<Option<Widths>>, Vec<f64>);

/// The windows of all axes along which something is differentiated, and the noise of all fields.
fn widths(lattice: &Lattice<'_>, symbols: &[Symbol]) -> std::result::Result<Chosen, Missing> {
    let mut sigma: Vec<Option<f64>> = lattice.fields.iter().map(|f| f.2).collect();
    let known = sigma.clone();
    let mut out = vec![None; lattice.axes.len()];
    for (a, axis) in lattice.axes.iter().enumerate() {
        let order = symbols.iter().map(|s| s.orders[a]).max().unwrap_or(0);
        if order == 0 {
            continue;
        }
        let n = axis.at.len();
        // Of many lines four windows shall fit in each.
        let most = if lattice.axes.len() == 1 {
            n / (2 * lattice.windows).max(1)
        } else {
            n / 8
        };
        let most = most.clamp(local::least_width(order), 200);
        let mut widths: Option<Widths> = None;
        for (f, field) in lattice.fields.iter().enumerate() {
            if !symbols.iter().any(|s| s.field == f && s.orders[a] > 0) {
                continue;
            }
            let choice: Option<Choice> = match axis.step {
                Some(step) => local::choose(&lattice.lines(f, a), step, order, most, known[f]),
                None => local::choose_uneven(&axis.at, field.1, order, most, known[f]),
            };
            let Some(choice) = choice else {
                return not_checked(format!(
                    "{n} points along {} are too few for derivatives of order {order}",
                    axis.name
                ));
            };
            if widths.is_none_or(|w| choice.widths.main < w.main) {
                widths = Some(choice.widths);
            }
            if known[f].is_none() {
                sigma[f] = Some(sigma[f].map_or(choice.sigma, |s| s.min(choice.sigma)));
            }
        }
        out[a] = widths;
    }
    // Fields without derivatives.
    let sigma = sigma
        .into_iter()
        .enumerate()
        .map(|(f, s)| s.unwrap_or_else(|| plain_noise(lattice, f)))
        .collect();
    Ok((out, sigma))
}

/// The noise of a field that nothing is differentiated of; 0 where there are too few values to tell.
fn plain_noise(lattice: &Lattice<'_>, field: usize) -> f64 {
    let axes = lattice.axes.iter().enumerate();
    let found = axes
        .filter_map(|(a, axis)| match axis.step {
            Some(_) => noise_of_lines(&lattice.lines(field, a)),
            None => {
                local::choose_uneven(&axis.at, lattice.fields[field].1, 0, 3, None).map(|c| c.sigma)
            }
        })
        .fold(f64::INFINITY, f64::min);
    if found.is_finite() { found } else { 0.0 }
}

type Kernels = Vec<Option<Vec<Vec<f64>>>>;

/// The kernels of one symbol along all axes; `None` is the value itself.
fn kernels_of<'k>(symbol: &Symbol, all: &'k Kernels, smooth: bool) -> Vec<Option<&'k [f64]>> {
    all.iter()
        .zip(&symbol.orders)
        .map(|(kernels, order)| match kernels {
            Some(k) if *order > 0 || smooth => k.get(*order).map(Vec::as_slice),
            _ => None,
        })
        .collect()
}

fn dot(a: Option<&[f64]>, b: Option<&[f64]>) -> f64 {
    match (a, b) {
        (None, None) => 1.0,
        (Some(k), None) | (None, Some(k)) => k[k.len() / 2],
        (Some(a), Some(b)) => {
            let (long, short) = if a.len() >= b.len() { (a, b) } else { (b, a) };
            let skip = (long.len() - short.len()) / 2;
            let pairs = long.iter().skip(skip).zip(short);
            pairs.map(|(a, b)| a * b).sum()
        }
    }
}

/// Inner products over all pairs: of `a` with `a`, of `b` with `b`, and of `a - b` with `a - b`.
fn grams(
    symbols: &[Symbol],
    a: &[Vec<Option<&[f64]>>],
    b: &[Vec<Option<&[f64]>>],
) -> [Vec<f64>; 3] {
    let n = symbols.len();
    let mut out = [vec![0.0; n * n], vec![0.0; n * n], vec![0.0; n * n]];
    let product = |k: &[Option<&[f64]>], l: &[Option<&[f64]>]| -> f64 {
        k.iter().zip(l).map(|(k, l)| dot(*k, *l)).product()
    };
    for i in 0..n {
        for j in 0..n {
            if symbols[i].field != symbols[j].field {
                continue;
            }
            let (aa, bb) = (product(&a[i], &a[j]), product(&b[i], &b[j]));
            out[0][i * n + j] = aa;
            out[1][i * n + j] = bb;
            out[2][i * n + j] = aa + bb - product(&a[i], &b[j]) - product(&b[i], &a[j]);
        }
    }
    out
}

/// The sum over a window of several axes.
fn apply(
    values: &[f64],
    axes: &[Line],
    strides: &[usize],
    index: &[usize],
    kernels: &[Option<&[f64]>],
    base: usize,
) -> f64 {
    let ([axis, axes @ ..], [stride, strides @ ..], [at, index @ ..], [kernel, kernels @ ..]) =
        (axes, strides, index, kernels)
    else {
        return values[base];
    };
    match kernel {
        None => apply(values, axes, strides, index, kernels, base + at * stride),
        Some(weights) => {
            let (n, half) = (axis.at.len(), weights.len() / 2);
            let mut sum = 0.0;
            for (k, w) in weights.iter().enumerate() {
                let i = (at + n + k - half) % n;
                sum += w * apply(values, axes, strides, index, kernels, base + i * stride);
            }
            sum
        }
    }
}

fn build(
    lattice: &Lattice<'_>,
    symbols: Vec<Symbol>,
    numbers: Vec<(String, f64)>,
    widths: Vec<Option<Widths>>,
    sigma: Vec<f64>,
    progress: &Progress<'_>,
) -> std::result::Result<Samples, Missing> {
    let order_of = |a: usize| symbols.iter().map(|s| s.orders[a]).max().unwrap_or(0);
    // On a single line the values are smoothed by the same polynomials, where the field is differentiated at all.
    let smooth = |s: &Symbol| {
        lattice.axes.len() == 1
            && symbols
                .iter()
                .any(|o| o.field == s.field && o.orders.iter().any(|k| *k > 0))
    };
    let margin = |a: usize| match widths[a] {
        Some(w) if !lattice.axes[a].periodic => w.main.max(w.other),
        _ => 0,
    };
    let inner: Vec<usize> = lattice
        .axes
        .iter()
        .enumerate()
        .map(|(a, axis)| axis.at.len().saturating_sub(2 * margin(a)))
        .collect();
    let total: usize = inner.iter().product();
    let periodic_too_short = widths
        .iter()
        .zip(&lattice.axes)
        .any(|(w, axis)| w.is_some_and(|w| axis.at.len() < 2 * w.main.max(w.other) + 1));
    if total == 0 || periodic_too_short {
        return not_checked("too few points for the windows of the derivatives");
    }
    let uneven =
        lattice.axes.iter().any(|a| a.step.is_none()) && widths.iter().any(Option::is_some);
    let most = if uneven { UNEVEN_POINTS } else { POINTS };
    let stride = total.div_ceil(most).max(1);
    let strides = lattice.strides();
    let kernels = |which: fn(Widths) -> usize| -> Kernels {
        let axes = lattice.axes.iter().enumerate();
        axes.map(|(a, axis)| {
            let (w, step) = (widths[a]?, axis.step?);
            Some(local::even(which(w), step, order_of(a)))
        })
        .collect()
    };
    let mut out = Samples {
        main: vec![Vec::new(); symbols.len()],
        other: vec![Vec::new(); symbols.len()],
        coordinates: vec![Vec::new(); lattice.axes.len()],
        axes: lattice.axes.iter().map(|a| a.name.clone()).collect(),
        numbers,
        sigma,
        gram: Gram::Each(Vec::new()),
        gram_other: Gram::Each(Vec::new()),
        gram_difference: Gram::Each(Vec::new()),
        window: widths
            .iter()
            .flatten()
            .map(|w| (2 * w.main + 1) as f64)
            .product(),
        stride,
        truncation_share: widths
            .iter()
            .flatten()
            .map(|w| w.truncation_share())
            .fold(0.0, f64::max),
        symbols: Vec::new(),
    };
    let (main, other) = (kernels(|w| w.main), kernels(|w| w.other));
    let mut each = [Vec::new(), Vec::new(), Vec::new()];
    let mut index = vec![0; lattice.axes.len()];
    for (count, point) in (0..total).step_by(stride).enumerate() {
        if count.is_multiple_of(4096) {
            progress.check()?;
        }
        let mut rest = point;
        for a in (0..index.len()).rev() {
            index[a] = margin(a) + rest % inner[a];
            rest /= inner[a];
            out.coordinates[a].push(lattice.axes[a].at[index[a]]);
        }
        // Kernels of this point where the spacing is uneven (then there is one axis).
        let (own_main, own_other);
        let (main, other) = match (uneven, widths.first().copied().flatten()) {
            (true, Some(w)) => {
                let at = |width: usize| -> Kernels {
                    let (t, i) = (&lattice.axes[0].at, index[0]);
                    let offsets: Vec<f64> =
                        t[i - width..=i + width].iter().map(|v| v - t[i]).collect();
                    vec![Some(local::weights(&offsets, order_of(0)))]
                };
                (own_main, own_other) = (at(w.main), at(w.other));
                (&own_main, &own_other)
            }
            _ => (&main, &other),
        };
        let of = |kernels| -> Vec<Vec<Option<&[f64]>>> {
            symbols
                .iter()
                .map(|s| kernels_of(s, kernels, smooth(s)))
                .collect()
        };
        if uneven || count == 0 {
            let [a, b, c] = grams(&symbols, &of(main), &of(other));
            for (list, gram) in each.iter_mut().zip([a, b, c]) {
                list.push(gram);
            }
        }
        for (s, symbol) in symbols.iter().enumerate() {
            let values = lattice.fields[symbol.field].1;
            let value = |kernels: &Kernels| {
                let own = kernels_of(symbol, kernels, smooth(symbol));
                apply(values, &lattice.axes, &strides, &index, &own, 0)
            };
            out.main[s].push(value(main));
            out.other[s].push(value(other));
        }
    }
    let [a, b, c] = each.map(|mut grams| match (uneven, grams.pop()) {
        (false, Some(same)) => Gram::Same(same),
        (_, Some(last)) => {
            grams.push(last);
            Gram::Each(grams)
        }
        (_, None) => Gram::Each(grams),
    });
    (out.gram, out.gram_other, out.gram_difference) = (a, b, c);
    out.symbols = symbols;
    Ok(out)
}
