//! Trajectories (anchors: cases 1 to 7).

use super::*;

/// A damped oscillator of angular frequency 2 and total energy 2 at the start (mass 1), sampled for 10 s.
pub(super) fn oscillator(zeta: f64, sigma: f64, n: usize, seed: u64) -> (Vec<f64>, Vec<f64>) {
    let t = times(n, 10.0 / (n - 1) as f64);
    let (w0, d) = (2.0f64, (1.0 - zeta * zeta).sqrt());
    let x = t
        .iter()
        .map(|t| (-zeta * w0 * t).exp() * (w0 * d * t).cos());
    let x = noisy(x, sigma, seed);
    (t, x)
}

/// Potential `2 x^2` is `w^2 x^2/2`.
pub(super) fn motion(more: &str) -> ValidationSpec {
    claims(&format!(
        r#"[{{"law": "motion", "bodies": [{{"mass": 1, "position": ["x"]}}], "potential": "2*x^2"{more}}}]"#
    ))
}

/// Anchors 1, 2 and 3.
#[test]
fn oscillators() {
    let of = |zeta: f64, more: &str| {
        let (t, x) = oscillator(zeta, 1e-3, 10_001, 7);
        judge(&with_columns(motion(more), &[("t", &t), ("x", &x)]))
    };
    let conserved = r#", "energy": "conserved""#;
    let one = of(0.0, conserved);
    assert_eq!(one.overall, Status::Valid, "{one:#?}");
    assert!(statistic(first(&one, Kind::Energy)).abs() <= 3.0);
    let two = of(0.02, conserved);
    assert_eq!(first(&two, Kind::Energy).status, Status::Violated);
    assert!(statistic(first(&two, Kind::Energy)) <= -50.0, "{two:#?}");
    assert!(
        first(&two, Kind::Energy)
            .effect
            .as_ref()
            .unwrap()
            .contains("-7")
            || first(&two, Kind::Energy)
                .effect
                .as_ref()
                .unwrap()
                .contains("-8"),
        "{two:#?}"
    );
    // With the damping declared, or only that there is some, it is in order.
    let declared = r#", "energy": "conserved", "power": "-2*0.02*2*x'^2""#;
    assert_eq!(
        of(0.02, declared).overall,
        Status::Valid,
        "{:#?}",
        of(0.02, declared)
    );
    assert_eq!(of(0.02, r#", "energy": "damped""#).overall, Status::Valid);
    // Energy from nowhere, under either claim.
    let three = of(-0.01, conserved);
    assert!(statistic(first(&three, Kind::Energy)) >= 50.0, "{three:#?}");
    assert_eq!(three.overall, Status::Violated);
    assert_eq!(
        of(-0.01, r#", "energy": "damped""#).overall,
        Status::Violated
    );
    // Nothing declared: nothing to violate.
    assert_eq!(of(-0.01, "").overall, Status::NotChecked);
}

fn fall(g: f64, seed: u64) -> (Vec<f64>, Vec<f64>) {
    let t = times(75, 0.02);
    let y = noisy(
        t.iter().map(|t| 2.0 + 6.0 * t - 0.5 * g * t * t),
        2e-3,
        seed,
    );
    (t, y)
}

/// Anchors 4 and 5.
#[test]
fn projectiles() {
    let of = |g: f64| {
        let (t, y) = fall(g, 7);
        let spec = claims(r#"[{"law": "free_fall", "height": "y"}]"#);
        judge(&with_columns(spec, &[("t", &t), ("y", &y)]))
    };
    let earth = of(9.80665);
    assert_eq!(earth.overall, Status::Valid, "{earth:#?}");
    let other = of(7.0);
    let z = statistic(first(&other, Kind::Gravity));
    assert!((-3000.0..-600.0).contains(&z), "{other:#?}");
    assert_eq!(other.overall, Status::Violated);
    // Drag: the acceleration is not constant.
    let (t, _) = fall(0.0, 1);
    let y = noisy(t.iter().map(|t| 3.0 * (-0.8 * t).exp() - 5.0 * t), 2e-3, 3);
    let spec = claims(r#"[{"law": "free_fall", "height": "y", "gravity": 1, "uncertainty": 1}]"#);
    let drag = judge(&with_columns(spec, &[("t", &t), ("y", &y)]));
    assert_eq!(drag.overall, Status::Violated, "{drag:#?}");
}

type Orbit = [Vec<f64>; 5];

/// Three orbits of eccentricity 0.6 with step 0.01, by leapfrog or explicit Euler: t, x, y, vx, vy.
fn kepler(leapfrog: bool) -> Orbit {
    let h = 0.01;
    let n = (3.0 * std::f64::consts::TAU / h) as usize;
    let pull = |r: [f64; 2]| {
        let d = r[0].hypot(r[1]).powi(3);
        [-r[0] / d, -r[1] / d]
    };
    let (mut r, mut v) = ([0.4, 0.0], [0.0, 2.0]);
    let mut out: Orbit = Default::default();
    for i in 0..=n {
        for (column, value) in out.iter_mut().zip([i as f64 * h, r[0], r[1], v[0], v[1]]) {
            column.push(value);
        }
        let a = pull(r);
        if leapfrog {
            let half = [v[0] + 0.5 * h * a[0], v[1] + 0.5 * h * a[1]];
            r = [r[0] + h * half[0], r[1] + h * half[1]];
            let a = pull(r);
            v = [half[0] + 0.5 * h * a[0], half[1] + 0.5 * h * a[1]];
        } else {
            r = [r[0] + h * v[0], r[1] + h * v[1]];
            v = [v[0] + h * a[0], v[1] + h * a[1]];
        }
    }
    out
}

fn orbit(data: &Orbit, more: &str) -> Validation {
    let spec = claims(&format!(
        r#"[{{"law": "motion", "bodies": [{{"mass": 1, "position": ["x", "y"], "velocity": ["vx", "vy"]}}],
            "potential": "-1/sqrt(x^2 + y^2)", "energy": "conserved", "central": true{more}}}]"#
    ));
    let [t, x, y, vx, vy] = data;
    judge(&with_columns(
        spec,
        &[("t", t), ("x", x), ("y", y), ("vx", vx), ("vy", vy)],
    ))
}

/// Anchors 6 and 7.
#[test]
fn kepler_by_leapfrog_and_euler() {
    let leapfrog = r#", "integrator": {"method": "leapfrog", "step": 0.01}"#;
    let good = orbit(&kepler(true), leapfrog);
    assert_eq!(good.overall, Status::Valid, "{good:#?}");
    let energy = statistic(first(&good, Kind::Energy));
    assert!((energy / 7.4e-4 - 1.0).abs() <= 0.05, "{energy}");
    assert!(statistic(first(&good, Kind::AngularMomentum)) <= 1e-13);
    // Without the integrator the wobble of 7e-4 is no noise: a flat test fails.
    let flat = orbit(&kepler(true), "");
    assert_eq!(flat.overall, Status::Violated, "{flat:#?}");
    let bad = orbit(&kepler(false), leapfrog);
    assert_eq!(bad.overall, Status::Violated);
    let (energy, momentum) = (
        statistic(first(&bad, Kind::Energy)),
        statistic(first(&bad, Kind::AngularMomentum)),
    );
    assert!((energy / 0.5 - 1.0).abs() <= 0.1, "{energy}");
    assert!((momentum / 0.16 - 1.0).abs() <= 0.1, "{momentum}");
    // Declared as what it is: the method is too coarse to tell.
    let euler = orbit(
        &kepler(false),
        r#", "integrator": {"method": "euler", "step": 0.01}"#,
    );
    assert_eq!(euler.overall, Status::NotChecked, "{euler:#?}");
}

/// Two bodies on a spring in space: momentum and angular momentum from noisy positions alone.
#[test]
fn two_bodies_in_space() {
    let t = times(1001, 0.01);
    let w = 1.5f64;
    // Masses 1 and 3; the relative motion is an ellipse, the centre moves straight on.
    let (mut columns, mut random) = (vec![Vec::new(); 6], Random(5));
    for t in &t {
        let relative = [(w * t).cos(), 0.7 * (w * t).sin(), 0.4 * (w * t).cos()];
        for k in 0..3 {
            let centre = 0.3 * t * (k as f64 - 1.0);
            columns[k].push(centre + 0.75 * relative[k] + 1e-3 * random.normal());
            columns[3 + k].push(centre - 0.25 * relative[k] + 1e-3 * random.normal());
        }
    }
    let names = ["ax", "ay", "az", "bx", "by", "bz"];
    let spec = |columns: &[Vec<f64>]| {
        let mut spec = claims(
            r#"[{"law": "motion", "isolated": true, "energy": "conserved",
                "potential": "0.5*0.75*1.5^2*((ax - bx)^2 + (ay - by)^2 + (az - bz)^2)",
                "bodies": [{"mass": 1, "position": ["ax", "ay", "az"]}, {"mass": "3000 g", "position": ["bx", "by", "bz"]}]}]"#,
        );
        spec.columns.insert("t".into(), Column::from(t.clone()));
        for (name, values) in names.iter().zip(columns) {
            spec.columns
                .insert((*name).into(), Column::from(values.clone()));
        }
        spec
    };
    let found = judge(&spec(&columns));
    assert_eq!(found.overall, Status::Valid, "{found:#?}");
    assert_eq!(
        found.kinds.iter().filter(|k| **k == Kind::Momentum).count(),
        6
    );
    // A push along x that nobody declared.
    for (x, t) in columns[0].iter_mut().zip(&t) {
        *x += 0.02 * t * t;
    }
    let pushed = judge(&spec(&columns));
    assert_eq!(
        first(&pushed, Kind::Momentum).status,
        Status::Violated,
        "{pushed:#?}"
    );
    // What was measured at uneven times is judged the same way.
    let keep: Vec<usize> = (0..1001).filter(|i| (i * 7919) % 10 < 6).collect();
    let (t, x) = oscillator(0.0, 1e-3, 1001, 3);
    let pick = |v: &[f64]| -> Vec<f64> { keep.iter().map(|i| v[*i]).collect() };
    let uneven = with_columns(
        motion(r#", "energy": "conserved""#),
        &[("t", &pick(&t)), ("x", &pick(&x))],
    );
    assert_eq!(
        judge(&uneven).overall,
        Status::Valid,
        "{:#?}",
        judge(&uneven)
    );
    let (_, x) = oscillator(0.02, 1e-3, 1001, 3);
    let damped = with_columns(
        motion(r#", "energy": "conserved""#),
        &[("t", &pick(&t)), ("x", &pick(&x))],
    );
    assert_eq!(judge(&damped).overall, Status::Violated);
}

#[test]
fn equations_on_columns() {
    let text = |text: &str| claims(&format!(r#"[{{"law": "equation", "text": "{text}"}}]"#));
    // Row by row.
    let (m, a) = ([1.0, 2.0, 3.0], [9.0, 8.0, 7.0]);
    let f = [9.0, 16.0, 21.0];
    let with = |f: &[f64]| with_columns(text("F = m*a"), &[("F", f), ("m", &m), ("a", &a)]);
    assert_eq!(judge(&with(&f)).overall, Status::Valid);
    let wrong = judge(&with(&[9.0, 16.0, 22.0]));
    assert_eq!(wrong.overall, Status::Violated);
    assert!(
        wrong.verdicts[0].effect.as_ref().unwrap().contains("row 3"),
        "{wrong:?}"
    );
    assert_eq!(
        judge(&with(&[9.0, f64::NAN, 21.0])).overall,
        Status::NotChecked
    );
    assert!(validate(&with(&[]), &Progress::none()).is_err());
    // With a declared noise.
    let mut random = Random(2);
    let m: Vec<f64> = (0..200).map(|i| 1.0 + 0.01 * f64::from(i)).collect();
    let mut of = |factor: f64| {
        let f: Vec<f64> = m
            .iter()
            .map(|m| 5.0 * factor * m + 0.1 * random.normal())
            .collect();
        let mut spec = with_columns(text("F = 5*m"), &[("F", &f), ("m", &m)]);
        spec.columns.get_mut("F").unwrap().noise = Some(0.1);
        judge(&spec).overall
    };
    assert_eq!((of(1.0), of(1.02)), (Status::Valid, Status::Violated));
    // Derivatives along the column of times.
    let (t, x) = oscillator(0.0, 1e-3, 2001, 7);
    let of = |equation: &str| {
        let spec = with_columns(text(equation), &[("t", &t), ("x", &x)]);
        judge(&spec)
    };
    assert_eq!(
        of("x'' = -4*x").overall,
        Status::Valid,
        "{:#?}",
        of("x'' = -4*x")
    );
    assert_eq!(of("x_tt = -4*x").overall, Status::Valid);
    assert_eq!(
        of("x'' = -5*x").overall,
        Status::Violated,
        "{:#?}",
        of("x'' = -5*x")
    );
    assert_eq!(of("x'' = -4*y").overall, Status::NotChecked);
    assert_eq!(of("x''''' = -4*x").overall, Status::NotChecked);
    // So much noise that the second derivative cannot be seen.
    let (t, x) = oscillator(0.0, 0.3, 201, 7);
    let blind = with_columns(text("x'' = -4*x"), &[("t", &t), ("x", &x)]);
    assert_eq!(
        judge(&blind).overall,
        Status::NotChecked,
        "{:#?}",
        judge(&blind)
    );
}
