//! Discretisation, and the bilinear map between discrete and continuous systems.

use faer::Mat;
use num_complex::Complex64;
use serde::{Deserialize, Serialize};

use super::dense::solve;
use super::simulate::{Hold, Interval};
use super::{StateSpace, System, Zpk};
use crate::error::{Error, Result};

/// How a continuous system becomes a discrete one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Discretization {
    /// Exact for inputs that stay constant between samples (default).
    #[default]
    Zoh,
    /// Exact for inputs that are linear between samples.
    Foh,
    /// `s = 2/dt (z - 1)/(z + 1)`: keeps stability, gain and the shape of the frequency response, with the
    /// frequencies warped by the tangent.
    Tustin,
    /// Poles and zeros go to `e^{s dt}`, zeros at infinity but one to -1, the gain is that at zero frequency; one
    /// input and one output.
    Matched,
}

/// How a system is discretised.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DiscretizeOptions {
    /// The method.
    pub method: Discretization,
    /// Angular frequency at which [`Discretization::Tustin`] keeps the response exactly; 0 where `None`.
    pub prewarp: Option<f64>,
}

impl Default for DiscretizeOptions {
    fn default() -> Self {
        DiscretizeOptions {
            method: Discretization::Zoh,
            prewarp: None,
        }
    }
}

impl System {
    /// The discrete system with sampling interval `dt` that stands for this one. A system in pole-residue form
    /// goes by its modal state-space form, so its states stay decoupled.
    ///
    /// ```
    /// use nis_core::laplace::{PoleResidue, system::{DiscretizeOptions, System}};
    /// use num_complex::Complex64;
    /// let lag = PoleResidue::from_pairs(&[Complex64::new(-1.0, 0.0)], &[Complex64::new(1.0, 0.0)], 0.0)?;
    /// let sampled = System::from(lag).discretize(0.5, &DiscretizeOptions::default())?;
    /// assert!((sampled.poles()?[0].re - (-0.5f64).exp()).abs() < 1e-15);
    /// # Ok::<(), nis_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::InvalidInput`] where `dt` or `prewarp` is not positive (or beyond half the sampling rate), or the
    /// system is discrete already; [`Error::Numerical`] where Tustin's method meets a pole at `2/dt`.
    pub fn discretize(&self, dt: f64, options: &DiscretizeOptions) -> Result<System> {
        if !dt.is_finite() || dt <= 0.0 {
            return Err(Error::invalid("dt", dt, "a positive sampling interval"));
        }
        let system = self.to_state_space()?;
        system.continuous("discretisation")?;
        if options.prewarp.is_some() && options.method != Discretization::Tustin {
            return Err(Error::invalid(
                "options.prewarp",
                format!("{:?}", options.prewarp),
                "none, but for the method tustin",
            ));
        }
        let discrete = match options.method {
            Discretization::Zoh => {
                let step = Interval::new(&system, dt, Hold::Zero)?;
                let d = system.mat_d();
                StateSpace::from_mats(&step.phi, &step.g0, &system.mat_c(), &d, Some(dt))
            }
            Discretization::Foh => {
                // With x - g1 u as the state no future input is needed (Franklin, Powell and Workman,
                // section 6.3.2).
                let step = Interval::new(&system, dt, Hold::First)?;
                let c = system.mat_c();
                let b = &step.g0 + &step.phi * &step.g1;
                let d = system.mat_d() + &c * &step.g1;
                StateSpace::from_mats(&step.phi, &b, &c, &d, Some(dt))
            }
            Discretization::Tustin => {
                let factor = match options.prewarp {
                    None => 2.0 / dt,
                    Some(w) if w > 0.0 && w * dt < std::f64::consts::PI => w / (0.5 * w * dt).tan(),
                    Some(w) => {
                        return Err(Error::invalid(
                            "options.prewarp",
                            w,
                            "a positive angular frequency below pi/dt",
                        ));
                    }
                };
                to_discrete(&rescaled(&system, factor), dt)?
            }
            Discretization::Matched => self.matched(dt)?,
        };
        discrete.check()?;
        Ok(System::StateSpace(discrete))
    }

