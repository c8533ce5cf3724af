//! Coverage on synthetic data, textbook values, and what is refused.

use super::*;
use crate::kan::network::{Base, Structure};
use crate::kan::train::TrainOptions;
use crate::optim::Random;
use crate::telemetry::Progress;

const SMOOTHNESS: f64 = 1e-3;

struct Noisy {
    net: Kan,
    x: Vec<f64>,
    y: Vec<f64>,
    random: Random,
}

fn truth(x: &[f64]) -> f64 {
    (2.0 * x[0]).sin() + 0.5 * x[1]
}

fn noisy(seed: u64, rows: usize, noise: f64) -> Noisy {
    let mut random = Random(seed);
    let x: Vec<f64> = (0..2 * rows).map(|_| random.symmetric()).collect();
    let y: Vec<f64> = x
        .chunks(2)
        .map(|x| truth(x) + noise * random.normal())
        .collect();
    let mut net = Kan::new(&[2, 1], 4, 3, seed).unwrap();
    let options = TrainOptions {
        smoothness: SMOOTHNESS,
        tolerance: 1e-10,
        ..TrainOptions::default()
    };
    net.train(&x, &y, &options, &Progress::none()).unwrap();
    Noisy { net, x, y, random }
}

impl Noisy {
    /// Share of new observations inside their intervals.
    fn coverage(&mut self, uncertainty: &Uncertainty, noise: f64, level: f64, rows: usize) -> f64 {
        let x: Vec<f64> = (0..2 * rows).map(|_| self.random.symmetric()).collect();
        let intervals = uncertainty.interval(&self.net, &x, level).unwrap();
        let mut inside = 0;
        for (x, at) in x.chunks(2).zip(&intervals) {
            let y = truth(x) + noise * self.random.normal();
            inside += usize::from(at.lower <= y && y <= at.upper);
        }
        inside as f64 / rows as f64
    }
}

#[test]
fn ninety_percent_intervals_cover_ninety_percent() {
    for (rows, noise) in [(60, 0.3), (200, 0.1)] {
        let (mut laplace, mut conformal) = (0.0, 0.0);
        const SEEDS: u64 = 60;
        for seed in 0..SEEDS {
            let mut data = noisy(seed, rows, noise);
            let uncertainty =
                Uncertainty::laplace(&data.net, &data.x, &data.y, SMOOTHNESS).unwrap();
            laplace += data.coverage(&uncertainty, noise, 0.9, 200) / SEEDS as f64;
            let held: Vec<f64> = (0..2 * 99).map(|_| data.random.symmetric()).collect();
            let y: Vec<f64> = held
                .chunks(2)
                .map(|x| truth(x) + noise * data.random.normal())
                .collect();
            let uncertainty = Uncertainty::conformal(&data.net, &held, &y).unwrap();
            conformal += data.coverage(&uncertainty, noise, 0.9, 200) / SEEDS as f64;
        }
        for (kind, coverage) in [("laplace", laplace), ("conformal", conformal)] {
            assert!(
                (0.87..=0.93).contains(&coverage),
                "{kind} with {rows} rows: {coverage}"
            );
        }
    }
}

#[test]
fn the_noise_and_the_effective_parameters_are_found() {
    let (mut mean, mut effective) = (0.0, 0.0);
    for seed in 0..30 {
        let data = noisy(500 + seed, 150, 0.2);
        let Ok(Uncertainty::Laplace(laplace)) =
            Uncertainty::laplace(&data.net, &data.x, &data.y, SMOOTHNESS)
        else {
            panic!("no Laplace approximation")
        };
        mean += laplace.noise[0] / 30.0;
        effective += laplace.effective_parameters / 30.0;
    }
    // 150 rows and 30 seeds: 2 % is the standard error of the mean.
    assert!((mean / 0.04 - 1.0).abs() <= 0.08, "{mean}");
    // Between the three of a plane and the 13 of two cubic splines on 4 cells.
    assert!(effective > 3.0 && effective <= 13.0 + 1e-6, "{effective}");
}

