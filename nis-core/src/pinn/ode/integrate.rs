//! Integration of initial-value problems, with the derivatives of the solution by initial values and
//! parameters.
//!
//! Dormand and Prince, J. Comput. Appl. Math. 6 (1980) 19: the 5(4) pair with step control of Hairer, Norsett
//! and Wanner, Solving Ordinary Differential Equations I, section II.4.

use super::system::Compiled;

/// Steps at most, beside one per wanted time.
const MAX_STEPS: usize = 50_000;

const A: [[f64; 6]; 7] = [
    [0.0; 6],
    [1.0 / 5.0, 0.0, 0.0, 0.0, 0.0, 0.0],
    [3.0 / 40.0, 9.0 / 40.0, 0.0, 0.0, 0.0, 0.0],
    [44.0 / 45.0, -56.0 / 15.0, 32.0 / 9.0, 0.0, 0.0, 0.0],
    [
        19372.0 / 6561.0,
        -25360.0 / 2187.0,
        64448.0 / 6561.0,
        -212.0 / 729.0,
        0.0,
        0.0,
    ],
    [
        9017.0 / 3168.0,
        -355.0 / 33.0,
        46732.0 / 5247.0,
        49.0 / 176.0,
        -5103.0 / 18656.0,
        0.0,
    ],
    [
        35.0 / 384.0,
        0.0,
        500.0 / 1113.0,
        125.0 / 192.0,
        -2187.0 / 6784.0,
        11.0 / 84.0,
    ],
];
const C: [f64; 7] = [0.0, 0.2, 0.3, 0.8, 8.0 / 9.0, 1.0, 1.0];
/// Fifth-order weights less fourth-order weights.
const E: [f64; 7] = [
    71.0 / 57600.0,
    0.0,
    -71.0 / 16695.0,
    71.0 / 1920.0,
    -17253.0 / 339200.0,
    22.0 / 525.0,
    -1.0 / 40.0,
];

/// An integrator for one system and one set of parameters.
pub(super) struct Integrator<'a> {
    system: &'a Compiled,
    point: Vec<f64>,
    /// Number of sensitivity columns: 0, or components plus parameters.
    columns: usize,
    /// Size of each entry of the state, below which its error counts as absolute.
    floor: Vec<f64>,
    jacobian: Vec<f64>,
}

impl<'a> Integrator<'a> {
    /// `sizes` are the typical sizes of the components (above 0), so that the error allowed does not depend on
    /// their units; a sensitivity has the size of its component over that of its initial value or parameter.
    pub(super) fn new(
        system: &'a Compiled,
        p: &[f64],
        sizes: &'a [f64],
        sensitivities: bool,
    ) -> Self {
        let width = system.components + system.parameters;
        let mut floor = sizes.to_vec();
        if sensitivities {
            let by: Vec<f64> = sizes
                .iter()
                .copied()
                .chain(p.iter().map(|p| if *p == 0.0 { 1.0 } else { p.abs() }))
                .collect();
            for size in sizes {
                // Bounded, for an extreme ratio must neither forbid all steps nor allow any error.
                floor.extend(by.iter().map(|by| (size / by).clamp(1e-200, 1e200)));
            }
        }
        Integrator {
            system,
            point: system.point(p),
            columns: if sensitivities { width } else { 0 },
            floor,
            jacobian: vec![0.0; system.components * width],
        }
    }

    /// Components, then (row-major) the sensitivities of each component.
    fn size(&self) -> usize {
        self.system.components * (1 + self.columns)
    }

    fn slope(&mut self, t: f64, y: &[f64], out: &mut [f64]) {
        let n = self.system.components;
        self.point[0] = t;
        self.point[1..=n].copy_from_slice(&y[..n]);
        self.system.slope(&self.point, &mut out[..n]);
        if self.columns == 0 {
            return;
        }
        self.system.jacobian(&self.point, &mut self.jacobian);
        let width = self.columns;
        let (s, ds) = (&y[n..], &mut out[n..]);
        // S' = (df/dz) S + (0 | df/dp)
        for i in 0..n {
            let row = &self.jacobian[i * width..(i + 1) * width];
            let target = &mut ds[i * width..(i + 1) * width];
            target[..n].fill(0.0);
            target[n..].copy_from_slice(&row[n..]);
            for (k, weight) in row[..n].iter().enumerate().filter(|(_, w)| **w != 0.0) {
                for (t, s) in target.iter_mut().zip(&s[k * width..(k + 1) * width]) {
                    *t += weight * s;
                }
            }
        }
    }

