//! Free motion of a state from time to time.

use faer::Mat;

use super::StateSpace;
use super::dense::{add_column, exponential};
use super::reports::Reports;
use super::time::even_interval;
use crate::error::{Error, Result};
use crate::telemetry::Progress;

impl StateSpace {
    /// `C x(t)` for `x' = A x` from `x(0)`, where the first states of `A` are the system's own.
    pub(super) fn propagate(
        &self,
        a: &Mat<f64>,
        mut x: Mat<f64>,
        t: &[f64],
        progress: &Progress<'_>,
    ) -> Result<Vec<f64>> {
        let columns = x.ncols();
        let mut y = vec![0.0; self.outputs * columns * t.len()];
        let mut kernels = Kernels::new(a, even_interval(t));
        let mut last = 0.0;
        let mut next = vec![0.0; a.nrows()];
        let mut reports = Reports::new("time response", t.len(), a.nrows().pow(2) * columns);
        for (k, t_k) in t.iter().enumerate() {
            reports.next(progress)?;
            if k == 1 && kernels.even.is_some() {
                // x is at the first time.
                let h = t_k - last;
                let block = Block::new(self, kernels.over(h, true)?, columns, t.len(), progress)?;
                if let Some(block) = block {
                    block.run(&mut x, columns, t.len(), &mut y, progress)?;
                    return Ok(y);
                }
            }
            if *t_k > last {
                let kernel = kernels.over(t_k - last, k > 0)?;
                for j in 0..columns {
                    next.fill(0.0);
                    for i in 0..a.nrows() {
                        add_column(&mut next, kernel, i, x[(i, j)]);
                    }
                    for (i, value) in next.iter().enumerate() {
                        x[(i, j)] = *value;
                    }
                }
                last = *t_k;
            }
            self.observe(&x, |cell, v| y[cell * t.len() + k] = v);
        }
        Ok(y)
    }
}

/// Even times that are taken together; a power of two.
const TOGETHER: usize = 32;

/// `C Phi^j` for the `j` of a block, and `Phi` over the whole block.
struct Block {
    /// Row `o * TOGETHER + j`.
    observe: Mat<f64>,
    advance: Mat<f64>,
}

impl Block {
    /// `None` where it would not pay or leaves the range of numbers.
    fn new(
        system: &StateSpace,
        phi: &Mat<f64>,
        columns: usize,
        times: usize,
        progress: &Progress<'_>,
    ) -> Result<Option<Self>> {
        let (n, outputs) = (phi.nrows(), system.outputs);
        // The rows cost as much as so many single steps.
        let pays = 2 * TOGETHER * outputs <= columns * times;
        if !pays || n.saturating_mul(TOGETHER * outputs) > 1 << 24 {
            return Ok(None);
        }
        let mut observe = Mat::zeros(TOGETHER * outputs, n);
        // C acts on the first states of an augmented system.
        let mut rows = Mat::from_fn(outputs, n, |o, i| {
            let at = o * system.states + i;
            let there = i < system.states;
            system.c.get(at).copied().filter(|_| there).unwrap_or(0.0)
        });
        for j in 0..TOGETHER {
            progress.check()?;
            if j > 0 {
                rows = &rows * phi;
            }
            for i in 0..n {
                for o in 0..outputs {
                    observe[(o * TOGETHER + j, i)] = rows[(o, i)];
                }
            }
        }
        let mut advance = phi.clone();
        for _ in 0..TOGETHER.ilog2() {
            progress.check()?;
            advance = &advance * &advance;
        }
        let fine = advance.is_all_finite() && observe.is_all_finite();
        Ok(fine.then_some(Block { observe, advance }))
    }

    /// `C x` at every time, from `x` at the first.
    fn run(
        &self,
        x: &mut Mat<f64>,
        columns: usize,
        times: usize,
        y: &mut [f64],
        progress: &Progress<'_>,
    ) -> Result<()> {
        let cost = self.observe.nrows() * self.observe.ncols() + self.advance.nrows().pow(2);
        let mut reports = Reports::new(
            "time response",
            times.div_ceil(TOGETHER),
            2 * cost * columns,
        );
        for first in (0..times).step_by(TOGETHER) {
            reports.next(progress)?;
            let values = &self.observe * &*x;
            let count = TOGETHER.min(times - first);
            for column in 0..columns {
                for o in 0..self.observe.nrows() / TOGETHER {
                    let at = (o * columns + column) * times + first;
                    for (j, y) in y[at..at + count].iter_mut().enumerate() {
                        *y = values[(o * TOGETHER + j, column)];
                    }
                }
            }
            if first + TOGETHER < times {
                *x = &self.advance * &*x;
            }
        }
        Ok(())
    }
}

/// `e^{A h}`, made once for each distinct interval in a row.
struct Kernels<'a> {
    a: &'a Mat<f64>,
    even: Option<f64>,
    made: Option<(f64, Mat<f64>)>,
}

impl<'a> Kernels<'a> {
    fn new(a: &'a Mat<f64>, even: Option<f64>) -> Self {
        Kernels {
            a,
            even,
            made: None,
        }
    }

    fn over(&mut self, h: f64, inside: bool) -> Result<&Mat<f64>> {
        let h = self.even.filter(|_| inside).unwrap_or(h);
        if self.made.as_ref().is_none_or(|(made, _)| *made != h) {
            let scaled = Mat::from_fn(self.a.nrows(), self.a.ncols(), |i, j| self.a[(i, j)] * h);
            self.made = Some((h, exponential(scaled.as_ref())?));
        }
        match &self.made {
            Some((_, kernel)) => Ok(kernel),
            None => Err(Error::Internal {
                message: "no kernel".into(),
            }),
        }
    }
}
