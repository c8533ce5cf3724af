//! Grids that change while the function stays: refinement, and grids that follow the samples.

use faer::Mat;
use faer::linalg::solvers::SolveLstsqCore;

use super::{Kan, Layer};
use crate::error::{Error, Result};
use crate::kan::basis::{Basis, Family, Outside};

/// Most functions of a grid that is refined or moved (its least squares hold some hundred megabytes then).
const MOST_FUNCTIONS: usize = 2048;

/// Rows that grids are taken from at most.
const MOST_ROWS: usize = 20_000;

impl Kan {
    /// The network on grids of `cells` equal cells over the same ranges, the functions on the edges being the
    /// least-squares projections of those before. Where `cells` is a multiple of the cells of equal cells before,
    /// the function is kept to rounding. Costs `100 functions^3` operations per input.
    ///
    /// ```
    /// use nis_core::kan::Kan;
    /// let net = Kan::new(&[2, 3, 1], 4, 3, 0)?;
    /// let finer = net.refined(8)?;
    /// assert!((net.predict(&[0.3, -0.9])?[0] - finer.predict(&[0.3, -0.9])?[0]).abs() < 1e-12);
    /// # Ok::<(), nis_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::InvalidInput`] for no cells, [`Error::Limit`] for more than 2048 functions per edge.
    pub fn refined(&self, cells: usize) -> Result<Kan> {
        let layers = self.layers.iter().map(|layer| {
            let finer = |old: &Basis| {
                let (a, b) = old.grid();
                Basis::of(old.family(), a, b, cells, old.order())
            };
            layer.on_bases(layer.bases.iter().map(finer).collect::<Result<_>>()?)
        });
        Kan::from_layers(layers.collect::<Result<_>>()?)
    }

    /// Moves the grid of every input of every layer to the range that it takes on the rows `x` (row-major), widened by
    /// the share `margin` of it at both ends, with `cells` cells (as many as before where `None`), and projects the
    /// functions on the edges. A grid that the samples fill to nine tenths keeps its ends. Knots of B-splines
    /// are mixed from equal cells and quantiles of the samples: `adaptive` 0 for equal cells, near 1 for quantiles
    /// (Liu et al., "KAN" (2024), appendix A; pykan's `grid_eps` is `1 - adaptive`). An input that does not vary keeps
    /// its grid. Returns the largest change of an output on the rows (at most 20000 of them, evenly taken, are
    /// looked at).
    ///
    /// ```
    /// use nis_core::kan::Kan;
    /// let mut net = Kan::new(&[1, 2, 1], 10, 3, 0)?;
    /// let x: Vec<f64> = (0..200).map(|i| 0.002 * f64::from(i)).collect();
    /// let change = net.follow(&x, None, 0.0, 0.0)?;
    /// assert!(change < 1e-3 && net.layers()[0].basis(0).grid() == (0.0, 0.398));
    /// # Ok::<(), nis_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::InvalidInput`] where `x` is no whole number of rows or not finite, `adaptive` lies outside
    /// [0, 1) or `margin` outside [0, 1]; [`Error::Limit`] for more than 2048 functions per edge. The network is then as before.
    pub fn follow(
        &mut self,
        x: &[f64],
        cells: Option<usize>,
        adaptive: f64,
        margin: f64,
    ) -> Result<f64> {
        self.follow_first(self.layers.len(), x, cells, adaptive, margin)
    }

