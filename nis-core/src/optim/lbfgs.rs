//! Minimisation with gradients by limited-memory BFGS.
//!
//! Nocedal and Wright, Numerical Optimization, 2nd ed. (2006): algorithm 7.4 (two-loop recursion), 7.5 (L-BFGS),
//! 3.5 and 3.6 (line search for the strong Wolfe conditions). The line search evaluates the function at most
//! [`LbfgsOptions::evaluations`] times, so that it ends whatever the function does.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// A function to be minimised.
pub trait Objective {
    /// Number of parameters.
    fn parameters(&self) -> usize;

    /// The value at `p`; writes the gradient. A value that is not finite says that there is none at `p`.
    ///
    /// # Errors
    /// [`Error::Cancelled`] and what the function meets.
    fn evaluate(&mut self, p: &[f64], gradient: &mut [f64]) -> Result<f64>;
}

/// Memory and line search.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LbfgsOptions {
    /// Pairs of steps and gradient differences kept.
    pub memory: usize,
    /// Evaluations per line search at most.
    pub evaluations: usize,
    /// Share of the decrease along the tangent that a step must bring, `c1` of eq. (3.7a).
    pub decrease: f64,
    /// Share of the slope that may be left, `c2` of eq. (3.7b).
    pub curvature: f64,
}

impl Default for LbfgsOptions {
    fn default() -> Self {
        LbfgsOptions {
            memory: 20,
            evaluations: 20,
            decrease: 1e-4,
            curvature: 0.9,
        }
    }
}

/// Where the iteration stands; goes on from it bit for bit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LbfgsState {
    /// The parameters.
    pub p: Vec<f64>,
    /// The value and the gradient there, once evaluated.
    pub at: Option<(f64, Vec<f64>)>,
    /// Steps and gradient differences, oldest first.
    pub pairs: Vec<(Vec<f64>, Vec<f64>)>,
    /// Iterations done.
    pub iterations: usize,
    /// Evaluations done.
    pub evaluations: usize,
}

/// What came of an iteration.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Moved {
    /// The value fell.
    Lower {
        /// The value now.
        value: f64,
        /// By which share it fell.
        share: f64,
    },
    /// The gradient vanishes, or no step along the descent direction lowers the value.
    Done,
}

/// A point of the line search.
#[derive(Debug, Clone)]
pub(super) struct Point {
    pub(super) step: f64,
    pub(super) value: f64,
    pub(super) slope: f64,
    pub(super) gradient: Vec<f64>,
}

/// Limits of the line search, as in [`LbfgsOptions`].
pub(super) struct WolfeOptions {
    pub(super) evaluations: usize,
    pub(super) decrease: f64,
    pub(super) curvature: f64,
}

impl LbfgsState {
    /// Starts at `p`.
    pub fn new(p: Vec<f64>) -> Self {
        LbfgsState {
            p,
            at: None,
            pairs: Vec::new(),
            iterations: 0,
            evaluations: 0,
        }
    }

