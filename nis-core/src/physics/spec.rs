//! The request: data, what is declared of them, and the checks that are wanted.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::collisions::CollisionClaim;
use super::conserved::Conserved;
use super::data::{Column, Given, Grid, read};
use super::dimensional::{Buckingham, DimensionsClaim};
use super::equation::EquationClaim;
use super::fields::{Amount, Diffusion, Flow};
use super::findings::{Findings, Kind};
use super::gravity::{FreeFall, Pendulum};
use super::motion::Motion;
use super::relativity::{Events, Speed, universal};
use super::response::Response;
use super::thermo::{EnergyBalance, Engine, Exchanges, HeatFlow, MomentumBalance};
use super::{Status, Verdict};
use crate::error::{Error, Result};
use crate::telemetry::Progress;

/// Most claims of one request.
pub const MAX_CLAIMS: usize = 10_000;

/// A model that the data are declared to follow; `law` names it in JSON. Each brings the checks that apply to it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "law", rename_all = "snake_case")]
pub enum Claim {
    /// Energy before and after.
    EnergyBalance(EnergyBalance),
    /// Momentum before and after.
    MomentumBalance(MomentumBalance),
    /// Heat between two bodies.
    HeatFlow(HeatFlow),
    /// A heat engine.
    Engine(Engine),
    /// Heat among several bodies.
    Exchanges(Exchanges),
    /// A speed.
    Speed(Speed),
    /// Causes and effects.
    Events(Events),
    /// A collision.
    Collision(CollisionClaim),
    /// A quantity of columns that is kept.
    Conserved(Conserved),
    /// Bodies in motion.
    Motion(Motion),
    /// Free fall.
    FreeFall(FreeFall),
    /// A pendulum's period.
    Pendulum(Pendulum),
    /// A diffusing field.
    Diffusion(Diffusion),
    /// A flow.
    Flow(Flow),
    /// The amount of something in a closed region.
    Amount(Amount),
    /// A response over frequency.
    Response(Response),
    /// An equation as text.
    Equation(EquationClaim),
    /// Dimensions of an equation.
    Dimensions(DimensionsClaim),
    /// Dimensionless groups.
    Buckingham(Buckingham),
}

/// A request to [`validate`]: data in any units, claims about them, and the kinds of checks that are wanted.
///
/// ```
/// use nis_core::physics::{Status, ValidationSpec, validate};
/// use nis_core::telemetry::Progress;
/// let spec: ValidationSpec = serde_json::from_str(r#"{
///     "numbers": {"F": "100 N", "m": "5 kg", "a": "50 m/s^2"},
///     "claims": [{"law": "equation", "text": "F = m*a"}]
/// }"#).unwrap();
/// assert_eq!(validate(&spec, &Progress::none())?.overall, Status::Violated);
/// # Ok::<(), nis_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ValidationSpec {
    /// Numbers by name.
    pub numbers: BTreeMap<String, Given>,
    /// Columns by name, all of one length.
    pub columns: BTreeMap<String, Column>,
    /// Column over which the others are sampled; absent: `t` where there is one.
    pub time: Option<String>,
    /// Fields on a grid.
    pub grid: Option<Grid>,
    /// What is claimed.
    pub claims: Vec<Claim>,
    /// The kinds of checks that are wanted; empty: all that apply.
    pub checks: Vec<Kind>,
}

impl ValidationSpec {
    /// Puts values in the place of those of a field of the grid or of a column of that name, whose unit and noise
    /// stay; a name that is neither becomes a column.
    ///
    /// ```
    /// let mut spec = nis_core::physics::ValidationSpec::default();
    /// spec.put("x", vec![1.0, 2.0]);
    /// assert_eq!(spec.columns["x"].values, [1.0, 2.0]);
    /// ```
    pub fn put(&mut self, name: &str, values: Vec<f64>) {
        let fields = self.grid.as_mut().map(|g| &mut g.fields);
        match fields.and_then(|f| f.get_mut(name)) {
            Some(field) => field.values = values,
            None => self.columns.entry(name.into()).or_default().values = values,
        }
    }
}

/// The outcome of [`validate`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Validation {
    /// Violated where any check is; valid where every claim was checked and nothing is violated; else not checked.
    pub overall: Status,
    /// All verdicts: claim by claim, then the laws that hold for all data.
    pub verdicts: Vec<Verdict>,
    /// The kind of each verdict.
    pub kinds: Vec<Kind>,
    /// Version of the crate that judged.
    pub version: String,
}

/// Checks what is claimed of some data.
///
/// Statistics with noise are compared with thresholds that grow with the number of checks (Bonferroni), so that a
/// request raises a false alarm with a probability of at most 6e-5 where noise is normal and its size is known; where
/// it is estimated, up to 1.4 times the estimate is granted. A check that noise or truncation would blind is
/// `not_checked`. Memory: a few copies of the values that a formula uses, at most 2^18 points of a grid.
///
/// # Errors
/// [`Error::InvalidInput`] names the field that does not fit (an unknown name, a unit of another dimension, lengths
/// that differ), [`Error::Limit`] where there is too much, [`Error::Cancelled`].
pub fn validate(spec: &ValidationSpec, progress: &Progress<'_>) -> Result<Validation> {
    if spec.claims.len() > MAX_CLAIMS {
        return Err(Error::Limit {
            what: "claims".into(),
            limit: MAX_CLAIMS as u64,
            got: spec.claims.len() as u64,
        });
    }
    let data = read(
        spec.numbers.clone(),
        spec.columns.clone(),
        spec.time.clone(),
        spec.grid.clone(),
    )?;
    let mut out = Findings::new(&spec.checks);
    let total = spec.claims.len() as u64;
    for (i, claim) in spec.claims.iter().enumerate() {
        progress.report("physics", i as u64, total, "")?;
        out.begin(Some(i));
        let path = &format!("claims[{i}]");
        let out = &mut out;
        match claim {
            Claim::EnergyBalance(c) => c.check(path, &data, out),
            Claim::MomentumBalance(c) => c.check(path, &data, out),
            Claim::HeatFlow(c) => c.check(path, &data, out),
            Claim::Engine(c) => c.check(path, &data, out),
            Claim::Exchanges(c) => c.check(path, &data, out),
            Claim::Speed(c) => c.check(path, &data, out),
            Claim::Events(c) => c.check(path, &data, out),
            Claim::Collision(c) => c.check(path, &data, out),
            Claim::Conserved(c) => c.check(path, &data, out, progress),
            Claim::Motion(c) => c.check(path, &data, out, progress),
            Claim::FreeFall(c) => c.check(path, &data, out),
            Claim::Pendulum(c) => c.check(path, &data, out),
            Claim::Diffusion(c) => c.check(path, &data, out, progress),
            Claim::Flow(c) => c.check(path, &data, out, progress),
            Claim::Amount(c) => c.check(path, &data, out, progress),
            Claim::Response(c) => c.check(path, &data, out, progress),
            Claim::Equation(c) => c.check(path, &data, out, progress),
            Claim::Dimensions(c) => c.check(path, &data, out),
            Claim::Buckingham(c) => c.check(path, out),
        }?;
    }
    out.begin(None);
    universal(&data, &mut out);
    for kind in &spec.checks {
        out.missing(*kind);
    }
    progress.report("physics", total, total, "")?;
    let (verdicts, kinds, overall) = out.finish(spec.claims.len());
    Ok(Validation {
        overall,
        verdicts,
        kinds,
        version: crate::VERSION.into(),
    })
}
