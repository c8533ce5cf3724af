//! Heat, engines and entropy, in numbers.

use serde::{Deserialize, Serialize};

use super::data::{Data, Given};
use super::findings::{Findings, Kind};
use super::{Verdict, energy, heat_flow, momentum};
use crate::error::{Error, Result};

/// Relative deviation that rounding and given digits may cause in exact numbers.
const EXACT: f64 = 1e-9;

fn zero() -> Given {
    Given::Number(0.0)
}

/// Energy before and after (J), work done on the system and heat given to it; see [`energy`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EnergyBalance {
    /// Energy before.
    pub before: Given,
    /// Energy after.
    pub after: Given,
    /// Work done on the system; absent: 0, an isolated system.
    #[serde(default = "zero")]
    pub work: Given,
    /// Heat given to it; absent: 0.
    #[serde(default = "zero")]
    pub heat: Given,
}

impl EnergyBalance {
    pub(super) fn check(&self, path: &str, data: &Data, out: &mut Findings) -> Result<()> {
        let get = |name: &str, g: &Given| data.number(&format!("{path}.{name}"), g, "J");
        let verdict = energy(
            get("before", &self.before)?,
            get("after", &self.after)?,
            get("work", &self.work)?,
            get("heat", &self.heat)?,
        );
        out.push(Kind::Energy, verdict);
        Ok(())
    }
}

/// Momentum before and after (kg m/s) and the impulse of the outer forces; see [`momentum`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MomentumBalance {
    /// Momentum before.
    pub before: Given,
    /// Momentum after.
    pub after: Given,
    /// Impulse of the outer forces; absent: 0.
    #[serde(default = "zero")]
    pub impulse: Given,
}

impl MomentumBalance {
    pub(super) fn check(&self, path: &str, data: &Data, out: &mut Findings) -> Result<()> {
        let get = |name: &str, g: &Given| data.number(&format!("{path}.{name}"), g, "kg*m/s");
        let verdict = momentum(
            get("before", &self.before)?,
            get("after", &self.after)?,
            get("impulse", &self.impulse)?,
        );
        out.push(Kind::Momentum, verdict);
        Ok(())
    }
}

/// Heat (J, positive) that flows between bodies of given temperatures (K); see [`heat_flow`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HeatFlow {
    /// The heat.
    pub heat: Given,
    /// Temperature of the body that it leaves.
    pub from: Given,
    /// Temperature of the body that it reaches.
    pub to: Given,
    /// Work spent on it; absent: 0.
    #[serde(default = "zero")]
    pub work: Given,
}

impl HeatFlow {
    pub(super) fn check(&self, path: &str, data: &Data, out: &mut Findings) -> Result<()> {
        let get = |name: &str, g: &Given, unit| data.number(&format!("{path}.{name}"), g, unit);
        let verdict = heat_flow(
            get("heat", &self.heat, "J")?,
            get("from", &self.from, "K")?,
            get("to", &self.to, "K")?,
            get("work", &self.work, "J")?,
        );
        out.push(Kind::SecondLaw, verdict);
        Ok(())
    }
}

/// A heat engine in a cycle: its efficiency, or the heat taken in and the work given.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Engine {
    /// Temperature of the hot reservoir, K.
    pub hot: Given,
    /// Temperature of the cold reservoir, K.
    pub cold: Given,
    /// Claimed efficiency, a share of 1.
    #[serde(default)]
    pub efficiency: Option<Given>,
    /// Heat taken from the hot reservoir, J.
    #[serde(default)]
    pub heat: Option<Given>,
    /// Work given, J.
    #[serde(default)]
    pub work: Option<Given>,
}