    /// One iteration. Costs the evaluations of its line search (about one) and `4 memory P` operations; holds
    /// `(2 memory + 6) P` numbers.
    ///
    /// ```
    /// use nis_core::optim::{LbfgsOptions, LbfgsState, Moved, Objective};
    /// /// (p0 - 3)^2 + 10 (p1 + 1)^2
    /// struct Bowl;
    /// impl Objective for Bowl {
    ///     fn parameters(&self) -> usize { 2 }
    ///     fn evaluate(&mut self, p: &[f64], g: &mut [f64]) -> nis_core::Result<f64> {
    ///         let (a, b) = (p[0] - 3.0, p[1] + 1.0);
    ///         (g[0], g[1]) = (2.0 * a, 20.0 * b);
    ///         Ok(a * a + 10.0 * b * b)
    ///     }
    /// }
    /// let mut state = LbfgsState::new(vec![0.0, 0.0]);
    /// while state.iterations < 50 && state.step(&mut Bowl, &LbfgsOptions::default())? != Moved::Done {}
    /// assert!((state.p[0] - 3.0).abs() < 1e-8 && (state.p[1] + 1.0).abs() < 1e-8);
    /// # Ok::<(), nis_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Numerical`] where the function does not exist at the start; those of the function.
    pub fn step(&mut self, problem: &mut dyn Objective, options: &LbfgsOptions) -> Result<Moved> {
        let n = self.p.len();
        if problem.parameters() != n {
            return Err(Error::invalid(
                "p",
                n,
                format!("{} parameters", problem.parameters()),
            ));
        }
        let known = self.at.take();
        let (value, gradient) = known_at(problem, &self.p, known, &mut self.evaluations, "L-BFGS")?;
        self.iterations += 1;
        let mut direction = self.direction(&gradient);
        let mut slope = dot(&gradient, &direction);
        if slope.is_nan() || slope >= 0.0 {
            // Rounding has spoilt the memory: along the steepest descent instead.
            self.pairs.clear();
            direction = gradient.iter().map(|g| -g).collect();
            slope = -dot(&gradient, &gradient);
        }
        if slope == 0.0 {
            self.at = Some((value, gradient));
            return Ok(Moved::Done);
        }
        // Without memory the length of the step is unknown: at most 1 in the largest parameter.
        let largest = direction.iter().fold(0.0, |m: f64, d| m.max(d.abs()));
        let first = if self.pairs.is_empty() {
            (1.0 / largest).min(1.0)
        } else {
            1.0
        };
        let start = Point {
            step: 0.0,
            value,
            slope,
            gradient,
        };
        let wolfe = WolfeOptions {
            evaluations: options.evaluations,
            decrease: options.decrease,
            curvature: options.curvature,
        };
        let (found, evaluations) = search(problem, &self.p, &direction, &start, first, &wolfe)?;
        self.evaluations += evaluations;
        let Some(found) = found else {
            let had = !self.pairs.is_empty();
            self.pairs.clear();
            self.at = Some((start.value, start.gradient));
            // The next iteration tries the steepest descent.
            return Ok(if had {
                Moved::Lower { value, share: 0.0 }
            } else {
                Moved::Done
            });
        };
        let moved = advance(&mut self.p, found.step, &direction);
        let change: Vec<f64> = found
            .gradient
            .iter()
            .zip(&start.gradient)
            .map(|(a, b)| a - b)
            .collect();
        if dot(&moved, &change) > 1e-10 * dot(&change, &change).sqrt() * dot(&moved, &moved).sqrt()
        {
            if self.pairs.len() >= options.memory.max(1) {
                self.pairs.remove(0);
            }
            self.pairs.push((moved, change));
        }
        let share = (value - found.value) / value.abs().max(f64::MIN_POSITIVE);
        let value = found.value;
        self.at = Some((value, found.gradient));
        Ok(Moved::Lower { value, share })
    }

    /// Algorithm 7.4: minus the approximate inverse Hessian times the gradient.
    fn direction(&self, gradient: &[f64]) -> Vec<f64> {
        let mut q: Vec<f64> = gradient.iter().map(|g| -g).collect();
        let mut alphas = Vec::with_capacity(self.pairs.len());
        for (s, y) in self.pairs.iter().rev() {
            let alpha = dot(s, &q) / dot(s, y);
            add(&mut q, -alpha, y);
            alphas.push(alpha);
        }
        if let Some((s, y)) = self.pairs.last() {
            let gamma = dot(s, y) / dot(y, y);
            q.iter_mut().for_each(|q| *q *= gamma);
        }
        for ((s, y), alpha) in self.pairs.iter().zip(alphas.iter().rev()) {
            let beta = dot(y, &q) / dot(s, y);
            add(&mut q, alpha - beta, s);
        }
        q
    }
}

/// Value and gradient at `p`: those known from the last step, else by an evaluation, which `method` starts from.
pub(super) fn known_at(
    problem: &mut dyn Objective,
    p: &[f64],
    known: Option<(f64, Vec<f64>)>,
    evaluations: &mut usize,
    method: &str,
) -> Result<(f64, Vec<f64>)> {
    if let Some(known) = known {
        return Ok(known);
    }
    let mut gradient = vec![0.0; p.len()];
    *evaluations += 1;
    let value = problem.evaluate(p, &mut gradient)?;
    if !value.is_finite() || !gradient.iter().all(|g| g.is_finite()) {
        return Err(Error::numerical(
            method,
            "the function does not exist at the starting point",
        ));
    }
    Ok((value, gradient))
}