    /// Integrates from `start` at `times[0]` through all `times` (rising). `each(index, state)` gets the
    /// components and, where asked for, their sensitivities (row-major, by initial components and then by
    /// parameters). Returns `false` where the solution stops being finite or needs too many steps.
    pub(super) fn run(
        &mut self,
        start: &[f64],
        times: &[f64],
        tolerance: f64,
        mut each: impl FnMut(usize, &[f64]),
    ) -> bool {
        let (n, size) = (self.system.components, self.size());
        let mut y = vec![0.0; size];
        y[..n].copy_from_slice(start);
        if self.columns > 0 {
            for i in 0..n {
                y[n + i * self.columns + i] = 1.0;
            }
        }
        let Some((&first, rest)) = times.split_first() else {
            return true;
        };
        each(0, &y);
        let mut k = vec![vec![0.0; size]; 7];
        let mut trial = vec![0.0; size];
        let mut t = first;
        self.slope(t, &y, &mut k[0]);
        let span = rest.last().map_or(0.0, |last| last - first);
        let mut h = self.first_step(&y, &k[0], tolerance).min(span);
        let mut steps = 0;
        let most = MAX_STEPS + times.len();
        for (index, &end) in rest.iter().enumerate() {
            while t < end {
                steps += 1;
                if steps > most || !h.is_finite() || h <= f64::EPSILON * span {
                    return false;
                }
                // The last step before a wanted time lands on it.
                let last = t + 1.0001 * h >= end;
                let step = if last { end - t } else { h };
                for s in 1..7 {
                    let (done, open) = k.split_at_mut(s);
                    for (i, trial) in trial.iter_mut().enumerate() {
                        let mut sum = 0.0;
                        for (done, a) in done.iter().zip(&A[s]) {
                            sum += a * done[i];
                        }
                        *trial = y[i] + step * sum;
                    }
                    self.slope(t + C[s] * step, &trial, &mut open[0]);
                }
                // `trial` is the fifth-order solution: the last row of A holds its weights.
                let mut sum = 0.0;
                for i in 0..size {
                    let error: f64 = step * (0..7).map(|s| E[s] * k[s][i]).sum::<f64>();
                    let scale = tolerance * (self.floor[i] + y[i].abs().max(trial[i].abs()));
                    sum += (error / scale).powi(2);
                }
                let norm = (sum / size as f64).sqrt();
                if !norm.is_finite() {
                    h = 0.1 * step;
                    continue;
                }
                let factor = (0.9 * norm.max(1e-10).powf(-0.2)).clamp(0.2, 5.0);
                if norm <= 1.0 {
                    t = if last { end } else { t + step };
                    std::mem::swap(&mut y, &mut trial);
                    k.swap(0, 6);
                    // A step cut short to land on a time says little about the next.
                    h = if last {
                        h.max(step * factor)
                    } else {
                        step * factor
                    };
                } else {
                    h = step * factor.min(1.0);
                }
            }
            if !y.iter().all(|v| v.is_finite()) {
                return false;
            }
            each(index + 1, &y);
        }
        true
    }

    fn first_step(&self, y: &[f64], slope: &[f64], tolerance: f64) -> f64 {
        let norm = |v: &[f64]| {
            let sum: f64 = v
                .iter()
                .zip(y.iter().zip(&self.floor))
                .map(|(v, (y, floor))| (v / (floor + y.abs())).powi(2))
                .sum();
            (sum / v.len() as f64).sqrt()
        };
        0.01 * tolerance.powf(0.2) * (1.0 + norm(y)) / norm(slope).max(1e-8)
    }
}