    fn matched(&self, dt: f64) -> Result<StateSpace> {
        self.single("the matched method")?;
        let (poles, zeros) = (self.poles()?, self.zeros()?);
        let map = |list: &[Complex64]| list.iter().map(|s| (s * dt).exp()).collect::<Vec<_>>();
        let mut zpk = Zpk {
            zeros: map(&zeros),
            poles: map(&poles),
            gain: 1.0,
            dt: Some(dt),
        };
        while zpk.zeros.len() + 1 < zpk.poles.len() {
            zpk.zeros.push(Complex64::from(-1.0));
        }
        // Real points where H is neither zero nor infinite: 0, or else a little right of it.
        for s in [0.0, 1e-3 / dt, 1.7e-2 / dt, 0.13 / dt] {
            let wanted = self.frequency_or_real(s)?;
            let got = zpk.evaluate(Complex64::from((s * dt).exp()));
            let gain = wanted / got.re;
            if gain.is_finite() && gain != 0.0 && got.re != 0.0 {
                zpk.gain = gain;
                return zpk.to_state_space();
            }
        }
        Err(Error::numerical(
            "matched method",
            "no real point where the gain could be compared",
        ))
    }

    fn frequency_or_real(&self, s: f64) -> Result<f64> {
        Ok(self
            .evaluate(Complex64::from(s))?
            .first()
            .map_or(f64::NAN, |h| h.re))
    }
}

/// `H(factor * w)` as a system in `w`.
pub(super) fn rescaled(system: &StateSpace, factor: f64) -> StateSpace {
    let mut scaled = system.clone();
    let root = factor.sqrt();
    scaled.a.iter_mut().for_each(|v| *v /= factor);
    scaled.b.iter_mut().for_each(|v| *v /= root);
    scaled.c.iter_mut().for_each(|v| *v /= root);
    scaled
}

fn shifted(a: &Mat<f64>, sign: f64) -> Mat<f64> {
    Mat::from_fn(a.nrows(), a.ncols(), |i, j| {
        f64::from(u8::from(i == j)) + sign * a[(i, j)]
    })
}

/// The discrete system `H(w)` with `w = (z - 1)/(z + 1)`. Gramians and Hankel singular values stay (Al-Saggaf and
/// Franklin, IEEE Trans. Autom. Control 33 (1988) 687).
pub(super) fn to_discrete(system: &StateSpace, dt: f64) -> Result<StateSpace> {
    let (a, b, c, d) = system.mats();
    bilinear(
        "bilinear map",
        &shifted(&a, -1.0),
        &shifted(&a, 1.0),
        &b,
        &c,
        &d,
        1.0,
        Some(dt),
    )
}

/// The continuous system in `w = (z - 1)/(z + 1)` of a discrete one; a system that is continuous already comes
/// back as it is.
pub(super) fn to_continuous(system: &StateSpace) -> Result<StateSpace> {
    if system.dt.is_none() {
        return Ok(system.clone());
    }
    let (a, b, c, d) = system.mats();
    let minus = Mat::from_fn(a.nrows(), a.ncols(), |i, j| {
        a[(i, j)] - f64::from(u8::from(i == j))
    });
    bilinear(
        "inverse bilinear map",
        &shifted(&a, 1.0),
        &minus,
        &b,
        &c,
        &d,
        -1.0,
        None,
    )
}

/// `A' = E^-1 F`, `B' = sqrt(2) E^-1 B`, `C' = sqrt(2) C E^-1`, `D' = D + sign C E^-1 B`.
#[allow(clippy::too_many_arguments)]
fn bilinear(
    what: &str,
    e: &Mat<f64>,
    f: &Mat<f64>,
    b: &Mat<f64>,
    c: &Mat<f64>,
    d: &Mat<f64>,
    sign: f64,
    dt: Option<f64>,
) -> Result<StateSpace> {
    let root = std::f64::consts::SQRT_2;
    let n = e.nrows();
    let inverse = solve(what, e.as_ref(), Mat::<f64>::identity(n, n).as_ref())?;
    let scaled = |m: Mat<f64>, by: f64| Mat::from_fn(m.nrows(), m.ncols(), |i, j| m[(i, j)] * by);
    let eb = &inverse * b;
    let a = solve(what, e.as_ref(), f.as_ref())?;
    let d = d + scaled(c * &eb, sign);
    let c = scaled(c * &inverse, root);
    Ok(StateSpace::from_mats(&a, &scaled(eb, root), &c, &d, dt))
}
