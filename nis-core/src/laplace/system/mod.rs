//! Linear systems in pole-residue and state-space form: responses, zeros, margins, interconnection, conversion,
//! model reduction and discretisation. Polynomials are never expanded.
//!
//! [`System`] holds either form and sends each question to the one that answers it well: frequency and time
//! responses of a [`PoleResidue`] are sums over poles, those of a [`StateSpace`] go through its Schur form and
//! matrix exponentials.

mod chain;
mod connect;
mod dense;
mod discretize;
mod frequency;
mod gramian;
mod grid;
mod margins;
mod modal;
mod norms;
mod prepared;
mod propagate;
mod quasi;
mod reduce;
mod reports;
mod schur;
mod simulate;
mod state_space;
mod time;
mod zeros;
mod zpk;

pub use discretize::{Discretization, DiscretizeOptions};
pub use frequency::{Bode, FrequencyResponse};
pub use margins::{GainMargin, Margins, PhaseMargin};
pub use modal::ModalForm;
pub use norms::PeakGain;
pub use prepared::Prepared;
pub use reduce::{ReduceOptions, Reduction};
pub use simulate::Hold;
pub use state_space::StateSpace;
pub(super) use state_space::check_channels;
pub use time::TimeResponse;
pub use zeros::Damping;
pub use zpk::{Roots, Zpk};

use num_complex::Complex64;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::laplace::PoleResidue;

/// A linear system in one of its two forms. As JSON: `{"pole_residue": {..}}` or `{"state_space": {..}}`.
///
/// ```
/// use nis_core::laplace::system::{System, Zpk};
/// use num_complex::Complex64;
/// let poles = vec![Complex64::new(-1.0, 2.0), Complex64::new(-1.0, -2.0)];
/// let plant = Zpk { zeros: vec![], poles, gain: 5.0, dt: None }.to_system()?;
/// assert!((plant.dc_gain()?[0] - 1.0).abs() < 1e-15);
/// let t = plant.default_times()?;
/// let y = plant.step(&t)?.y;
/// assert!((y[y.len() - 1] - 1.0).abs() < 1e-2);
/// # Ok::<(), nis_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum System {
    /// Poles and residues; continuous.
    PoleResidue(PoleResidue),
    /// Matrices; continuous or discrete.
    StateSpace(StateSpace),
}

/// A system as it is given from outside: one of the two forms, zeros-poles-gain or coefficients. As JSON an
/// object with one key: `pole_residue`, `state_space`, `zpk` or `coefficients`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SystemSpec {
    /// Poles and residues.
    PoleResidue(PoleResidue),
    /// Matrices.
    StateSpace(StateSpace),
    /// Zeros, poles and gain of one input and output.
    Zpk(Zpk),
    /// Polynomials of one input and output; see [`Zpk::from_coefficients`] for what they cost in accuracy.
    Coefficients(Coefficients),
}

/// Polynomial coefficients, highest power first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Coefficients {
    /// Of the numerator.
    pub numerator: Vec<f64>,
    /// Of the denominator.
    pub denominator: Vec<f64>,
    /// Sampling interval of a discrete system.
    #[serde(default)]
    pub dt: Option<f64>,
}

impl SystemSpec {
    /// The system, checked.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] naming what does not fit; see [`Zpk::to_system`] for [`Error::Numerical`].
    pub fn build(self) -> Result<System> {
        match self {
            SystemSpec::PoleResidue(system) => {
                system.check()?;
                Ok(System::PoleResidue(system))
            }
            SystemSpec::StateSpace(system) => {
                system.check()?;
                Ok(System::StateSpace(system))
            }
            SystemSpec::Zpk(zpk) => zpk.to_system(),
            SystemSpec::Coefficients(c) => {
                Zpk::from_coefficients(&c.numerator, &c.denominator, c.dt)?
                    .0
                    .to_system()
            }
        }
    }
}

impl From<PoleResidue> for System {
    fn from(system: PoleResidue) -> Self {
        System::PoleResidue(system)
    }
}

impl From<StateSpace> for System {
    fn from(system: StateSpace) -> Self {
        System::StateSpace(system)
    }
}