/// Without penalty an additive network is linear regression on its functions: a basis of Chebyshev polynomials of one input
/// gives the textbook variance `s^2 x' (X'X)^-1 x`.
#[test]
fn without_penalty_it_is_linear_regression() {
    let structure = Structure {
        widths: vec![1, 1],
        family: crate::kan::Family::Chebyshev,
        grid: 2,
        order: 1,
        ..Structure::default()
    };
    let mut net = Kan::of(&structure).unwrap();
    let mut random = Random(4);
    let x: Vec<f64> = (0..30).map(|_| random.symmetric()).collect();
    let y: Vec<f64> = x.iter().map(|x| 1.0 + x + 0.1 * random.normal()).collect();
    let options = TrainOptions {
        smoothness: 0.0,
        tolerance: 1e-14,
        ..TrainOptions::default()
    };
    net.train(&x, &y, &options, &Progress::none()).unwrap();
    let uncertainty = Uncertainty::laplace(&net, &x, &y, 0.0).unwrap();
    let design = Mat::from_fn(30, 3, |i, j| [1.0, x[i], 2.0 * x[i] * x[i] - 1.0][j]);
    let fit = crate::optim::least_squares(design.as_ref(), &y).unwrap();
    let inverse = fit.inverse_normal.unwrap();
    let s2 = fit.sum_squares / 27.0;
    for at in [-1.0, 0.2, 0.9] {
        let g = [1.0, at, 2.0 * at * at - 1.0];
        let mut v = 0.0;
        for i in 0..3 {
            for j in 0..3 {
                v += g[i] * g[j] * inverse[(i, j)];
            }
        }
        let got = uncertainty.standard_errors(&net, &[at]).unwrap()[0];
        let want = (s2 * v).sqrt();
        assert!((got / want - 1.0).abs() <= 1e-6, "{got} {want}");
        // 27 degrees of freedom: t = 1.703288 for 90 %.
        let interval = uncertainty.interval(&net, &[at], 0.9).unwrap()[0];
        let half = 1.703288 * (s2 * (1.0 + v)).sqrt();
        assert!((0.5 * (interval.upper - interval.lower) / half - 1.0).abs() <= 1e-4);
    }
}

/// Values of tables.
#[test]
fn quantiles_are_the_tabulated_ones() {
    for (p, want) in [
        (0.5, 0.0),
        (0.95, 1.6448536269514722),
        (0.975, 1.959963984540054),
        (0.9995, 3.2905267314919255),
        (1e-6, -4.753424308822899),
    ] {
        assert!(
            (normal_quantile(p) - want).abs() <= 1e-9,
            "{p}: {}",
            normal_quantile(p)
        );
    }
    for (n, p, want, share) in [
        (1.0, 0.95, 6.313752, 1e-6),
        (2.0, 0.95, 2.919986, 1e-6),
        (3.0, 0.95, 2.353363, 1e-2),
        (5.0, 0.95, 2.015048, 1e-3),
        (10.0, 0.95, 1.812461, 1e-4),
        (10.0, 0.995, 3.169273, 1e-3),
        (30.0, 0.975, 2.042272, 1e-5),
    ] {
        let got = student_quantile(p, n);
        assert!((got / want - 1.0).abs() <= share, "{n} {p}: {got} {want}");
    }
}

#[test]
fn the_conformal_rank_is_exact() {
    let mut net = Kan::new(&[1, 1], 3, 3, 0).unwrap();
    net.layers_mut()[0].set_edge(0, 0, Edge::Removed).unwrap();
    let x = vec![0.0; 9];
    let y: Vec<f64> = (1..10).map(f64::from).collect();
    let uncertainty = Uncertainty::conformal(&net, &x, &y).unwrap();
    // ceil(10 * 0.9) = 9th of 9; ceil(10 * 0.5) = 5th.
    for (level, want) in [(0.9, 9.0), (0.5, 5.0), (0.51, 6.0), (0.01, 1.0)] {
        assert_eq!(
            uncertainty.interval(&net, &[0.3], level).unwrap()[0].upper,
            want,
            "{level}"
        );
    }
    assert_eq!(
        uncertainty
            .interval(&net, &[0.3], 0.95)
            .unwrap_err()
            .field(),
        Some("level")
    );
    assert!(uncertainty.standard_errors(&net, &[0.3]).is_err());
}

