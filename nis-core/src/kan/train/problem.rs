//! The cost of a network on rows, its gradient and its Gauss-Newton matrix, summed block by block in an order that
//! does not depend on the number of threads.

use std::ops::Range;

use faer::{Mat, MatMut};

use super::matrix::{bend, flush, outer};
use super::options::Loss;
use super::pass::{Inputs, Pass, Plan};
use super::penalty::{Smoothness, ridge_of, sparsity};
use crate::error::Result;
use crate::kan::network::{Edge, Kan};
use crate::optim::{Objective, Quadratic};
use crate::telemetry::Progress;

/// Rows between two looks at the cancel flag.
const CHECK: usize = 128;

/// Rows per block where only numbers or gradients are summed.
const BLOCK: usize = 1024;

/// Rows of the Jacobian that are multiplied at once where they are dense.
const DENSE: usize = 128;

/// The rows and what is asked of them.
#[derive(Clone, Copy)]
pub(super) struct Data<'a> {
    pub(super) x: &'a [f64],
    pub(super) y: &'a [f64],
    pub(super) loss: Loss,
    pub(super) l1: f64,
    pub(super) entropy: f64,
    pub(super) threads: usize,
    pub(super) progress: &'a Progress<'a>,
}

/// The penalised loss of a network on some of the rows.
pub(super) struct Problem<'a> {
    pub(super) net: Kan,
    data: Data<'a>,
    rows: Vec<usize>,
    pub(super) smoothness: f64,
    /// Weight of the squares of all parameters.
    pub(super) ridge: f64,
    /// The mean loss without penalties where the cost was last asked for.
    pub(super) last_loss: f64,
    plan: Plan,
    inputs: Option<Inputs>,
    smooth: Smoothness,
    work: Vec<Work>,
    partial: Vec<(Mat<f64>, Vec<f64>)>,
}

/// Buffers of one thread.
struct Work {
    pass: Pass,
    /// First parameter, number of values, place of the values: the non-zero parts of a row of the Jacobian.
    segments: Vec<(usize, usize, usize)>,
    values: Vec<f64>,
    weights: Vec<f64>,
    /// The transposed Jacobian of up to [`DENSE`] rows.
    dense: Option<Mat<f64>>,
}

impl Work {
    fn new(net: &Kan) -> Self {
        Work {
            pass: Pass::new(net),
            segments: Vec::new(),
            values: Vec::new(),
            weights: vec![0.0; net.outputs()],
            dense: None,
        }
    }
}

/// Non-zero entries of a row of the Jacobian.
pub(super) fn row_entries(net: &Kan) -> usize {
    let layers = net.layers().iter();
    layers
        .map(|l| l.edges.len() * (l.bases[0].width() + usize::from(l.has_base())))
        .sum()
}

impl<'a> Problem<'a> {
    /// # Errors
    /// [`crate::Error::Limit`] where smoothness is asked of too many functions without local support.
    pub(super) fn new(net: Kan, data: Data<'a>, rows: Vec<usize>, smoothness: f64) -> Result<Self> {
        let plan = Plan::new(&net);
        Ok(Problem {
            inputs: Inputs::new(&net, &plan, data.x, &rows),
            smooth: Smoothness::new(&net)?,
            work: (0..data.threads.max(1)).map(|_| Work::new(&net)).collect(),
            partial: Vec::new(),
            plan,
            net,
            data,
            rows,
            smoothness,
            ridge: ridge_of(smoothness),
            last_loss: f64::NAN,
        })
    }

    /// Changes the smoothness, and the pull towards zero with it.
    pub(super) fn set_smoothness(&mut self, smoothness: f64) {
        self.smoothness = smoothness;
        self.ridge = ridge_of(smoothness);
    }

