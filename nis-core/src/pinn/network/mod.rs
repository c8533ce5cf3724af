//! Tanh networks trained on the residuals of equations and conditions; derivatives are propagated as Taylor
//! coefficients.
//!
//! Conditions hold by construction where the domain allows it (`lift`), residuals stay a list of squares (`rows`,
//! `loss`), points follow the residual (`sample`), and the optimiser is second order (`train`). Long times are cut
//! into windows (`march`).

mod grow;
mod judge;
pub mod kernel;
mod lift;
mod loss;
mod machine;
mod march;
mod mirror;
mod options;
mod redraw;
mod rows;
mod sample;
mod setup;
mod train;

#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

use self::kernel::{Mlp, Streams, Workspace};
use self::lift::{Lift, Lifting};
use self::mirror::Mirror;
use super::points::Points;
use super::problem::{Jet, Problem};
use super::solve::{Found, SolveOptions};
use crate::error::Result;
use crate::telemetry::Progress;

pub use options::{Conditions, FourierFeatures, NetworkOptions, Optimiser};

/// Points that are worked on at once.
const CHUNK: usize = 4096;

/// A trained network with what makes fields of its outputs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Trained {
    coordinates: Vec<String>,
    lifts: Vec<Lift>,
    net: Mlp,
    p: Vec<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    mirror: Option<Mirror>,
}

impl Trained {
    /// The values of jets at points: `out[k]` for `jets[k]`. Costs a forward pass of the network with the
    /// derivatives that the jets need; holds those of 4096 points at once.
    pub(super) fn jets(&self, jets: &[Jet], points: &Points, out: &mut [Vec<f64>]) -> Result<()> {
        let lifting = Lifting::by_names(&self.coordinates, &self.lifts, jets)?;
        let mut orders: Vec<Vec<u8>> = vec![vec![0; self.coordinates.len()]];
        orders.extend(lifting.terms.iter().flatten().map(|t| t.order.clone()));
        let streams = Streams::closing(&orders)?;
        let mut workspace = Workspace::new(1);
        for column in out.iter_mut() {
            column.clear();
        }
        let (total, outputs) = (points.len(), self.net.outputs());
        let (mut from, mut values) = (0, Vec::new());
        while from < total {
            let range = from..(from + CHUNK).min(total);
            from = range.end;
            let n = range.len();
            let mut here = Points::zeros(points.dimensions(), n);
            for axis in 0..points.dimensions() {
                if let Some(own) = points.column(axis).get(range.clone()) {
                    here.column_mut(axis).copy_from_slice(own);
                }
            }
            let columns: Vec<&[f64]> = here.columns().collect();
            values.clear();
            values.resize(streams.len() * outputs * n, 0.0);
            self.net
                .forward(&streams, &columns, &self.p, &mut workspace, &mut values)?;
            if let Some(mirror) = &self.mirror {
                let images = mirror.images(&columns);
                let columns: Vec<&[f64]> = images.iter().map(Vec::as_slice).collect();
                let mut there = vec![0.0; values.len()];
                self.net
                    .forward(&streams, &columns, &self.p, &mut workspace, &mut there)?;
                Mirror::join(&mirror.of_streams(&streams, outputs), &mut values, &there);
            }
            let lifted = lifting.at(&here)?;
            let parts = lifting.terms.iter().zip(lifted.base);
            for ((jet, (terms, mut base)), out) in jets.iter().zip(parts).zip(out.iter_mut()) {
                for term in terms {
                    let Some(stream) = streams.index_of(&term.order) else {
                        continue;
                    };
                    let start = (stream * outputs + jet.field) * n;
                    let own = values.get(start..start + n).unwrap_or(&[]);
                    let factor = term.factor.and_then(|f| lifted.factor.get(f));
                    for (i, (b, v)) in base.iter_mut().zip(own).enumerate() {
                        let f = factor.map_or(1.0, |f| f.get(i).copied().unwrap_or(f64::NAN));
                        *b += term.weight * f * v;
                    }
                }
                out.append(&mut base);
            }
        }
        Ok(())
    }
}

/// Trains a network (or one per window of time).
pub(super) fn solve(
    problem: &Problem,
    options: &SolveOptions,
    progress: &Progress<'_>,
) -> Result<Found> {
    options.network.check()?;
    march::solve(problem, options, progress)
}