#[test]
fn several_outputs_and_hidden_layers() {
    let structure = Structure {
        widths: vec![2, 2, 2],
        base: Base::Silu,
        grid: 3,
        ..Structure::default()
    };
    let mut net = Kan::of(&structure).unwrap();
    let mut random = Random(6);
    let x: Vec<f64> = (0..600).map(|_| random.symmetric()).collect();
    let y: Vec<f64> = x
        .chunks(2)
        .flat_map(|x| {
            [
                truth(x) + 0.1 * random.normal(),
                x[0] * x[1] + 0.4 * random.normal(),
            ]
        })
        .collect();
    let options = TrainOptions {
        smoothness: SMOOTHNESS,
        ..TrainOptions::default()
    };
    net.train(&x, &y, &options, &Progress::none()).unwrap();
    let uncertainty = Uncertainty::laplace(&net, &x, &y, SMOOTHNESS).unwrap();
    let Uncertainty::Laplace(laplace) = &uncertainty else {
        panic!("another kind")
    };
    assert!(
        (laplace.noise[0].sqrt() / 0.1 - 1.0).abs() <= 0.3,
        "{:?}",
        laplace.noise
    );
    assert!(
        (laplace.noise[1].sqrt() / 0.4 - 1.0).abs() <= 0.2,
        "{:?}",
        laplace.noise
    );
    let near = uncertainty.standard_errors(&net, &[0.0, 0.0]).unwrap();
    let far = uncertainty.standard_errors(&net, &[5.0, 5.0]).unwrap();
    assert!(
        near.len() == 2 && far[0] > 3.0 * near[0] && far[1] > 3.0 * near[1],
        "{near:?} {far:?}"
    );
    let text = serde_json::to_string(&uncertainty).unwrap();
    let back: Uncertainty = serde_json::from_str(&text).unwrap();
    assert_eq!(back, uncertainty);
}

#[test]
fn what_cannot_be_judged_is_refused() {
    let data = noisy(1, 40, 0.1);
    let field = |r: Result<Uncertainty>| r.unwrap_err().field().map(str::to_string);
    let (net, x, y) = (&data.net, &data.x, &data.y);
    assert_eq!(
        field(Uncertainty::laplace(net, &x[1..], y, 0.0)).as_deref(),
        Some("x, y")
    );
    assert_eq!(
        field(Uncertainty::laplace(net, x, y, -1.0)).as_deref(),
        Some("smoothness")
    );
    assert_eq!(
        field(Uncertainty::laplace(net, &[0.0, f64::NAN], &[1.0], 0.0)).as_deref(),
        Some("x[0][1]")
    );
    assert_eq!(
        field(Uncertainty::conformal(net, &[], &[])).as_deref(),
        Some("x, y")
    );
    // Fewer rows than parameters and no penalty: nothing is left for the noise.
    assert!(matches!(
        Uncertainty::laplace(net, &x[..20], &y[..10], 0.0),
        Err(Error::Numerical { .. })
    ));
    let uncertainty = Uncertainty::laplace(net, x, y, SMOOTHNESS).unwrap();
    assert!(uncertainty.interval(net, &x[..2], 1.0).is_err());
    assert!(uncertainty.interval(net, &x[..3], 0.5).is_err());
    let other = Kan::new(&[2, 2, 1], 4, 3, 0).unwrap();
    assert_eq!(
        uncertainty
            .interval(&other, &x[..2], 0.5)
            .unwrap_err()
            .field(),
        Some("net")
    );
}