impl System {
    /// Number of outputs.
    pub fn outputs(&self) -> usize {
        match self {
            System::PoleResidue(s) => s.outputs,
            System::StateSpace(s) => s.outputs,
        }
    }

    /// Number of inputs.
    pub fn inputs(&self) -> usize {
        match self {
            System::PoleResidue(s) => s.inputs,
            System::StateSpace(s) => s.inputs,
        }
    }

    /// Sampling interval; `None` for a continuous system.
    pub fn dt(&self) -> Option<f64> {
        match self {
            System::PoleResidue(_) => None,
            System::StateSpace(s) => s.dt,
        }
    }

    /// The poles, conjugates included, once per power (per state of a state-space system).
    ///
    /// # Errors
    /// As [`StateSpace::poles`].
    pub fn poles(&self) -> Result<Vec<Complex64>> {
        match self {
            System::PoleResidue(s) => {
                s.check()?;
                let mut poles = Vec::new();
                for chain in chain::chains(s) {
                    for _ in 0..chain.depth {
                        poles.push(chain.pole);
                        if chain.pole.im != 0.0 {
                            poles.push(chain.pole.conj());
                        }
                    }
                }
                Ok(poles)
            }
            System::StateSpace(s) => s.poles(),
        }
    }

    /// Natural frequency, damping ratio and time constant of each pole.
    ///
    /// # Errors
    /// As [`poles`](Self::poles).
    pub fn damping(&self) -> Result<Vec<Damping>> {
        Ok(zeros::damping_table(&self.poles()?, self.dt()))
    }

    /// Whether all poles lie left of the imaginary axis (inside the unit circle).
    ///
    /// # Errors
    /// As [`poles`](Self::poles).
    pub fn is_stable(&self) -> Result<bool> {
        let discrete = self.dt().is_some();
        let inside = |p: &Complex64| if discrete { p.norm() < 1.0 } else { p.re < 0.0 };
        Ok(self.poles()?.iter().all(inside))
    }

    /// `H` at one point, by rows.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] where the parts do not fit.
    pub fn evaluate(&self, s: Complex64) -> Result<Vec<Complex64>> {
        match self {
            System::PoleResidue(system) => {
                system.check()?;
                Ok(system.evaluate(s))
            }
            System::StateSpace(system) => system.evaluate(s),
        }
    }

    /// `H(0)` (`H(1)` of a discrete system) by rows; infinite where there is an integrator.
    ///
    /// # Errors
    /// As [`frequency_response`](Self::frequency_response).
    pub fn dc_gain(&self) -> Result<Vec<f64>> {
        let at_zero = self.frequency_response(&[0.0])?;
        Ok(at_zero.response.iter().map(|h| h.re).collect())
    }

    /// `H(j omega)`; see [`PoleResidue::frequency_response`] and [`StateSpace::frequency_response`].
    ///
    /// # Errors
    /// As those.
    pub fn frequency_response(&self, omega: &[f64]) -> Result<FrequencyResponse> {
        match self {
            System::PoleResidue(s) => s.frequency_response(omega),
            System::StateSpace(s) => s.frequency_response(omega),
        }
    }

    /// Step response; see [`PoleResidue::step`] and [`StateSpace::step`].
    ///
    /// # Errors
    /// As those.
    pub fn step(&self, t: &[f64]) -> Result<TimeResponse> {
        match self {
            System::PoleResidue(s) => s.step(t),
            System::StateSpace(s) => s.step(t),
        }
    }

    /// Impulse response; see [`PoleResidue::impulse`] and [`StateSpace::impulse`].
    ///
    /// # Errors
    /// As those.
    pub fn impulse(&self, t: &[f64]) -> Result<TimeResponse> {
        match self {
            System::PoleResidue(s) => s.impulse(t),
            System::StateSpace(s) => s.impulse(t),
        }
    }

    /// Response to an input; see [`PoleResidue::simulate`] and [`StateSpace::simulate`]. A start `x0` is one of
    /// the states of [`to_state_space`](Self::to_state_space); empty for rest.
    ///
    /// # Errors
    /// As those.
    pub fn simulate(&self, t: &[f64], u: &[f64], x0: &[f64], hold: Hold) -> Result<TimeResponse> {
        match self {
            System::PoleResidue(s) if x0.is_empty() => s.simulate(t, u, hold),
            _ => self.to_state_space()?.simulate(t, u, x0, hold),
        }
    }

