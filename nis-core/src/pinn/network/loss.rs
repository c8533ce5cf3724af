//! Half the sum of squared residuals as a function of weights and unknown parameters: its value, gradient and
//! Gauss-Newton model. Work is cut into pieces of fixed size, so that the result does not depend on the threads.

use std::sync::Mutex;
use std::time::Instant;

use faer::linalg::matmul::matmul;
use faer::linalg::matmul::triangular::{BlockStructure, matmul as triangular};
use faer::prelude::ReborrowMut;
use faer::{Accum, Mat, MatMut, Par};

use super::kernel::{Mlp, Workspace};
use super::mirror::Mirror;
use super::rows::{Block, Plan, Rows};
use crate::error::{Error, Result};
use crate::optim::{Objective, Quadratic};
use crate::telemetry::Progress;

/// Points that are worked on at once.
const CHUNK: usize = 1024;

/// Columns of a panel of `J^T J`.
const PANEL: usize = 96;

/// The loss. Memory: `CHUNK` rows of the Jacobian per equation, beside what the optimiser holds.
pub(super) struct Loss<'a> {
    pub(super) net: &'a Mlp,
    pub(super) plans: Vec<Plan<'a>>,
    /// One per plan.
    pub(super) blocks: Vec<Block>,
    /// Unknown parameter number `i` is `scales[i] p[weights + i]`.
    pub(super) scales: Vec<f64>,
    workspace: Workspace,
    jacobian: Mat<f64>,
    mirrored: Mat<f64>,
    progress: &'a Progress<'a>,
    deadline: Option<Instant>,
    /// Whether work ended because of the deadline.
    pub(super) late: bool,
}

impl<'a> Loss<'a> {
    pub(super) fn new(
        net: &'a Mlp,
        threads: usize,
        scales: Vec<f64>,
        progress: &'a Progress<'a>,
        deadline: Option<Instant>,
    ) -> Self {
        Loss {
            net,
            plans: Vec::new(),
            blocks: Vec::new(),
            scales,
            workspace: Workspace::new(threads),
            jacobian: Mat::new(),
            mirrored: Mat::new(),
            progress,
            deadline,
            late: false,
        }
    }

    /// Cancelled, or too late; the caller tells one from the other by [`Loss::late`].
    pub(super) fn check(&mut self) -> Result<()> {
        self.progress.check()?;
        if self.deadline.is_some_and(|d| Instant::now() >= d) {
            self.late = true;
            return Err(Error::Cancelled);
        }
        Ok(())
    }

    fn split<'p>(&self, p: &'p [f64]) -> Result<(&'p [f64], Vec<f64>)> {
        let weights = self.net.parameters();
        let (own, rest) = p.split_at_checked(weights).ok_or_else(|| {
            Error::invalid("p", p.len(), format!("at least {weights} parameters"))
        })?;
        let unknowns = rest.iter().zip(&self.scales).map(|(q, s)| q * s);
        Ok((own, unknowns.collect()))
    }

    /// Calls `each` with the rows of all pieces, in order.
    fn pieces(
        &mut self,
        p: &[f64],
        slopes: bool,
        mut each: impl FnMut(&mut Piece<'_>) -> Result<()>,
    ) -> Result<()> {
        let (weights, unknowns) = self.split(p)?;
        let (mut rows, mut values) = (Rows::default(), Vec::new());
        for k in 0..self.plans.len() {
            let total = self.blocks.get(k).map_or(0, |b| b.points.len());
            let mut from = 0;
            while from < total {
                self.check()?;
                let (Some(plan), Some(block)) = (self.plans.get(k), self.blocks.get(k)) else {
                    break;
                };
                let range = from..(from + CHUNK).min(total);
                from = range.end;
                let points: Vec<&[f64]> = block
                    .points
                    .columns()
                    .map(|c| c.get(range.clone()).unwrap_or(&[]))
                    .collect();
                values.clear();
                values.resize(plan.width() * range.len(), 0.0);
                let net = self.net;
                forward(
                    net,
                    plan,
                    &points,
                    weights,
                    &mut self.workspace,
                    &mut values,
                )?;
                plan.rows(block, range.clone(), &values, &unknowns, slopes, &mut rows)?;
                each(&mut Piece {
                    net,
                    plan,
                    points: &points,
                    weights,
                    rows: &rows,
                    scales: &self.scales,
                    workspace: &mut self.workspace,
                    jacobian: &mut self.jacobian,
                    mirrored: &mut self.mirrored,
                })?;
            }
        }
        Ok(())
    }

    /// The weighted residuals of one block, `[kind][point]`.
    pub(super) fn residuals(&mut self, p: &[f64], block: usize) -> Result<Vec<Vec<f64>>> {
        let (weights, unknowns) = self.split(p)?;
        let (Some(plan), Some(own)) = (self.plans.get(block), self.blocks.get(block)) else {
            return Ok(Vec::new());
        };
        residuals(self.net, plan, own, weights, &unknowns, &mut self.workspace)
    }
}

