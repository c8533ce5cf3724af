//! Stability margins.

use std::f64::consts::{PI, TAU};

use num_complex::Complex64;
use serde::{Deserialize, Serialize};

use super::discretize::to_continuous;
use super::frequency::Triangular;
use super::{StateSpace, System};
use crate::error::{Error, Result};
use crate::telemetry::Progress;

/// A frequency where `H` is real and negative.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct GainMargin {
    /// Phase crossover, radians per time unit.
    pub omega: f64,
    /// The factor by which the gain may be multiplied before `H` reaches -1: `1/|H|`.
    pub margin: f64,
    /// The same in decibels.
    pub decibel: f64,
}

/// A frequency where `|H| = 1`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct PhaseMargin {
    /// Gain crossover, radians per time unit.
    pub omega: f64,
    /// `arg(H) + pi`, in `(-pi, pi]`, radians.
    pub margin: f64,
    /// The same in degrees.
    pub degrees: f64,
    /// The delay that brings `H` to -1: the margin, taken from 0 to 2 pi, over `omega`.
    pub delay: f64,
}

/// All crossovers of an open loop `H` and the margins of the closed loop `H/(1 + H)`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Margins {
    /// Whether the closed loop with unit negative feedback is stable. Where it is not, the margins say how far
    /// the loop is from the edge on the wrong side.
    pub closed_loop_stable: bool,
    /// All phase crossovers, by frequency.
    pub gain: Vec<GainMargin>,
    /// All gain crossovers, by frequency.
    pub phase: Vec<PhaseMargin>,
    /// Smallest factor above 1 to the edge; `None` where the gain may grow without bound.
    pub gain_margin: Option<f64>,
    /// Largest factor below 1 to the edge; `None` where the gain may fall to zero.
    pub gain_reduction: Option<f64>,
    /// Smallest phase margin by magnitude, radians; `None` without a gain crossover.
    pub phase_margin: Option<f64>,
    /// Smallest delay margin; `None` without a gain crossover.
    pub delay_margin: Option<f64>,
    /// Least distance of `H(j omega)` from -1: one over the H-infinity norm of `1/(1 + H)`; `None` where the
    /// closed loop is unstable.
    pub modulus_margin: Option<f64>,
}

/// `|Re|/|.|` below which an eigenvalue may stand for a crossover that only touches the level.
const TOUCHES: f64 = 1e-6;

impl System {
    /// Gain, phase, delay and modulus margins of this system as an open loop under negative feedback, one input
    /// and one output.
    ///
    /// The crossovers are the imaginary zeros of `H(s) H(-s) - 1` and of `H(s) - H(-s)`, which a generalised
    /// eigenproblem of twice the order gives all at once; each is then bracketed and refined on `H` itself to
    /// working precision. Nothing depends on a grid being fine enough. Discrete systems go through the bilinear
    /// map, which keeps every crossover.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] for several inputs or outputs or a linear term; [`Error::Numerical`] where an
    /// eigenproblem fails or the loop `1 + D` is singular; [`Error::Cancelled`].
    pub fn margins(&self, progress: &Progress<'_>) -> Result<Margins> {
        self.single("margins")?;
        let system = self.to_state_space()?;
        let plane = to_continuous(&system)?;
        let to_omega = |w: f64| match system.dt {
            Some(dt) => 2.0 / dt * w.atan(),
            None => w,
        };
        let to_plane = |w: f64| match system.dt {
            Some(dt) => (0.5 * w * dt).tan(),
            None => w,
        };
        progress.report("margins", 0, 3, "gain crossovers")?;
        let mirror = mirrored(&plane);
        let mut square = plane.series(&mirror)?;
        square.d = vec![square.d.first().copied().unwrap_or(0.0) - 1.0];
        let gain_roots = square.zeros()?;
        progress.report("margins", 1, 3, "phase crossovers")?;
        let odd = plane.parallel(&mirror.scaled(-1.0))?;
        let phase_roots = odd.zeros()?;
        let grid: Vec<f64> = self
            .default_frequencies()?
            .into_iter()
            .map(to_plane)
            .collect();

        let h = self.on_axis(to_omega)?;
        let mut margins = Margins {
            closed_loop_stable: false,
            gain: Vec::new(),
            phase: Vec::new(),
            gain_margin: None,
            gain_reduction: None,
            phase_margin: None,
            delay_margin: None,
            modulus_margin: None,
        };
        let log_gain = |w: f64| h(w).map(|h| h.norm().ln());
        for w in crossings(&gain_roots, &grid, log_gain, |_| Ok(1.0))? {
            let h = h(w)?;
            let omega = to_omega(w);
            if (h.norm() - 1.0).abs() > 1e-6 {
                continue;
            }
            let phase = h.im.atan2(h.re);
            let margin = if phase > 0.0 { phase - PI } else { phase + PI };
            margins.phase.push(PhaseMargin {
                omega,
                margin,
                degrees: margin.to_degrees(),
                delay: (if margin < 0.0 { margin + TAU } else { margin }) / omega,
            });
        }
        let mut real_axis = crossings(
            &phase_roots,
            &grid,
            |w| h(w).map(|h| h.im),
            |w| h(w).map(|h| h.norm()),
        )?;
        real_axis.insert(0, 0.0);
        for w in real_axis {
            let h = h(w)?;
            if h.re < 0.0 && h.is_finite() && h.im.abs() <= 1e-6 * h.norm() {
                margins.gain.push(GainMargin {
                    omega: to_omega(w),
                    margin: 1.0 / h.norm(),
                    decibel: -20.0 * h.norm().log10(),
                });
            }
        }
        let factors = || margins.gain.iter().map(|g| g.margin);
        margins.gain_margin = factors().filter(|m| *m > 1.0).min_by(f64::total_cmp);
        margins.gain_reduction = factors().filter(|m| *m < 1.0).max_by(f64::total_cmp);
        let by_size = |a: &f64, b: &f64| a.abs().total_cmp(&b.abs());
        margins.phase_margin = margins.phase.iter().map(|p| p.margin).min_by(by_size);
        margins.delay_margin = margins.phase.iter().map(|p| p.delay).min_by(f64::total_cmp);

        progress.report("margins", 2, 3, "closed loop")?;
        let one = StateSpace {
            states: 0,
            inputs: 1,
            outputs: 1,
            a: vec![],
            b: vec![],
            c: vec![],
            d: vec![1.0],
            dt: system.dt,
        };
        let sensitivity = System::StateSpace(one.feedback(&system, -1.0)?);
        margins.closed_loop_stable = sensitivity.is_stable()?;
        if margins.closed_loop_stable {
            margins.modulus_margin = Some(1.0 / sensitivity.h_infinity_norm(progress)?.norm);
        }
        Ok(margins)
    }
}

