//! Inversion along contours that wrap the singularities from the right: Talbot's, in Weideman's optimal form and
//! widened for singularities off the real axis.
//!
//! With `z = s t` the integral is `f(t) = 1/(2 pi i t) int e^z F(z/t) dz`, so nodes and weights do not depend on
//! `t`. The midpoint rule in the contour's parameter converges geometrically (Trefethen and Weideman, SIAM Rev.
//! 56 (2014) 385, section 15).

use std::sync::OnceLock;

use num_complex::Complex64;

use super::transform::Source;
use super::{Estimate, growth};
use crate::error::Result;

/// Nodes whose `|e^z|` is below that of this are left out: they add less than a rounding error.
const LEFT: f64 = -45.0;

/// Rightmost point of the widened contours: large enough that 24 nodes reach 1e-13, small enough that rounding
/// errors grow by `e^6` alone.
const RIGHT: f64 = 6.0;

/// Nodes in the upper half plane, with weights so that `f(t) = Re sum_k w_k F(z_k/t)/t`.
pub(super) struct Contour {
    z: Vec<Complex64>,
    weight: Vec<Complex64>,
    /// Singularities with `|Im s| t` up to this are well inside.
    pub(super) reach: f64,
}

impl Contour {
    fn new(nodes: usize, reach: f64, at: impl Fn(f64) -> (Complex64, Complex64)) -> Self {
        let n = 2 * nodes;
        let (mut z, mut weight) = (Vec::new(), Vec::new());
        for k in 0..nodes {
            let theta = (2 * k + 1) as f64 * std::f64::consts::PI / n as f64;
            let (point, slope) = at(theta);
            if point.re < LEFT {
                break;
            }
            z.push(point);
            // 2/n: the mean over the whole circle of angles, of which the lower half gives the conjugates.
            weight.push(point.exp() * slope * Complex64::new(0.0, -2.0 / n as f64));
        }
        Contour { z, weight, reach }
    }

    /// `z = n(-0.6122 + 0.5017 theta cot(0.6407 theta) + 0.2645 i theta)` for `n` nodes over both half planes:
    /// Weideman, SIAM J. Numer. Anal. 44 (2006) 2342, as quoted by Trefethen, Weideman and Schmelzer, BIT 46
    /// (2006) 653, eq. (3.3). Error `3.89^-n` for singularities on the negative real axis; rounding errors grow
    /// by `e^{0.17 n}`.
    pub(super) fn weideman(nodes: usize) -> Self {
        let n = 2.0 * nodes as f64;
        Contour::new(nodes, 0.1 * n, |theta| {
            let (sin, cos) = (0.6407 * theta).sin_cos();
            let cot = cos / sin;
            let re = -0.6122 + 0.5017 * theta * cot;
            let slope = 0.5017 * (cot - 0.6407 * theta / (sin * sin));
            (
                Complex64::new(re, 0.2645 * theta) * n,
                Complex64::new(slope, 0.2645) * n,
            )
        })
    }

    /// `z = 6(theta cot theta + i nu theta)`: Talbot, J. Inst. Math. Appl. 23 (1979) 97, eq. (14), with his
    /// parameters lambda = 6/t and nu. A singularity at height `|Im z|` up to about `5 nu` is well inside.
    pub(super) fn wide(nu: f64, nodes: usize) -> Self {
        Contour::new(nodes, 5.0 * nu, |theta| {
            let (sin, cos) = theta.sin_cos();
            let cot = cos / sin;
            (
                Complex64::new(theta * cot, nu * theta) * RIGHT,
                Complex64::new(cot - theta / (sin * sin), nu) * RIGHT,
            )
        })
    }

    /// Values at many times, with the rounding error of each sum as error.
    pub(super) fn apply(
        &self,
        source: &mut Source<'_>,
        times: &[f64],
        abscissa: f64,
    ) -> Result<Vec<Estimate>> {
        /// Points that are held at once.
        const ROOM: usize = 1 << 14;
        let mut out = Vec::with_capacity(times.len());
        let mut s = Vec::new();
        for times in times.chunks((ROOM / self.z.len().max(1)).max(1)) {
            s.clear();
            for t in times {
                let step = 1.0 / t;
                s.extend(
                    self.z
                        .iter()
                        .map(|z| Complex64::new(abscissa + z.re * step, z.im * step)),
                );
            }
            let f = source.values(&s)?;
            for (t, f) in times.iter().zip(f.chunks(self.z.len())) {
                let (mut sum, mut size) = (0.0, 0.0);
                for (w, f) in self.weight.iter().zip(f) {
                    sum += w.re * f.re - w.im * f.im;
                    size += (w.re * f.re).abs() + (w.im * f.im).abs();
                }
                let scale = growth(abscissa, *t) / t;
                out.push(Estimate {
                    value: sum * scale,
                    error: f64::EPSILON * size * scale,
                });
            }
        }
        Ok(out)
    }
}

/// Contours of growing width, each made once. The first is the narrow optimal one; the nodes of the others were
/// chosen so that rounding is reached for `1/sqrt(s)`, `1/s^2` and singularities at the stated reach.
pub(super) fn ladder() -> &'static [Contour] {
    static LADDER: OnceLock<Vec<Contour>> = OnceLock::new();
    LADDER.get_or_init(|| {
        let mut all = vec![Contour::weideman(16)];
        all.push(Contour::wide(1.0, 24));
        all.push(Contour::wide(2.0, 48));
        for nu in [4u32, 8, 16, 32, 64, 128] {
            all.push(Contour::wide(f64::from(nu), 18 + 20 * nu as usize));
        }
        all
    })
}

/// Talbot's method alone: the two contours of the given number of nodes, or the first two of the ladder; the
/// error is their difference.
pub(super) fn talbot(
    source: &mut Source<'_>,
    times: &[f64],
    abscissa: f64,
    nodes: Option<usize>,
) -> Result<Vec<Estimate>> {
    let (fine, coarse) = match nodes {
        Some(n) => (
            Contour::weideman(n).apply(source, times, abscissa)?,
            Contour::weideman((4 * n / 5).max(2)).apply(source, times, abscissa)?,
        ),
        None => {
            let apply = |at: usize, source: &mut Source<'_>| match ladder().get(at) {
                Some(contour) => contour.apply(source, times, abscissa),
                None => Ok(Vec::new()),
            };
            (apply(1, source)?, apply(0, source)?)
        }
    };
    Ok(fine
        .iter()
        .zip(&coarse)
        .map(|(a, b)| a.against(b))
        .collect())
}