/// The streams of the network, or of its symmetric part.
pub(super) fn forward(
    net: &Mlp,
    plan: &Plan<'_>,
    points: &[&[f64]],
    weights: &[f64],
    workspace: &mut Workspace,
    values: &mut [f64],
) -> Result<()> {
    net.forward(&plan.streams, points, weights, workspace, values)?;
    if let Some((mirror, signs)) = &plan.mirror {
        let images = mirror.images(points);
        let columns: Vec<&[f64]> = images.iter().map(Vec::as_slice).collect();
        let mut there = vec![0.0; values.len()];
        net.forward(&plan.streams, &columns, weights, workspace, &mut there)?;
        Mirror::join(signs, values, &there);
    }
    Ok(())
}

/// Slopes by the streams of the symmetric part, as slopes by the network's streams at the points and at their images.
fn split_slopes(signs: &[f64], slopes: &[f64], points: usize) -> (Vec<f64>, Vec<f64>) {
    let here = slopes.iter().map(|s| 0.5 * s).collect();
    let signs = signs.iter().cycle();
    let there = slopes.chunks(points.max(1)).zip(signs);
    let there = there.flat_map(|(s, sign)| s.iter().map(move |v| 0.5 * sign * v));
    (here, there.collect())
}

/// The weighted residuals at all points of a block, `[kind][point]`.
pub(super) fn residuals(
    net: &Mlp,
    plan: &Plan<'_>,
    block: &Block,
    weights: &[f64],
    unknowns: &[f64],
    workspace: &mut Workspace,
) -> Result<Vec<Vec<f64>>> {
    let mut out = vec![Vec::new(); plan.wanted.kinds()];
    let total = block.points.len();
    let (mut rows, mut values, mut from) = (Rows::default(), Vec::new(), 0);
    while from < total {
        let range = from..(from + CHUNK).min(total);
        from = range.end;
        let n = range.len();
        let points: Vec<&[f64]> = block
            .points
            .columns()
            .map(|c| c.get(range.clone()).unwrap_or(&[]))
            .collect();
        values.clear();
        values.resize(plan.width() * n, 0.0);
        forward(net, plan, &points, weights, workspace, &mut values)?;
        plan.rows(block, range, &values, unknowns, false, &mut rows)?;
        for (out, own) in out.iter_mut().zip(rows.values.chunks_exact(n)) {
            out.extend_from_slice(own);
        }
    }
    Ok(out)
}

/// A piece of the loss.
struct Piece<'p> {
    net: &'p Mlp,
    plan: &'p Plan<'p>,
    points: &'p [&'p [f64]],
    weights: &'p [f64],
    rows: &'p Rows,
    scales: &'p [f64],
    workspace: &'p mut Workspace,
    jacobian: &'p mut Mat<f64>,
    mirrored: &'p mut Mat<f64>,
}