type OnAxis<'a> = Box<dyn Fn(f64) -> Result<Complex64> + 'a>;

impl System {
    /// `H` at the angular frequency that `to_omega` gives; a state-space system is made triangular once.
    fn on_axis<'a>(&'a self, to_omega: impl Fn(f64) -> f64 + 'a) -> Result<OnAxis<'a>> {
        Ok(match self {
            System::PoleResidue(system) => Box::new(move |w| {
                let at = system.frequency_response(&[to_omega(w)])?;
                Ok(at.response.first().copied().unwrap_or_default())
            }),
            System::StateSpace(system) => {
                let triangular = Triangular::new(system)?;
                Box::new(move |w| {
                    let s = match system.dt {
                        Some(dt) => Complex64::cis(to_omega(w) * dt),
                        None => Complex64::new(0.0, to_omega(w)),
                    };
                    Ok(triangular.careful(s).first().copied().unwrap_or_default())
                })
            }
        })
    }
}

/// `H(-s)`.
fn mirrored(system: &StateSpace) -> StateSpace {
    let negative = |v: &[f64]| v.iter().map(|x| -x).collect();
    StateSpace {
        a: negative(&system.a),
        c: negative(&system.c),
        ..system.clone()
    }
}

/// All `w > 0` where `f` changes its sign, and where it touches zero without a change at one of the `roots`;
/// `size` is what `f` is small against.
///
/// Any two neighbouring crossings have one of the roots each, so points between neighbouring roots separate
/// them; the grid only adds points.
fn crossings(
    roots: &[Complex64],
    grid: &[f64],
    f: impl Fn(f64) -> Result<f64>,
    size: impl Fn(f64) -> Result<f64>,
) -> Result<Vec<f64>> {
    let mut centers: Vec<f64> = roots
        .iter()
        .filter(|r| r.re.abs() < 0.5 * r.norm())
        .map(|r| r.im.abs())
        .filter(|w| *w > 0.0 && w.is_finite())
        .collect();
    centers.sort_by(f64::total_cmp);
    let mut points: Vec<f64> = grid
        .iter()
        .copied()
        .filter(|w| *w > 0.0 && w.is_finite())
        .collect();
    for w in centers.windows(2) {
        // Two roots are the two signs of one where they agree to rounding.
        if w[1] - w[0] > 1e-12 * w[1] {
            points.push((w[0] * w[1]).sqrt());
        }
    }
    for w in &centers {
        points.extend([0.5 * w, 2.0 * w, w * (1.0 - 1e-4), w * (1.0 + 1e-4)]);
    }
    points.sort_by(f64::total_cmp);
    points.dedup();
    let values: Vec<f64> = points.iter().map(|w| f(*w)).collect::<Result<_>>()?;
    let mut found: Vec<f64> = Vec::new();
    for k in 0..points.len() {
        if values[k] == 0.0 {
            found.push(points[k]);
        }
        if k + 1 < points.len() && values[k] * values[k + 1] < 0.0 {
            found.push(refine(
                &f,
                (points[k], values[k]),
                (points[k + 1], values[k + 1]),
            )?);
        }
    }
    for root in roots {
        let w = root.im.abs();
        let near = |x: &f64| (x - w).abs() <= 1e-5 * w;
        if w > 0.0
            && root.re.abs() <= TOUCHES * root.norm()
            && !found.iter().any(near)
            && f(w)?.abs() <= 1e-10 * size(w)?
        {
            found.push(w);
        }
    }
    found.sort_by(f64::total_cmp);
    Ok(found)
}

/// The sign change between two points: the Illinois method with a bisection whenever it is slow.
fn refine(f: &impl Fn(f64) -> Result<f64>, a: (f64, f64), b: (f64, f64)) -> Result<f64> {
    let ((mut a, mut fa), (mut b, mut fb)) = (a, b);
    for round in 0..200 {
        if (b - a).abs() <= 2.0 * f64::EPSILON * a.abs().max(b.abs()) {
            break;
        }
        let secant = (a * fb - b * fa) / (fb - fa);
        let inside = secant > a.min(b) && secant < a.max(b);
        let x = if round % 3 == 2 || !inside {
            0.5 * (a + b)
        } else {
            secant
        };
        let fx = f(x)?;
        if fx == 0.0 {
            return Ok(x);
        }
        if fx.is_nan() {
            return Err(Error::numerical("crossover", format!("no value at {x}")));
        }
        if fx * fb < 0.0 {
            (a, fa) = (b, fb);
        } else {
            fa *= 0.5;
        }
        (b, fb) = (x, fx);
    }
    Ok(0.5 * (a + b))
}