    pub(super) fn data(&self) -> &Data<'a> {
        &self.data
    }

    /// Adds the gradient of smoothness and pull towards zero; returns their value.
    pub(super) fn add_penalty(&self, p: &[f64], gradient: &mut [f64]) -> f64 {
        let weights = [self.smoothness, self.ridge];
        self.smooth
            .add_both(&self.net, p, weights, Some(gradient), None)
    }

    /// Works on other rows from now on.
    pub(super) fn set_rows(&mut self, rows: &[usize]) {
        self.rows.clear();
        self.rows.extend_from_slice(rows);
        self.inputs = None;
    }

    fn sparse(&self) -> bool {
        self.data.l1 > 0.0 || self.data.entropy > 0.0
    }

    /// Runs `work` on blocks of rows, some at once, and `add` on their results in order. `work` gets the buffers of
    /// a thread and a value made by `new`.
    fn fold<P: Send>(
        &mut self,
        size: usize,
        mut values: Vec<P>,
        work: impl Fn(&Problem<'_>, Range<usize>, &mut Work, &mut P) -> Result<()> + Sync,
        mut add: impl FnMut(&mut P),
    ) -> Result<Vec<P>> {
        let count = self.rows.len();
        let mut buffers = std::mem::take(&mut self.work);
        let this = &*self;
        let mut start = 0;
        let mut result = Ok(());
        while start < count && result.is_ok() {
            let ranges: Vec<Range<usize>> = (0..values.len())
                .map(|k| (start + k * size).min(count)..(start + (k + 1) * size).min(count))
                .filter(|r| !r.is_empty())
                .collect();
            let jobs = ranges
                .iter()
                .cloned()
                .zip(buffers.iter_mut().zip(values.iter_mut()));
            if ranges.len() == 1 {
                for (range, (buffer, value)) in jobs {
                    result = work(this, range, buffer, value);
                }
            } else {
                result = std::thread::scope(|scope| {
                    let work = &work;
                    let handles: Vec<_> = jobs
                        .map(|(range, (buffer, value))| {
                            scope.spawn(move || work(this, range, buffer, value))
                        })
                        .collect();
                    let mut all = Ok(());
                    for handle in handles {
                        match handle.join() {
                            Ok(one) => all = all.and(one),
                            Err(panic) => std::panic::resume_unwind(panic),
                        }
                    }
                    all
                });
            }
            if result.is_ok() {
                values.iter_mut().take(ranges.len()).for_each(&mut add);
            }
            start += values.len() * size;
        }
        self.work = buffers;
        result.map(|()| values)
    }

    fn forward<'w>(&self, k: usize, pass: &'w mut Pass) -> (&'w [f64], &'a [f64]) {
        let (n, m) = (self.net.inputs(), self.net.outputs());
        let row = self.rows[k];
        let stored = self.inputs.as_ref().map(|i| (i, k));
        let out = pass.forward(
            &self.net,
            &self.plan,
            &self.data.x[row * n..(row + 1) * n],
            stored,
        );
        (out, &self.data.y[row * m..(row + 1) * m])
    }

    fn check(&self, k: usize) -> Result<()> {
        if k.is_multiple_of(CHECK) {
            self.data.progress.check()
        } else {
            Ok(())
        }
    }

    /// Sum of the losses of the rows, and per layer and edge the sum of the magnitudes where asked for.
    fn sums(&mut self, edges: bool) -> Result<(f64, Vec<Vec<f64>>)> {
        let zeros = |net: &Kan| -> Vec<Vec<f64>> {
            let count = |l: &crate::kan::Layer| if edges { l.edges.len() } else { 0 };
            net.layers().iter().map(|l| vec![0.0; count(l)]).collect()
        };
        let mut total = (0.0, zeros(&self.net));
        let threads = self.work.len();
        let values = (0..threads).map(|_| (0.0, zeros(&self.net))).collect();
        self.fold(
            BLOCK,
            values,
            |this, range, work, (sum, magnitudes)| {
                for k in range {
                    this.check(k)?;
                    let (out, y) = this.forward(k, &mut work.pass);
                    *sum += this.data.loss.value(out, y);
                    for (to, at) in magnitudes.iter_mut().zip(&work.pass.layers) {
                        for (to, v) in to.iter_mut().zip(&at.edges) {
                            *to += v.abs();
                        }
                    }
                }
                Ok(())
            },
            |(sum, magnitudes)| {
                total.0 += std::mem::take(sum);
                for (to, from) in total.1.iter_mut().zip(magnitudes) {
                    for (to, from) in to.iter_mut().zip(from) {
                        *to += std::mem::take(from);
                    }
                }
            },
        )?;
        Ok(total)
    }

    /// The mean loss of other rows under these parameters.
    pub(super) fn loss_of(&mut self, p: &[f64], rows: &[usize]) -> Result<f64> {
        self.net.set_parameter_values(p);
        let own = std::mem::replace(&mut self.rows, rows.to_vec());
        let inputs = self.inputs.take();
        let sums = self.sums(false);
        self.rows = own;
        self.inputs = inputs;
        Ok(sums?.0 / self.data.loss.share(rows.len(), self.net.outputs()))
    }

    /// The mean loss of the rows without penalties.
    pub(super) fn loss(&mut self, p: &[f64]) -> Result<f64> {
        self.net.set_parameter_values(p);
        let share = self.data.loss.share(self.rows.len(), self.net.outputs());
        Ok(self.sums(false)?.0 / share)
    }

    /// The sparsity penalty and its derivatives with respect to the value of every edge of a row, up to the sign.
    fn sparsity(&mut self) -> Result<(f64, Vec<Vec<f64>>)> {
        let rows = self.rows.len() as f64;
        let (_, mut means) = self.sums(true)?;
        for (means, layer) in means.iter_mut().zip(self.net.layers()) {
            for (mean, edge) in means.iter_mut().zip(&layer.edges) {
                *mean = if *edge == Edge::Trained {
                    *mean / rows
                } else {
                    0.0
                };
            }
        }
        let mut slopes = means.clone();
        let value = sparsity(&means, self.data.l1, self.data.entropy, &mut slopes);
        for (slopes, layer) in slopes.iter_mut().zip(self.net.layers()) {
            for (slope, edge) in slopes.iter_mut().zip(&layer.edges) {
                *slope = if *edge == Edge::Trained {
                    *slope / rows
                } else {
                    0.0
                };
            }
        }
        Ok((value, slopes))
    }

    fn value(&mut self, p: &[f64]) -> Result<f64> {
        self.net.set_parameter_values(p);
        let share = self.data.loss.share(self.rows.len(), self.net.outputs());
        let mut cost = self.sums(false)?.0 / share;
        self.last_loss = cost;
        if self.sparse() {
            cost += self.sparsity()?.0;
        }
        Ok(cost
            + self
                .smooth
                .add_both(&self.net, p, [self.smoothness, self.ridge], None, None))
    }

    /// Adds the gradient of the rows in `range` and, where there is a matrix, their part of the Gauss-Newton
    /// matrix; returns the sum of their losses.
    fn accumulate(
        &self,
        range: Range<usize>,
        work: &mut Work,
        edges: Option<&[Vec<f64>]>,
        gradient: &mut [f64],
        mut hessian: Option<MatMut<'_, f64>>,
    ) -> Result<f64> {
        let (loss, net, plan) = (self.data.loss, &self.net, &self.plan);
        let outputs = net.outputs();
        let factor = 1.0 / loss.share(self.rows.len(), outputs);
        let p = gradient.len();
        // Dense products run about seven times as fast per number as scattered ones.
        let dense = hessian.is_some() && 13 * row_entries(net) > 5 * p;
        if dense && work.dense.is_none() {
            work.dense = Some(Mat::zeros(p, DENSE));
        }
        let mut filled = 0;
        let mut sum = 0.0;
        for k in range {
            self.check(k)?;
            let (out, y) = self.forward(k, &mut work.pass);
            sum += loss.value(out, y);
            let out = out.to_vec();
            loss.gradient(&out, y, factor, &mut work.weights);
            work.pass.backward(net, &work.weights, edges);
            work.pass
                .each_segment(net, plan, edges, |from, values, weight| {
                    for (g, v) in gradient[from..].iter_mut().zip(values) {
                        *g += weight * v;
                    }
                });
            let Some(hessian) = hessian.as_mut() else {
                continue;
            };
            if let Some(edges) = edges {
                bend(net, plan, &work.pass, edges, hessian);
            }
            for o in 0..outputs {
                loss.root(&out, y, factor, o, &mut work.weights);
                work.pass.backward(net, &work.weights, None);
                if dense {
                    if let Some(columns) = work.dense.as_mut() {
                        let mut column = columns.as_mut().col_mut(filled);
                        work.pass
                            .each_segment(net, plan, None, |from, values, weight| {
                                for (i, v) in values.iter().enumerate() {
                                    column[from + i] = weight * v;
                                }
                            });
                        filled += 1;
                        if filled == DENSE {
                            flush(columns, &mut filled, hessian);
                        }
                    }
                } else {
                    let (segments, all) = (&mut work.segments, &mut work.values);
                    segments.clear();
                    all.clear();
                    work.pass
                        .each_segment(net, plan, None, |from, values, weight| {
                            if weight != 0.0 {
                                segments.push((from, values.len(), all.len()));
                                all.extend(values.iter().map(|v| weight * v));
                            }
                        });
                    outer(segments, all, hessian);
                }
            }
        }
        if let (Some(columns), Some(hessian)) = (work.dense.as_mut(), hessian.as_mut()) {
            flush(columns, &mut filled, hessian);
        }
        Ok(sum)
    }

    /// The penalised cost with gradient and, where asked for, matrix (both zero at first).
    fn derive(
        &mut self,
        p: &[f64],
        gradient: &mut [f64],
        mut hessian: Option<MatMut<'_, f64>>,
    ) -> Result<f64> {
        self.net.set_parameter_values(p);
        let sparsity = if self.sparse() {
            Some(self.sparsity()?)
        } else {
            None
        };
        let edges = sparsity.as_ref().map(|(_, slopes)| slopes.as_slice());
        let (count, n, threads) = (self.rows.len(), p.len(), self.work.len());
        let mut cost = 0.0;
        if let Some(mut hessian) = hessian.as_mut().map(|h| h.as_mut()) {
            // Blocks so large that adding their matrices up costs little beside filling them.
            let entries = row_entries(&self.net).min(n).max(1);
            let size = (20 * n * n / (entries * entries)).max(BLOCK);
            if count <= size {
                let mut work = std::mem::take(&mut self.work);
                let done = self.accumulate(0..count, &mut work[0], edges, gradient, Some(hessian));
                self.work = work;
                cost = done?;
            } else {
                self.partial
                    .resize_with(threads, || (Mat::zeros(n, n), vec![0.0; n]));
                let values = std::mem::take(&mut self.partial)
                    .into_iter()
                    .map(|(h, g)| (h, g, 0.0));
                let values = self.fold(
                    size,
                    values.collect(),
                    |this, range, work, (h, g, sum)| {
                        h.fill(0.0);
                        g.fill(0.0);
                        *sum = this.accumulate(range, work, edges, g, Some(h.as_mut()))?;
                        Ok(())
                    },
                    |(h, g, sum)| {
                        cost += *sum;
                        add(gradient, g);
                        for j in 0..n {
                            let from = h.col(j);
                            for (to, from) in hessian
                                .as_mut()
                                .col_mut(j)
                                .iter_mut()
                                .zip(from.iter())
                                .skip(j)
                            {
                                *to += *from;
                            }
                        }
                    },
                )?;
                self.partial = values.into_iter().map(|(h, g, _)| (h, g)).collect();
            }
        } else {
            let values = (0..threads).map(|_| (vec![0.0; n], 0.0)).collect();
            self.fold(
                BLOCK,
                values,
                |this, range, work, (g, sum)| {
                    g.fill(0.0);
                    *sum = this.accumulate(range, work, edges, g, None)?;
                    Ok(())
                },
                |(g, sum)| {
                    cost += *sum;
                    add(gradient, g);
                },
            )?;
        }
        cost /= self.data.loss.share(count, self.net.outputs());
        self.last_loss = cost;
        cost += sparsity.map_or(0.0, |(value, _)| value);
        let mut put = hessian
            .as_mut()
            .map(|h| move |i: usize, j: usize, v: f64| h[(i, j)] += v);
        cost += self.smooth.add_both(
            &self.net,
            p,
            [self.smoothness, self.ridge],
            Some(gradient),
            put.as_mut().map(|p| p as &mut dyn FnMut(usize, usize, f64)),
        );
        Ok(cost)
    }
}