impl Piece<'_> {
    fn half_square(&self) -> f64 {
        0.5 * self.rows.values.iter().map(|v| v * v).sum::<f64>()
    }

    /// Writes the Jacobian's rows and returns their number.
    fn jacobian(&mut self) -> Result<usize> {
        let height = self.rows.values.len();
        let own = self.net.parameters();
        let width = own + self.scales.len();
        if self.jacobian.nrows() < height || self.jacobian.ncols() != width {
            *self.jacobian = Mat::zeros(height, width);
        }
        let mut all = self.jacobian.as_mut().subrows_mut(0, height);
        all.fill(0.0);
        match &self.plan.mirror {
            None => self.net.jacobian(
                &self.plan.streams,
                self.points,
                self.weights,
                &self.rows.seeds,
                self.workspace,
                all.rb_mut().subcols_mut(0, own),
            )?,
            Some((mirror, signs)) => {
                let n = self.points.first().map_or(0, |c| c.len());
                let (here, there) = split_slopes(signs, &self.rows.seeds, n);
                self.net.jacobian(
                    &self.plan.streams,
                    self.points,
                    self.weights,
                    &here,
                    self.workspace,
                    all.rb_mut().subcols_mut(0, own),
                )?;
                let images = mirror.images(self.points);
                let columns: Vec<&[f64]> = images.iter().map(Vec::as_slice).collect();
                if self.mirrored.nrows() < height || self.mirrored.ncols() != own {
                    *self.mirrored = Mat::zeros(height, own);
                }
                let mut part = self.mirrored.as_mut().subrows_mut(0, height);
                self.net.jacobian(
                    &self.plan.streams,
                    &columns,
                    self.weights,
                    &there,
                    self.workspace,
                    part.rb_mut(),
                )?;
                for (to, from) in all
                    .rb_mut()
                    .subcols_mut(0, own)
                    .col_iter_mut()
                    .zip(part.col_iter())
                {
                    for (t, f) in to.iter_mut().zip(from.iter()) {
                        *t += f;
                    }
                }
            }
        }
        let kinds = self.plan.wanted.kinds();
        let n = height / kinds.max(1);
        let unknowns = self.plan.unknowns;
        for (u, scale) in self.scales.iter().enumerate() {
            let mut column = all.rb_mut().col_mut(own + u);
            for k in 0..kinds {
                let from = (k * unknowns + u) * n;
                let slopes = self.rows.by_unknown.iter().skip(from).take(n);
                for (i, s) in slopes.enumerate() {
                    column[k * n + i] = s * scale;
                }
            }
        }
        Ok(height)
    }
}

impl Quadratic for Loss<'_> {
    fn parameters(&self) -> usize {
        self.net.parameters() + self.scales.len()
    }

    fn cost(&mut self, p: &[f64]) -> Result<Option<f64>> {
        let mut sum = 0.0;
        self.pieces(p, false, |piece| {
            sum += piece.half_square();
            Ok(())
        })?;
        Ok(Some(sum).filter(|s: &f64| s.is_finite()))
    }

    fn model(
        &mut self,
        p: &[f64],
        gradient: &mut [f64],
        mut hessian: MatMut<'_, f64>,
    ) -> Result<Option<f64>> {
        let mut sum = 0.0;
        let threads = self.workspace.threads();
        self.pieces(p, true, |piece| {
            sum += piece.half_square();
            let height = piece.jacobian()?;
            let jacobian = piece.jacobian.as_ref().subrows(0, height);
            add_normal(hessian.rb_mut(), jacobian, threads);
            let n = gradient.len();
            let values = faer::ColRef::from_slice(&piece.rows.values);
            matmul(
                faer::ColMut::from_slice_mut(gradient)
                    .subrows_mut(0, n)
                    .as_mat_mut(),
                Accum::Add,
                jacobian.transpose(),
                values.as_mat(),
                1.0,
                Par::Seq,
            );
            Ok(())
        })?;
        Ok(Some(sum).filter(|s: &f64| s.is_finite()))
    }
}

/// Adds the lower triangle of `J^T J`. Each panel of columns is one product, whichever thread does it.
fn add_normal(hessian: MatMut<'_, f64>, jacobian: faer::MatRef<'_, f64>, threads: usize) {
    let n = jacobian.ncols();
    let mut rest = hessian;
    let mut panels = Vec::new();
    let mut from = 0;
    while from < n {
        let width = PANEL.min(n - from);
        let (panel, after) = rest.split_at_col_mut(width);
        rest = after;
        panels.push((from, width, panel));
        from += width;
    }
    let work = |(from, width, panel): (usize, usize, MatMut<'_, f64>)| {
        let (_, mut below) = panel.split_at_row_mut(from);
        let own = jacobian.subcols(from, width);
        triangular(
            below.rb_mut().subrows_mut(0, width),
            BlockStructure::TriangularLower,
            Accum::Add,
            own.transpose(),
            BlockStructure::Rectangular,
            own,
            BlockStructure::Rectangular,
            1.0,
            Par::Seq,
        );
        let under = n - from - width;
        if under > 0 {
            matmul(
                below.subrows_mut(width, under),
                Accum::Add,
                jacobian.subcols(from + width, under).transpose(),
                own,
                1.0,
                Par::Seq,
            );
        }
    };
    if threads <= 1 || panels.len() < 2 {
        panels.into_iter().for_each(work);
        return;
    }
    // The tallest panels come first, so taking them in turn keeps the threads equally busy.
    let queue = Mutex::new(panels.into_iter());
    let take = || queue.lock().ok().and_then(|mut q| q.next());
    std::thread::scope(|scope| {
        let run = || {
            while let Some(panel) = take() {
                work(panel);
            }
        };
        for _ in 1..threads {
            scope.spawn(run);
        }
        run();
    });
}

