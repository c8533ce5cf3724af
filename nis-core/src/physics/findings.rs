//! The verdicts of a request as they come up, and the thresholds that they share.

use serde::{Deserialize, Serialize};

use super::statistics::{BLIND, bound};
use super::{Status, Verdict};

/// What a check is about: the names that `checks` of a request takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Energy is kept, or changes by the power that is declared.
    Energy,
    /// Momentum is kept, or changes by the impulse that is declared.
    Momentum,
    /// Angular momentum is kept.
    AngularMomentum,
    /// Any other quantity that is declared conserved.
    Conserved,
    /// The amount of something in a closed region is kept.
    Mass,
    /// Density and velocity obey the equation of continuity; a velocity declared incompressible has no divergence.
    Continuity,
    /// A field obeys the heat equation.
    HeatEquation,
    /// The largest value of a diffusing field does not grow, the smallest does not fall.
    MaximumPrinciple,
    /// Entropy is not destroyed.
    SecondLaw,
    /// No engine is better than Carnot's.
    Carnot,
    /// Nothing is faster than light.
    SpeedOfLight,
    /// A cause reaches its effect at the speed of light or below, and is earlier.
    Causality,
    /// No temperature is below absolute zero.
    AbsoluteZero,
    /// All terms have one dimension.
    Dimensions,
    /// Groups are pure numbers, and as many as the rank of the dimensions says (Buckingham).
    Buckingham,
    /// Real and imaginary part of a response belong together (Kramers and Kronig).
    KramersKronig,
    /// A passive medium gives no energy.
    Passivity,
    /// The acceleration of free fall.
    Gravity,
    /// The period of a pendulum.
    Period,
    /// Relative speeds after a collision.
    Restitution,
    /// An equation given as text.
    Equation,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Kind; 21] = [
        Kind::Energy,
        Kind::Momentum,
        Kind::AngularMomentum,
        Kind::Conserved,
        Kind::Mass,
        Kind::Continuity,
        Kind::HeatEquation,
        Kind::MaximumPrinciple,
        Kind::SecondLaw,
        Kind::Carnot,
        Kind::SpeedOfLight,
        Kind::Causality,
        Kind::AbsoluteZero,
        Kind::Dimensions,
        Kind::Buckingham,
        Kind::KramersKronig,
        Kind::Passivity,
        Kind::Gravity,
        Kind::Period,
        Kind::Restitution,
        Kind::Equation,
    ];
}

/// How the statistic of a check is distributed where the law holds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Deviate {
    /// Degrees of freedom of Student's t; infinite for a normal deviate.
    pub(super) freedom: f64,
    /// One unit of the statistic as a share of the tested quantity: what the check can see.
    pub(super) share: f64,
}

#[derive(Debug)]
struct Finding {
    kind: Kind,
    /// Index of the claim; `None` for the laws that hold for all data.
    claim: Option<usize>,
    verdict: Verdict,
    deviate: Option<Deviate>,
}

/// Verdicts as they come up.
#[derive(Debug, Default)]
pub(super) struct Findings {
    list: Vec<Finding>,
    claim: Option<usize>,
    wanted: Vec<Kind>,
}

impl Findings {
    /// Takes verdicts of these kinds; of all where there are none.
    pub(super) fn new(wanted: &[Kind]) -> Self {
        Findings {
            wanted: wanted.to_vec(),
            ..Self::default()
        }
    }

    /// What comes now belongs to this claim.
    pub(super) fn begin(&mut self, claim: Option<usize>) {
        self.claim = claim;
    }

    /// Whether verdicts of a kind are asked for.
    pub(super) fn wants(&self, kind: Kind) -> bool {
        self.wanted.is_empty() || self.wanted.contains(&kind)
    }

    /// A verdict that is final.
    pub(super) fn push(&mut self, kind: Kind, verdict: Verdict) {
        self.add(kind, verdict, None);
    }

    /// A statistic that is a Student or normal deviate where the law holds. One that could not see a deviation of
    /// half the quantity is no check, unless it fails.
    pub(super) fn deviate(&mut self, kind: Kind, verdict: Verdict, deviate: Deviate) {
        self.add(kind, verdict, Some(deviate));
    }

    /// Says so where nothing of a kind that was asked for came up.
    pub(super) fn missing(&mut self, kind: Kind) {
        if self.list.iter().all(|f| f.kind != kind) {
            let why = "no claim declares what this check needs";
            self.add(kind, Verdict::not_checked(format!("{kind:?}"), why), None);
        }
    }

    fn add(&mut self, kind: Kind, verdict: Verdict, deviate: Option<Deviate>) {
        if self.wants(kind) {
            self.list.push(Finding {
                kind,
                claim: self.claim,
                verdict,
                deviate,
            });
        }
    }

    /// The verdicts under thresholds that together raise no more false alarms than a single check may.
    pub(super) fn finish(self, claims: usize) -> (Vec<Verdict>, Vec<Kind>, Status) {
        let checks = self.list.iter().filter(|f| f.deviate.is_some()).count();
        let mut state = vec![Status::NotChecked; claims];
        let mut violated = false;
        let mut valid = false;
        let (mut verdicts, mut kinds) = (Vec::new(), Vec::new());
        for finding in self.list {
            let mut verdict = finding.verdict;
            if let Some(deviate) = finding.deviate {
                verdict = judged(verdict, deviate, checks);
            }
            violated |= verdict.status == Status::Violated;
            valid |= verdict.status == Status::Valid;
            if verdict.status != Status::NotChecked
                && let Some(state) = finding.claim.and_then(|c| state.get_mut(c))
            {
                *state = Status::Valid;
            }
            verdicts.push(verdict);
            kinds.push(finding.kind);
        }
        // A claim that nothing could check must not pass for valid beside one that was checked.
        let overall = if violated {
            Status::Violated
        } else if valid && state.iter().all(|s| *s == Status::Valid) {
            Status::Valid
        } else {
            Status::NotChecked
        };
        (verdicts, kinds, overall)
    }
}

fn judged(mut verdict: Verdict, deviate: Deviate, checks: usize) -> Verdict {
    let Some((name, statistic)) = verdict.statistic.clone() else {
        return verdict;
    };
    let threshold = bound(checks, deviate.freedom);
    if !(statistic.is_finite() && threshold.is_finite() && deviate.share.is_finite()) {
        return Verdict::not_checked(verdict.check, format!("the {name} is not finite"));
    }
    verdict.threshold = Some(threshold);
    if statistic.abs() > threshold {
        verdict.status = Status::Violated;
    } else if threshold * deviate.share > BLIND {
        verdict.status = Status::NotChecked;
        verdict.explanation = format!(
            "cannot tell: noise and truncation would hide a change of {:.0} %",
            (100.0 * threshold * deviate.share).min(1e6)
        );
    } else {
        verdict.status = Status::Valid;
    }
    verdict
}