impl Engine {
    pub(super) fn check(&self, path: &str, data: &Data, out: &mut Findings) -> Result<()> {
        let get = |name: &str, g: &Given, unit| data.number(&format!("{path}.{name}"), g, unit);
        let (hot, cold) = (get("hot", &self.hot, "K")?, get("cold", &self.cold, "K")?);
        let efficiency = match (&self.efficiency, &self.heat, &self.work) {
            (Some(e), None, None) => get("efficiency", e, "1")?,
            (None, Some(q), Some(w)) => get("work", w, "J")? / get("heat", q, "J")?,
            _ => {
                return Err(Error::invalid(
                    path,
                    "another choice of efficiency, heat and work",
                    "the efficiency alone, or heat and work",
                ));
            }
        };
        let title = "Carnot's limit";
        let fits = hot.is_finite() && cold > 0.0 && hot > cold && efficiency.is_finite();
        if !fits || efficiency < 0.0 {
            let why =
                "temperatures in K with hot > cold > 0 and an efficiency of 0 or more are needed";
            out.push(Kind::Carnot, Verdict::not_checked(title, why));
            return Ok(());
        }
        let most = 1.0 - cold / hot;
        // Per joule taken in.
        let produced = (1.0 - efficiency) / cold - 1.0 / hot;
        out.push(
            Kind::Carnot,
            Verdict::by(
                title.into(),
                ("efficiency", efficiency),
                most * (1.0 + EXACT),
                format!("no engine between {hot} K and {cold} K is better than 1 - T_cold/T_hot"),
            )
            .with_effect(format!(
                "entropy produced {:.4} J/K per kJ taken in",
                1e3 * produced
            )),
        );
        out.push(
            Kind::SecondLaw,
            Verdict::by(
                "second law: entropy of the engine's surroundings".into(),
                ("entropy destroyed, relative", (-produced * cold).max(0.0)),
                EXACT,
                "over a cycle the entropy of both reservoirs together must not fall".into(),
            )
            .with_effect(format!("{:.4} J/K per kJ taken in", 1e3 * produced)),
        );
        Ok(())
    }
}

/// Heat that a body takes in at its temperature.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exchange {
    /// Heat taken in (negative: given), J.
    pub heat: Given,
    /// Temperature of the body, K.
    pub temperature: Given,
}

/// Bodies that exchange heat and nothing else: the heats add to 0 (first law), their entropies to 0 or more.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exchanges {
    /// What each body takes in.
    pub bodies: Vec<Exchange>,
    /// Work that comes from outside and becomes heat, J; absent: 0.
    #[serde(default = "zero")]
    pub work: Given,
}

impl Exchanges {
    pub(super) fn check(&self, path: &str, data: &Data, out: &mut Findings) -> Result<()> {
        let work = data.number(&format!("{path}.work"), &self.work, "J")?;
        let (mut heats, mut size, mut entropy, mut most) = (0.0, 0.0f64, 0.0, 0.0f64);
        let mut fits = self.bodies.len() >= 2;
        for (i, body) in self.bodies.iter().enumerate() {
            let at = format!("{path}.bodies[{i}]");
            let q = data.number(&format!("{at}.heat"), &body.heat, "J")?;
            let t = data.number(&format!("{at}.temperature"), &body.temperature, "K")?;
            fits &= t > 0.0 && t.is_finite() && q.is_finite();
            heats += q;
            size = size.max(q.abs());
            entropy += q / t;
            most = most.max((q / t).abs());
        }
        if !(fits && work.is_finite() && size > 0.0) {
            let why = "two or more bodies with finite heats, not all 0, and temperatures above 0 K are needed";
            out.push(
                Kind::SecondLaw,
                Verdict::not_checked("second law: entropy", why),
            );
            return Ok(());
        }
        out.push(
            Kind::Energy,
            Verdict::by(
                "first law: heat exchanged".into(),
                ("relative imbalance", ((heats - work) / size).abs()),
                EXACT,
                "what one body gives another takes in".into(),
            )
            .with_effect(format!("{} J unaccounted for", heats - work)),
        );
        out.push(
            Kind::SecondLaw,
            Verdict::by(
                "second law: entropy".into(),
                ("entropy destroyed, relative", (-entropy).max(0.0) / most),
                EXACT,
                "the entropies of all bodies together must not fall".into(),
            )
            .with_effect(format!("entropy change {entropy:+.4} J/K")),
        );
        Ok(())
    }
}