/// Moves `p` by `step` along `direction`; the move as rounding left it.
pub(super) fn advance(p: &mut [f64], step: f64, direction: &[f64]) -> Vec<f64> {
    let moves = p.iter_mut().zip(direction).map(|(p, d)| {
        let before = *p;
        *p += step * d;
        *p - before
    });
    moves.collect()
}

/// Algorithms 3.5 and 3.6 in one loop with a bound on evaluations, along `direction` from `p`. Where they are used up
/// the best point that brings enough decrease is taken; `None` where there is none. Also the number of evaluations.
pub(super) fn search(
    problem: &mut dyn Objective,
    p: &[f64],
    direction: &[f64],
    start: &Point,
    first: f64,
    options: &WolfeOptions,
) -> Result<(Option<Point>, usize)> {
    let mut evaluations = 0;
    let mut trial = vec![0.0; p.len()];
    let mut at = |step: f64| -> Result<Point> {
        for (t, (p, d)) in trial.iter_mut().zip(p.iter().zip(direction)) {
            *t = p + step * d;
        }
        let mut gradient = vec![0.0; p.len()];
        evaluations += 1;
        let value = problem.evaluate(&trial, &mut gradient)?;
        let slope = dot(&gradient, direction);
        let value = if slope.is_finite() { value } else { f64::NAN };
        Ok(Point {
            step,
            value,
            slope,
            gradient,
        })
    };
    let found = bracket(start, first, options, &mut at)?;
    Ok((found, evaluations))
}

fn bracket(
    start: &Point,
    first: f64,
    options: &WolfeOptions,
    at: &mut dyn FnMut(f64) -> Result<Point>,
) -> Result<Option<Point>> {
    let enough = |p: &Point| p.value <= start.value + options.decrease * p.step * start.slope;
    let mut low = start.clone();
    let mut high: Option<Point> = None;
    let mut step = first;
    for _ in 0..options.evaluations.max(1) {
        let point = at(step)?;
        if !point.value.is_finite()
            || !enough(&point)
            || (low.step > 0.0 && point.value >= low.value)
        {
            high = Some(point);
        } else {
            if point.slope.abs() <= options.curvature * start.slope.abs() {
                return Ok(Some(point));
            }
            let beyond = match &high {
                Some(high) => point.slope * (high.step - low.step) >= 0.0,
                None => point.slope >= 0.0,
            };
            if beyond {
                high = Some(std::mem::replace(&mut low, point));
            } else {
                low = point;
            }
        }
        step = match &high {
            None => 2.0 * step,
            Some(high) => between(&low, high),
        };
        if high
            .as_ref()
            .is_some_and(|h| (h.step - low.step).abs() <= f64::EPSILON * h.step.abs())
        {
            break;
        }
    }
    Ok(Some(low).filter(|l| l.step > 0.0 && l.value < start.value))
}

/// The minimum of the cubic through both points (eq. (3.59)), kept away from the ends; the middle where there is
/// none.
fn between(low: &Point, high: &Point) -> f64 {
    let (a, b) = (low.step, high.step);
    let d1 = low.slope + high.slope - 3.0 * (low.value - high.value) / (a - b);
    let d2 = (d1 * d1 - low.slope * high.slope).sqrt() * (b - a).signum();
    let cubic = b - (b - a) * (high.slope + d2 - d1) / (high.slope - low.slope + 2.0 * d2);
    let (from, to) = (a.min(b), a.max(b));
    let margin = 0.1 * (to - from);
    if cubic.is_finite() {
        cubic.clamp(from + margin, to - margin)
    } else {
        0.5 * (a + b)
    }
}

pub(super) fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

