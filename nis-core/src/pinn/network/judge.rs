//! How good a state is on points that training does not use.

use super::kernel::{Mlp, Workspace};
use super::loss::{forward, residuals};
use super::rows::{Block, Plan, Rows};
use super::setup;
use crate::error::Result;

/// Measures a state on points that training does not use.
pub(super) struct Judge<'a> {
    pub(super) net: &'a Mlp,
    pub(super) plan: Plan<'a>,
    pub(super) block: Block,
    pub(super) sizes: Vec<f64>,
    pub(super) scales: Vec<f64>,
    pub(super) workspace: Workspace,
}

impl Judge<'_> {
    fn split<'p>(&self, p: &'p [f64]) -> (&'p [f64], Vec<f64>) {
        let (own, rest) = p.split_at(self.net.parameters().min(p.len()));
        let unknowns = rest.iter().zip(&self.scales).map(|(q, s)| q * s);
        (own, unknowns.collect())
    }

    /// Half the sum of squares of the equations' rows.
    pub(super) fn equations(&mut self, p: &[f64]) -> Result<f64> {
        let (own, unknowns) = self.split(p);
        let rows = residuals(
            self.net,
            &self.plan,
            &self.block,
            own,
            &unknowns,
            &mut self.workspace,
        )?;
        Ok(0.5 * rows.iter().flatten().map(|r| r * r).sum::<f64>())
    }

    /// Largest root mean square of an equation's residual relative to that of its largest term.
    pub(super) fn relative(&mut self, p: &[f64]) -> Result<f64> {
        let (own, unknowns) = self.split(p);
        let n = self.block.points.len();
        let points: Vec<&[f64]> = self.block.points.columns().collect();
        let mut values = vec![0.0; self.plan.width() * n];
        forward(
            self.net,
            &self.plan,
            &points,
            own,
            &mut self.workspace,
            &mut values,
        )?;
        let terms = self
            .plan
            .terms(&self.block, &values, &unknowns, &self.sizes)?;
        let mut rows = Rows::default();
        let weights = std::mem::take(&mut self.block.weights);
        let computed = self
            .plan
            .rows(&self.block, 0..n, &values, &unknowns, false, &mut rows);
        self.block.weights = weights;
        computed?;
        let mut worst = 0.0f64;
        for (rows, (_, largest)) in rows.values.chunks_exact(n.max(1)).zip(terms) {
            let rms = (rows.iter().map(|r| r * r).sum::<f64>() / n.max(1) as f64).sqrt();
            let own = rms / setup::usable(largest);
            worst = if own <= worst { worst } else { own };
        }
        Ok(worst)
    }
}