    /// As [`Kan::follow`] for the first layers only; the others keep their ranges.
    pub(crate) fn follow_first(
        &mut self,
        count: usize,
        x: &[f64],
        cells: Option<usize>,
        adaptive: f64,
        margin: f64,
    ) -> Result<f64> {
        if !(0.0..1.0).contains(&adaptive) {
            return Err(Error::invalid("adaptive", adaptive, "a number in [0, 1)"));
        }
        if !(0.0..=1.0).contains(&margin) {
            return Err(Error::invalid("margin", margin, "a share in [0, 1]"));
        }
        if x.is_empty() || !x.len().is_multiple_of(self.inputs()) {
            return Err(Error::invalid(
                "x",
                format!("{} values", x.len()),
                format!("rows of {} values", self.inputs()),
            ));
        }
        if let Some(bad) = x.iter().find(|v| !v.is_finite()) {
            return Err(Error::invalid("x", bad, "finite values"));
        }
        let rows = x.len() / self.inputs();
        let stride = rows.div_ceil(MOST_ROWS);
        let samples = || x.chunks(self.inputs()).step_by(stride);
        let mut nodes: Vec<Vec<Vec<f64>>> = self
            .layers
            .iter()
            .map(|l| vec![Vec::new(); l.inputs])
            .collect();
        let mut trace = self.trace();
        let mut before = Vec::new();
        for row in samples() {
            before.extend_from_slice(self.forward(row, &mut trace));
            for (nodes, values) in nodes.iter_mut().zip(&trace.nodes) {
                for (node, value) in nodes.iter_mut().zip(values) {
                    node.push(*value);
                }
            }
        }
        let layers = self
            .layers
            .iter()
            .zip(&mut nodes)
            .enumerate()
            .map(|(l, (layer, nodes))| {
                let bases = nodes.iter_mut().enumerate().map(|(i, node)| {
                    if l >= count {
                        node.clear();
                    }
                    node.sort_by(f64::total_cmp);
                    moved(layer.basis(i), node, cells, [adaptive, margin])
                });
                layer.on_bases(bases.collect::<Result<_>>()?)
            });
        let moved = Kan::from_layers(layers.collect::<Result<_>>()?)?;
        let mut change = 0.0f64;
        for (row, before) in samples().zip(before.chunks(self.outputs())) {
            for (after, before) in moved.forward(row, &mut trace).iter().zip(before) {
                let difference = (after - before).abs();
                if difference.is_nan() || difference > change {
                    change = difference;
                }
            }
        }
        *self = moved;
        Ok(change)
    }
}

/// A basis for these rising samples.
fn moved(
    old: &Basis,
    samples: &[f64],
    cells: Option<usize>,
    [adaptive, margin]: [f64; 2],
) -> Result<Basis> {
    let cells = cells.unwrap_or(old.cells());
    let (mut a, mut b) = old.grid();
    let mut varies = false;
    if let [first, .., last] = samples {
        let width = last - first;
        // A node that does not vary says nothing about where its grid shall lie.
        let size = first.abs().max(last.abs());
        if width.is_finite() && width > 1e-9 * size && width > 1e-100 {
            varies = true;
            let filled = a <= *first && *last <= b && width >= 0.9 * (b - a);
            if !filled {
                (a, b) = (first - margin * width, last + margin * width);
            }
        }
    }
    let order = old.order();
    if old.family() != Family::BSpline || adaptive == 0.0 || !varies {
        return Basis::of(old.family(), a, b, cells, order);
    }
    let cell = (b - a) / cells as f64;
    let inner = (0..=cells).map(|j| {
        let share = j as f64 / cells as f64;
        let place = share * (samples.len() - 1) as f64;
        let (low, part) = (place.floor() as usize, place.fract());
        let high = samples[(low + 1).min(samples.len() - 1)];
        let quantile = (samples[low] + part * (high - samples[low])).clamp(a, b);
        adaptive * quantile + (1.0 - adaptive) * (a + cell * j as f64)
    });
    let before = (1..=order).rev().map(|i| a - cell * i as f64);
    let after = (1..=order).map(|i| b + cell * i as f64);
    Basis::new(before.chain(inner).chain(after).collect(), order)
}