impl Objective for Loss<'_> {
    fn parameters(&self) -> usize {
        Quadratic::parameters(self)
    }

    fn evaluate(&mut self, p: &[f64], gradient: &mut [f64]) -> Result<f64> {
        let (weights, unknowns) = self.split(p)?;
        gradient.fill(0.0);
        let own = self.net.parameters();
        let mut sum = 0.0;
        for k in 0..self.plans.len() {
            self.check()?;
            let (Some(plan), Some(block)) = (self.plans.get(k), self.blocks.get(k)) else {
                break;
            };
            let points: Vec<&[f64]> = block.points.columns().collect();
            // What the pieces add to the unknown parameters, by where they begin: pieces come in any order.
            let pieces: Mutex<Vec<(usize, Vec<f64>)>> = Mutex::new(Vec::new());
            let failed: Mutex<Option<Error>> = Mutex::new(None);
            let local = |range: std::ops::Range<usize>, values: &[f64], adjoint: &mut [f64]| {
                let mut rows = Rows::default();
                let n = range.len();
                let from = range.start;
                if let Err(e) = plan.rows(block, range, values, &unknowns, true, &mut rows) {
                    if let Ok(mut failed) = failed.lock() {
                        *failed = Some(e);
                    }
                    return f64::NAN;
                }
                adjoint.fill(0.0);
                let mut half = 0.0;
                let mut by_unknown = vec![0.0; unknowns.len()];
                let kinds = rows.values.chunks_exact(n.max(1));
                for (k, values) in kinds.enumerate() {
                    half += 0.5 * values.iter().map(|v| v * v).sum::<f64>();
                    let seeds = rows.seeds.chunks_exact(n).skip(k * plan.width());
                    for (out, seeds) in adjoint.chunks_exact_mut(n).zip(seeds) {
                        for ((o, s), v) in out.iter_mut().zip(seeds).zip(values) {
                            *o += s * v;
                        }
                    }
                    let slopes = rows.by_unknown.chunks_exact(n).skip(k * plan.unknowns);
                    for (u, slopes) in by_unknown.iter_mut().zip(slopes) {
                        *u += slopes.iter().zip(values).map(|(s, v)| s * v).sum::<f64>();
                    }
                }
                if !by_unknown.is_empty()
                    && let Ok(mut pieces) = pieces.lock()
                {
                    pieces.push((from, by_unknown));
                }
                half
            };
            let Some((net_gradient, rest)) = gradient.split_at_mut_checked(own) else {
                break;
            };
            sum += match &plan.mirror {
                None => self.net.loss_gradient(
                    &plan.streams,
                    &points,
                    weights,
                    &mut self.workspace,
                    &local,
                    net_gradient,
                )?,
                Some((mirror, signs)) => {
                    let n = block.points.len();
                    let mut values = vec![0.0; plan.width() * n];
                    let mut adjoint = values.clone();
                    let workspace = &mut self.workspace;
                    forward(self.net, plan, &points, weights, workspace, &mut values)?;
                    let half = local(0..n, &values, &mut adjoint);
                    let (here, there) = split_slopes(signs, &adjoint, n);
                    let images = mirror.images(&points);
                    let images: Vec<&[f64]> = images.iter().map(Vec::as_slice).collect();
                    for (points, slopes) in [(&points, here), (&images, there)] {
                        self.net.gradient(
                            &plan.streams,
                            points,
                            weights,
                            &slopes,
                            workspace,
                            net_gradient,
                        )?;
                    }
                    half
                }
            };
            if let Ok(Some(e)) = failed.into_inner() {
                return Err(e);
            }
            let mut pieces = pieces.into_inner().unwrap_or_default();
            pieces.sort_by_key(|(from, _)| *from);
            for (_, own) in pieces {
                for ((g, v), s) in rest.iter_mut().zip(own).zip(&self.scales) {
                    *g += v * s;
                }
            }
        }
        Ok(sum)
    }
}