    /// Free response from a state of [`to_state_space`](Self::to_state_space).
    ///
    /// # Errors
    /// As [`StateSpace::initial`].
    pub fn initial(&self, x0: &[f64], t: &[f64]) -> Result<TimeResponse> {
        self.to_state_space()?.initial(x0, t)
    }

    /// The state-space form.
    ///
    /// # Errors
    /// As [`PoleResidue::to_state_space`].
    pub fn to_state_space(&self) -> Result<StateSpace> {
        match self {
            System::PoleResidue(s) => s.to_state_space(),
            System::StateSpace(s) => {
                s.check()?;
                Ok(s.clone())
            }
        }
    }

    /// The pole-residue form; see [`StateSpace::to_pole_residue`].
    ///
    /// # Errors
    /// As there.
    pub fn to_pole_residue(&self, tolerance: f64) -> Result<ModalForm> {
        match self {
            System::PoleResidue(s) => {
                s.check()?;
                let chains = chain::chains(s);
                Ok(ModalForm {
                    system: s.clone(),
                    error: 0.0,
                    groups: chains.iter().map(|c| c.depth).collect(),
                })
            }
            System::StateSpace(s) => s.to_pole_residue(tolerance),
        }
    }

    /// This system followed by `next`, in state-space form: see [`StateSpace::series`].
    ///
    /// # Errors
    /// As there.
    pub fn series(&self, next: &System) -> Result<System> {
        let joined = self.to_state_space()?.series(&next.to_state_space()?)?;
        Ok(System::StateSpace(joined))
    }

    /// The sum of two systems; stays in pole-residue form where both are.
    ///
    /// # Errors
    /// As [`StateSpace::parallel`].
    pub fn parallel(&self, other: &System) -> Result<System> {
        match (self, other) {
            (System::PoleResidue(a), System::PoleResidue(b)) => {
                a.parallel(b).map(System::PoleResidue)
            }
            _ => {
                let sum = self.to_state_space()?.parallel(&other.to_state_space()?)?;
                Ok(System::StateSpace(sum))
            }
        }
    }

    /// Both systems side by side; stays in pole-residue form where both are.
    ///
    /// # Errors
    /// As [`StateSpace::append`].
    pub fn append(&self, other: &System) -> Result<System> {
        match (self, other) {
            (System::PoleResidue(a), System::PoleResidue(b)) => {
                a.append(b).map(System::PoleResidue)
            }
            _ => {
                let both = self.to_state_space()?.append(&other.to_state_space()?)?;
                Ok(System::StateSpace(both))
            }
        }
    }

    /// The closed loop with `back`, in state-space form: see [`StateSpace::feedback`].
    ///
    /// # Errors
    /// As there.
    pub fn feedback(&self, back: &System, sign: f64) -> Result<System> {
        let closed = self
            .to_state_space()?
            .feedback(&back.to_state_space()?, sign)?;
        Ok(System::StateSpace(closed))
    }

    /// The system with its outputs multiplied by `factor`.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] where the factor is not finite.
    pub fn scaled(&self, factor: f64) -> Result<System> {
        if !factor.is_finite() {
            return Err(Error::invalid("factor", factor, "a finite value"));
        }
        Ok(match self {
            System::PoleResidue(s) => System::PoleResidue(s.scaled(factor)),
            System::StateSpace(s) => System::StateSpace(s.scaled(factor)),
        })
    }

    /// The one input and output that some questions need.
    fn single(&self, what: &str) -> Result<()> {
        if (self.outputs(), self.inputs()) == (1, 1) {
            return Ok(());
        }
        Err(Error::invalid(
            "system",
            format!("{} outputs, {} inputs", self.outputs(), self.inputs()),
            format!("one output and one input for {what}"),
        ))
    }
}

#[cfg(test)]
mod design_tests;
#[cfg(test)]
mod prepared_tests;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod zpk_tests;