impl Layer {
    /// The layer on other bases (one, or one per input), its edges projected.
    fn on_bases(&self, bases: Vec<Basis>) -> Result<Layer> {
        let alike = bases
            .windows(2)
            .all(|b| b[0].functions() == b[1].functions());
        let Some(first) = bases.first().filter(|_| alike) else {
            return Err(Error::invalid("bases", bases.len(), "bases of one size"));
        };
        let (n, m) = (self.functions(), first.functions());
        let mut layer = Layer::new(
            self.inputs,
            self.sums,
            first.clone(),
            self.base,
            self.outside,
        )?;
        let mut projection: Option<Mat<f64>> = None;
        for i in 0..self.inputs {
            let new = &bases[if bases.len() == 1 { 0 } else { i }];
            if projection.is_none() || bases.len() > 1 {
                projection = Some(project(self.basis(i), new, self.outside)?);
            }
            let Some(map) = &projection else { continue };
            for edge in i * self.sums..(i + 1) * self.sums {
                let old = &self.coefficients[edge * n..(edge + 1) * n];
                for (c, to) in layer.coefficients[edge * m..(edge + 1) * m]
                    .iter_mut()
                    .enumerate()
                {
                    *to = old
                        .iter()
                        .enumerate()
                        .map(|(k, old)| map[(c, k)] * old)
                        .sum();
                }
            }
        }
        layer.bases = bases;
        layer.base_scale = self.base_scale.clone();
        layer.edges = self.edges.clone();
        layer.products = self.products.clone();
        layer.sum_shift = self.sum_shift.clone();
        layer.output_shift = self.output_shift.clone();
        Ok(layer)
    }
}