fn add(to: &mut [f64], from: &[f64]) {
    for (to, from) in to.iter_mut().zip(from) {
        *to += from;
    }
}

impl Quadratic for Problem<'_> {
    fn parameters(&self) -> usize {
        self.net.parameters()
    }

    fn cost(&mut self, p: &[f64]) -> Result<Option<f64>> {
        Ok(Some(self.value(p)?))
    }

    fn model(
        &mut self,
        p: &[f64],
        gradient: &mut [f64],
        mut hessian: MatMut<'_, f64>,
    ) -> Result<Option<f64>> {
        let cost = self.derive(p, gradient, Some(hessian.as_mut()))?;
        // Edges that are not trained keep their parameters.
        for (l, layer) in self.net.layers().iter().enumerate() {
            if self.plan.whole(l) {
                continue;
            }
            let n = layer.functions();
            for (edge, kind) in layer.edges.iter().enumerate() {
                if *kind != Edge::Trained {
                    let start = self.plan.starts[l];
                    let base = layer
                        .has_base()
                        .then(|| start + layer.coefficients.len() + edge);
                    for index in (start + edge * n..start + (edge + 1) * n).chain(base) {
                        hessian[(index, index)] = 1.0;
                    }
                }
            }
        }
        Ok(Some(cost))
    }
}

impl Objective for Problem<'_> {
    fn parameters(&self) -> usize {
        self.net.parameters()
    }

    fn evaluate(&mut self, p: &[f64], gradient: &mut [f64]) -> Result<f64> {
        gradient.fill(0.0);
        self.derive(p, gradient, None)
    }
}