/// The classical Runge-Kutta method of order 4 with equal steps: an independent witness for [`Integrator`].
pub(super) fn runge_kutta_4(
    system: &Compiled,
    p: &[f64],
    start: &[f64],
    times: &[f64],
    steps: usize,
) -> Vec<Vec<f64>> {
    let n = system.components;
    let mut point = system.point(p);
    let mut y = start.to_vec();
    let mut out = vec![y.clone()];
    let mut k = vec![vec![0.0; n]; 4];
    for w in times.windows(2) {
        let h = (w[1] - w[0]) / steps as f64;
        for step in 0..steps {
            let t = w[0] + step as f64 * h;
            for s in 0..4 {
                let c = [0.0, 0.5, 0.5, 1.0][s];
                point[0] = t + c * h;
                for i in 0..n {
                    let before = if s == 0 { 0.0 } else { k[s - 1][i] };
                    point[1 + i] = y[i] + c * h * before;
                }
                system.slope(&point, &mut k[s]);
            }
            for (i, y) in y.iter_mut().enumerate() {
                *y += h / 6.0 * (k[0][i] + 2.0 * k[1][i] + 2.0 * k[2][i] + k[3][i]);
            }
        }
        out.push(y.clone());
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::OdeSystem;
    use super::*;
    use serde_json::Value;

    fn golden(name: &str) -> Value {
        let all: Value =
            serde_json::from_str(include_str!("../../../tests/golden/pinn.json")).unwrap();
        all[name].clone()
    }

    fn numbers(v: &Value) -> Vec<f64> {
        v.as_array()
            .unwrap()
            .iter()
            .map(|x| x.as_f64().unwrap())
            .collect()
    }

    fn solve(text: &str, p: &[f64], start: &[f64], times: &[f64]) -> Vec<Vec<f64>> {
        let system = OdeSystem::parse(text).unwrap().compile().unwrap();
        let mut out = Vec::new();
        assert!(
            Integrator::new(&system, p, &vec![1.0; start.len()], false).run(
                start,
                times,
                1e-11,
                |_, y| out.push(y.to_vec())
            )
        );
        out
    }

    #[test]
    fn golden_trajectories() {
        let case = golden("damped_oscillator");
        let t = numbers(&case["t"]);
        let got = solve("u'' + 0.4*u' + 16*u = 0", &[], &[1.0, 0.0], &t);
        for (got, want) in got.iter().zip(numbers(&case["u"])) {
            assert!((got[0] - want).abs() <= 1e-9, "{} {want}", got[0]);
        }
        let case = golden("van_der_pol_mu5");
        let got = solve(
            "u'' = mu*(1 - u^2)*u' - u",
            &[5.0],
            &[2.0, 0.0],
            &numbers(&case["t"]),
        );
        for (got, want) in got.iter().zip(numbers(&case["u"])) {
            assert!((got[0] - want).abs() <= 1e-7, "{} {want}", got[0]);
        }
        let lorenz = "x' = s*(y - x); y' = x*(r - z) - y; z' = x*y - b*z";
        for (name, r, start) in [
            ("lorenz_r15", 15.0, [-8.0, 7.0, 27.0]),
            ("lorenz_r28", 28.0, [1.0, 1.0, 1.0]),
        ] {
            let case = golden(name);
            // Parameters in order of appearance: s, then r, then b.
            let got = solve(lorenz, &[10.0, r, 8.0 / 3.0], &start, &numbers(&case["t"]));
            for (got, want) in got.iter().zip(case["y[t]"].as_array().unwrap()) {
                for (g, w) in got.iter().zip(numbers(want)) {
                    assert!((g - w).abs() <= 2e-6, "{name}: {g} {w}");
                }
            }
        }
    }

    #[test]
    fn sensitivities_agree_with_differences() {
        let system = OdeSystem::parse("x' = a*x - b*x*y; y' = -c*y + d*x*y")
            .unwrap()
            .compile()
            .unwrap();
        let times = [0.0, 0.7, 2.0];
        let p = [0.55, 0.028, 0.8, 0.024];
        let start = [30.0, 4.0];
        let end = |p: &[f64], start: &[f64]| {
            let mut out = vec![];
            assert!(Integrator::new(&system, p, &[20.0, 20.0], false).run(
                start,
                &times,
                1e-12,
                |_, y| out = y.to_vec()
            ));
            out
        };
        let mut full = vec![];
        assert!(Integrator::new(&system, &p, &[20.0, 20.0], true).run(
            &start,
            &times,
            1e-12,
            |_, y| full = y.to_vec()
        ));
        for column in 0..6 {
            let (mut up, mut down) = ((p, start), (p, start));
            let h = 1e-5
                * if column < 2 {
                    start[column]
                } else {
                    p[column - 2]
                };
            if column < 2 {
                up.1[column] += h;
                down.1[column] -= h;
            } else {
                up.0[column - 2] += h;
                down.0[column - 2] -= h;
            }
            let (up, down) = (end(&up.0, &up.1), end(&down.0, &down.1));
            for i in 0..2 {
                let numeric = (up[i] - down[i]) / (2.0 * h);
                let exact = full[2 + i * 6 + column];
                assert!(
                    (numeric - exact).abs() <= 1e-6 * numeric.abs().max(1.0),
                    "{i} {column}"
                );
            }
        }
    }

    #[test]
    fn a_solution_that_runs_away_ends() {
        let system = OdeSystem::parse("y' = y^2").unwrap().compile().unwrap();
        let mut run = Integrator::new(&system, &[], &[1.0], false);
        assert!(!run.run(&[1.0], &[0.0, 2.0], 1e-8, |_, _| {}));
        assert!(run.run(&[1.0], &[0.0], 1e-8, |_, _| {}));
    }

    #[test]
    fn units_do_not_change_the_relative_error() {
        let times = [0.0, 1.0, 3.0];
        for size in [1e-12, 1.0, 1e12] {
            let system = OdeSystem::parse("y' = k*y*(1 - y/c)")
                .unwrap()
                .compile()
                .unwrap();
            let sizes = [size];
            // In alphabetical order within an equation: c, k.
            let mut run = Integrator::new(&system, &[2.0 * size, 1.3], &sizes, true);
            let mut out = Vec::new();
            assert!(run.run(&[0.1 * size], &times, 1e-10, |_, y| out.push(y.to_vec())));
            for (t, y) in times.iter().zip(&out) {
                let g = (1.3 * t).exp();
                let want = 2.0 * size * g / (19.0 + g);
                assert!((y[0] / want - 1.0).abs() <= 1e-8, "{size} {t} {}", y[0]);
                // d y/d y0 = c^2 g/(c + y0 (g - 1))^2
                let want = 4.0 * g / (2.0 + 0.1 * (g - 1.0)).powi(2);
                assert!((y[1] / want - 1.0).abs() <= 1e-7, "{size} {t} {}", y[1]);
            }
        }
    }

    #[test]
    fn many_times_are_not_too_many_steps() {
        let system = OdeSystem::parse("y' = -y").unwrap().compile().unwrap();
        let times: Vec<f64> = (0..60_000).map(|i| 1e-4 * f64::from(i)).collect();
        let mut end = 0.0;
        let mut run = Integrator::new(&system, &[], &[1.0], false);
        assert!(run.run(&[1.0], &times, 1e-10, |_, y| end = y[0]));
        assert!((end - (-5.9999f64).exp()).abs() <= 1e-9, "{end}");
    }

    #[test]
    fn the_witness_agrees() {
        let system = OdeSystem::parse("u'' = -w*u").unwrap().compile().unwrap();
        let times: Vec<f64> = (0..50).map(|i| 0.1 * f64::from(i)).collect();
        let out = runge_kutta_4(&system, &[4.0], &[1.0, 0.0], &times, 10);
        for (t, y) in times.iter().zip(&out) {
            assert!((y[0] - (2.0 * t).cos()).abs() <= 1e-7);
        }
    }
}