/// The map from coefficients of `old` to those of `new` whose function is nearest on the grid of `new`: least
/// squares at more points per cell than a cell has functions, so that every coefficient is determined.
fn project(old: &Basis, new: &Basis, outside: Outside) -> Result<Mat<f64>> {
    let (n, m) = (old.functions(), new.functions());
    if n.max(m) > MOST_FUNCTIONS {
        return Err(Error::Limit {
            what: "functions of a grid that is refined or moved".into(),
            limit: MOST_FUNCTIONS as u64,
            got: n.max(m) as u64,
        });
    }
    let (a, b) = new.grid();
    let per_cell = new.order() + 2;
    let mut points: Vec<f64> = vec![b];
    let mut spread = |from: f64, to: f64, count: usize| {
        let step = (to - from) / count as f64;
        points.extend((0..count).map(|k| from + step * (k as f64 + 0.5 * f64::from(from > a))));
    };
    if new.family() == Family::BSpline {
        for cell in new.knots()[new.order()..=m]
            .windows(2)
            .filter(|c| c[1] > c[0])
        {
            spread(cell[0], cell[1], per_cell);
        }
        if old.family() == Family::BSpline {
            for cell in old.knots()[old.order()..=n].windows(2) {
                let (from, to) = (cell[0].max(a), cell[1].min(b));
                if from < to {
                    spread(from, to, per_cell);
                }
            }
        }
    } else {
        spread(a, b, 4 * n.max(m));
    }
    let values = |basis: &Basis| {
        let mut out = Mat::<f64>::zeros(points.len(), basis.functions());
        for (row, x) in points.iter().enumerate() {
            let local = basis.local(*x, outside);
            for (c, v) in local.value.iter().enumerate() {
                if local.first + c < basis.functions() {
                    out[(row, local.first + c)] = *v;
                }
            }
        }
        out
    };
    let mut map = values(old);
    values(new)
        .col_piv_qr()
        .solve_lstsq_in_place_with_conj(faer::Conj::No, map.as_mut());
    let map = map.subrows(0, m).to_owned();
    if !map.is_all_finite() {
        return Err(Error::numerical(
            "projection onto a grid",
            format!("no solution for {m} functions on [{a:e}, {b:e}]"),
        ));
    }
    Ok(map)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kan::network::{Base, Structure};
    use crate::optim::Random;

    fn rows(seed: u64, count: usize, size: f64) -> Vec<f64> {
        let mut random = Random(seed);
        (0..count).map(|_| size * random.symmetric()).collect()
    }

    fn largest(a: &[f64], b: &[f64]) -> f64 {
        let differences = a.iter().zip(b).map(|(a, b)| (a - b).abs());
        differences.fold(0.0, |m, d| if d <= m { m } else { d })
    }

    #[test]
    fn nested_refinement_keeps_the_function_in_and_outside_the_grid() {
        for order in 1..=5 {
            for base in [Base::None, Base::Silu] {
                let net = Kan::of(&Structure {
                    widths: vec![2, 3, 2],
                    products: vec![vec![2]],
                    grid: 3,
                    order,
                    base,
                    seed: 4,
                    ..Structure::default()
                })
                .unwrap();
                let x = rows(1, 100, 2.0);
                let before = net.predict(&x).unwrap();
                for cells in [3, 6, 12] {
                    let after = net.refined(cells).unwrap().predict(&x).unwrap();
                    let change = largest(&after, &before);
                    assert!(change <= 1e-10, "{order} {cells}: {change}");
                }
            }
        }
    }

    #[test]
    fn every_family_is_refined() {
        for family in [
            Family::Chebyshev,
            Family::Fourier,
            Family::Rbf,
            Family::Rational,
        ] {
            let net = Kan::of(&Structure {
                widths: vec![2, 2, 1],
                grid: 4,
                family,
                ..Structure::default()
            })
            .unwrap();
            let x = rows(1, 60, 0.7);
            let change = largest(
                &net.refined(10).unwrap().predict(&x).unwrap(),
                &net.predict(&x).unwrap(),
            );
            // Gaussians of another width are other functions.
            let most = if family == Family::Rbf { 0.02 } else { 1e-10 };
            assert!(change <= most, "{family:?}: {change}");
        }
    }

    #[test]
    fn grids_follow_samples_to_the_stated_change() {
        for adaptive in [0.0, 0.5, 0.98] {
            let mut net = Kan::new(&[2, 3, 1], 8, 3, 2).unwrap();
            let old = net.clone();
            let x: Vec<f64> = rows(3, 400, 1.0).iter().map(|v| v * v * v * 0.5).collect();
            let change = net.follow(&x, Some(20), adaptive, 0.0).unwrap();
            let found = largest(&net.predict(&x).unwrap(), &old.predict(&x).unwrap());
            assert!(
                (found - change).abs() <= 1e-14 && change <= 2e-3,
                "{adaptive}: {change}"
            );
            let (a, b) = net.layers()[0].basis(1).grid();
            assert!((-0.5..-0.4).contains(&a) && (0.4..=0.5).contains(&b));
        }
    }

    #[test]
    fn columns_without_width_and_duplicates_keep_their_grids() {
        let mut net = Kan::new(&[2, 1], 4, 3, 2).unwrap();
        let x: Vec<f64> = (0..50).flat_map(|i| [5.0, f64::from(i % 2)]).collect();
        let before = net.predict(&x).unwrap();
        net.follow(&x, None, 0.9, 0.0).unwrap();
        assert_eq!(net.layers()[0].basis(0).grid(), (-1.0, 1.0));
        assert_eq!(net.layers()[0].basis(1).grid(), (0.0, 1.0));
        assert!(largest(&net.predict(&x).unwrap(), &before) <= 1e-2);
        // One row says nothing about a range.
        let mut one = Kan::new(&[2, 1], 4, 3, 2).unwrap();
        one.follow(&[0.2, 0.4], None, 0.0, 0.0).unwrap();
        assert_eq!(one.layers()[0].basis(1).grid(), (-1.0, 1.0));
        assert!(net.follow(&[], None, 0.0, 0.0).is_err());
        assert!(net.follow(&[1.0], None, 0.0, 0.0).is_err());
        assert!(net.follow(&[1.0, f64::NAN], None, 0.0, 0.0).is_err());
        assert!(net.follow(&[1.0, 2.0], None, 1.0, 0.0).is_err());
        assert!(net.refined(0).is_err());
        assert!(net.refined(4000).is_err());
    }
}
