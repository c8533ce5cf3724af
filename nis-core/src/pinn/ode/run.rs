//! From one end to the other: Taylor series, and implicit steps where those are shorter than the solution asks for.

use super::radau::{MAX_ROWS, Radau};
use super::system::Compiled;
use super::tape::Tape;
use super::taylor::Taylor;
use super::trajectory::Trajectory;
use crate::error::{Error, Result};
use crate::telemetry::Progress;

/// Steps at most.
const MAX_STEPS: usize = 200_000;

/// Taylor steps after which the implicit method is tried first, where this many are still to come.
const PATIENCE: usize = 300;
const STILL: f64 = 1000.0;

/// Implicit steps of a trial: the first ones grow from a poor guess, the last ones count.
const TRIAL: usize = 30;
const COUNTED: usize = 10;

/// An initial-value problem ready to run.
pub(super) struct Initial<'a> {
    pub(super) system: &'a Compiled,
    pub(super) tape: &'a Tape,
    pub(super) parameters: &'a [f64],
    pub(super) orders: &'a [usize],
    pub(super) start: &'a [f64],
    pub(super) from: f64,
    pub(super) to: f64,
    /// When to give up, and how many seconds that is.
    pub(super) deadline: Option<(std::time::Instant, f64)>,
}

/// What a run did.
pub(super) struct Run {
    pub(super) trajectory: Trajectory,
    pub(super) taylor: usize,
    pub(super) radau: usize,
    /// When it went over to implicit steps.
    pub(super) stiff_from: Option<f64>,
    pub(super) degree: usize,
}

impl Initial<'_> {
    /// Integrates with this tolerance per step.
    pub(super) fn run(&self, tolerance: f64, progress: &Progress<'_>) -> Result<Run> {
        let span = self.to - self.from;
        let mut taylor = Taylor::new(self.tape, self.system, self.parameters, tolerance, span);
        let mut run = Run {
            trajectory: Trajectory::new(self.orders.to_vec()),
            taylor: 0,
            radau: 0,
            stiff_from: None,
            degree: taylor.degree,
        };
        let mut t = self.from;
        let mut z = self.start.to_vec();
        let mut sizes: Vec<f64> = z.iter().map(|v| v.abs()).collect();
        let mut radau: Option<Radau<'_>> = None;
        let mut mark = (t, 0);
        let mut next_trial = PATIENCE;
        let mut last = 0.0;
        while t != self.to {
            let steps = run.taylor + run.radau;
            if steps.is_multiple_of(64) {
                self.look(t, steps, progress)?;
            }
            let left = self.to - t;
            let made = match radau.as_mut() {
                Some(radau) => radau.step(t, &z, &sizes, left).map(|h| {
                    run.radau += 1;
                    (h, Radau::DEGREE, &radau.coefficients, &radau.end)
                }),
                None => taylor.step(t, &z, &sizes, left).map(|h| {
                    run.taylor += 1;
                    last = h;
                    (h, taylor.degree, &taylor.coefficients, &taylor.end)
                }),
            };
            let Some((h, degree, coefficients, end)) = made else {
                if radau.is_none() && self.system.components * 5 <= MAX_ROWS {
                    // No series here: perhaps a root or a kink at the beginning.
                    let first = if last == 0.0 {
                        1e-6 * span
                    } else {
                        1e-2 * last
                    };
                    radau = Some(self.implicit(tolerance, first));
                    run.stiff_from = Some(t);
                    continue;
                }
                return Err(self.stuck(t, &z));
            };
            let next = if h == left { self.to } else { t + h };
            if next == t {
                return Err(self.stuck(t, &z));
            }
            run.trajectory.push(t, next, degree, coefficients)?;
            z.copy_from_slice(end);
            t = next;
            for (size, v) in sizes.iter_mut().zip(&z) {
                *size = size.max(v.abs());
            }
            if !z.iter().all(|v| v.is_finite()) || sizes.iter().any(|s| *s > 1e150) {
                return Err(self.stuck(t, &z));
            }
            if radau.is_none() && run.taylor == next_trial {
                let speed = (t - mark.0).abs() / (run.taylor - mark.1) as f64;
                if (self.to - t).abs() / speed > STILL {
                    progress.check()?;
                    let pace = speed / taylor.cost();
                    if self
                        .trial(tolerance, t, &z, &sizes, last)
                        .is_some_and(|p| p > 2.0 * pace)
                    {
                        radau = Some(self.implicit(tolerance, last));
                        run.stiff_from = Some(t);
                    }
                }
                next_trial *= 4;
                mark = (t, run.taylor);
            }
        }
        Ok(run)
    }

    fn implicit(&self, tolerance: f64, first: f64) -> Radau<'_> {
        Radau::new(self.system, self.parameters, tolerance, first)
    }

    /// How far implicit steps get for an operation; `None` where they fail.
    fn trial(
        &self,
        tolerance: f64,
        mut t: f64,
        z: &[f64],
        sizes: &[f64],
        first: f64,
    ) -> Option<f64> {
        if self.system.components * 5 > MAX_ROWS {
            return None;
        }
        let mut radau = self.implicit(tolerance, first);
        let (mut z, mut sizes) = (z.to_vec(), sizes.to_vec());
        let mut counted = (t, 0.0);
        for step in 0..TRIAL {
            if step == TRIAL - COUNTED {
                counted = (t, radau.work);
            }
            let left = self.to - t;
            let h = radau.step(t, &z, &sizes, left)?;
            z.copy_from_slice(&radau.end);
            for (size, v) in sizes.iter_mut().zip(&z) {
                *size = size.max(v.abs());
            }
            t += h;
            if h == left {
                // At the end already.
                return Some(f64::INFINITY);
            }
        }
        Some((t - counted.0).abs() / (radau.work - counted.1).max(1.0))
    }

    fn look(&self, t: f64, steps: usize, progress: &Progress<'_>) -> Result<()> {
        let share = ((t - self.from) / (self.to - self.from) * 1000.0) as u64;
        progress.report(
            "pinn",
            share.min(1000),
            1000,
            &format!("integrated to {t:.6}"),
        )?;
        if steps > MAX_STEPS {
            return Err(Error::numerical(
                "integration",
                format!(
                    "{MAX_STEPS} steps were made and only {t} was reached, of {} to {}",
                    self.from, self.to
                ),
            ));
        }
        match self.deadline {
            Some((at, seconds)) if std::time::Instant::now() >= at => Err(Error::Timeout {
                what: format!("integration, at {t} of {} to {},", self.from, self.to),
                after_ms: (1e3 * seconds) as u64,
            }),
            _ => Ok(()),
        }
    }

    fn stuck(&self, t: f64, z: &[f64]) -> Error {
        let most = z.iter().fold(0.0f64, |a, v| {
            if v.abs() > a || v.is_nan() {
                v.abs()
            } else {
                a
            }
        });
        let start = self.start.iter().fold(0.0f64, |a, v| a.max(v.abs()));
        let why = if most.is_nan() || most > 1e6 * start.max(1.0) {
            format!("the solution grows beyond bounds (it is {most:.1e} there)")
        } else {
            "the equations have no solution of usable step length there (a singular point, or a function outside its range)".to_string()
        };
        Error::numerical(
            "integration",
            format!("stopped at {t:.15}, of {} to {}: {why}", self.from, self.to),
        )
    }
}