pub(super) fn add(to: &mut [f64], factor: f64, v: &[f64]) {
    for (t, v) in to.iter_mut().zip(v) {
        *t += factor * v;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Function<F>(usize, F);

    impl<F: FnMut(&[f64], &mut [f64]) -> f64> Objective for Function<F> {
        fn parameters(&self) -> usize {
            self.0
        }
        fn evaluate(&mut self, p: &[f64], gradient: &mut [f64]) -> Result<f64> {
            Ok((self.1)(p, gradient))
        }
    }

    /// The extended Rosenbrock function (More, Garbow, Hillstrom, ACM TOMS 7 (1981) 17, no. 21).
    fn rosenbrock(p: &[f64], g: &mut [f64]) -> f64 {
        let mut sum = 0.0;
        for (p, g) in p.chunks(2).zip(g.chunks_mut(2)) {
            let (a, b) = (p[1] - p[0] * p[0], 1.0 - p[0]);
            sum += 100.0 * a * a + b * b;
            g[0] = -400.0 * p[0] * a - 2.0 * b;
            g[1] = 200.0 * a;
        }
        sum
    }

    fn run<F: FnMut(&[f64], &mut [f64]) -> f64>(f: F, p: Vec<f64>, most: usize) -> LbfgsState {
        let mut function = Function(p.len(), f);
        let mut state = LbfgsState::new(p);
        let options = LbfgsOptions::default();
        while state.iterations < most && state.step(&mut function, &options).unwrap() != Moved::Done
        {
        }
        state
    }

    #[test]
    fn the_extended_rosenbrock_function() {
        let state = run(rosenbrock, [-1.2, 1.0].repeat(25), 200);
        assert!(
            state.p.iter().all(|p| (p - 1.0).abs() <= 1e-7),
            "{:?}",
            state.at
        );
        assert!(state.evaluations < 150, "{}", state.evaluations);
    }

    #[test]
    fn going_on_from_a_stored_state_gives_the_same_bits() {
        let whole = run(rosenbrock, vec![-1.2, 1.0], 30);
        let first = run(rosenbrock, vec![-1.2, 1.0], 11);
        let text = serde_json::to_string(&first).unwrap();
        let mut second: LbfgsState = serde_json::from_str(&text).unwrap();
        while second.iterations < 30 {
            if second
                .step(&mut Function(2, rosenbrock), &LbfgsOptions::default())
                .unwrap()
                == Moved::Done
            {
                break;
            }
        }
        assert_eq!(second, whole);
    }

    #[test]
    fn functions_without_minimum_or_with_a_wrong_gradient_end() {
        // Falls for ever; a wrong sign; NaN a step away; a kink.
        let falling = run(
            |p, g| {
                g[0] = -1.0;
                -p[0]
            },
            vec![0.0],
            30,
        );
        assert!(falling.evaluations <= 30 * 21);
        let wrong = run(
            |p, g| {
                g[0] = -2.0 * p[0];
                p[0] * p[0]
            },
            vec![1.0],
            30,
        );
        assert!(wrong.iterations <= 3 && wrong.p == [1.0], "{wrong:?}");
        let fenced = run(
            |p, g| {
                g[0] = 1.0 - 1.0 / p[0];
                p[0] - p[0].ln()
            },
            vec![1e-3],
            100,
        );
        assert!((fenced.p[0] - 1.0).abs() <= 1e-6, "{fenced:?}");
        let kink = run(
            |p, g| {
                g[0] = p[0].signum();
                p[0].abs()
            },
            vec![0.3],
            100,
        );
        assert!(kink.p[0].abs() <= 1e-6, "{kink:?}");
        let nothing = LbfgsState::new(vec![1.0]).step(
            &mut Function(1, |_: &[f64], _: &mut [f64]| f64::NAN),
            &LbfgsOptions::default(),
        );
        assert_eq!(nothing.unwrap_err().code(), crate::error::Code::Numerical);
    }

    proptest::proptest! {
        #[test]
        fn convex_quadratics(diagonal in proptest::collection::vec(1e-2f64..1e2, 1..9), shift in -5.0f64..5.0) {
            let d = diagonal.clone();
            let state = run(
                move |p, g| {
                    let mut sum = 0.0;
                    for ((p, g), d) in p.iter().zip(g).zip(&d) {
                        sum += 0.5 * d * (p - shift) * (p - shift);
                        *g = d * (p - shift);
                    }
                    sum
                },
                vec![0.0; diagonal.len()],
                300,
            );
            for p in &state.p {
                proptest::prop_assert!((p - shift).abs() <= 1e-5, "{} {}", p, shift);
            }
        }
    }
}
