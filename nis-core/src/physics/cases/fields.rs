//! Fields on grids (anchors: cases 11 and 12).

use std::f64::consts::{PI, TAU};

use super::*;

fn field(values: Vec<f64>) -> Column {
    Column::from(values)
}

fn axis(name: &str, from: f64, to: f64, points: usize, periodic: bool) -> GridAxis {
    GridAxis {
        name: name.into(),
        from,
        to,
        points,
        periodic,
        ..GridAxis::default()
    }
}

/// Taylor-Green vortices on 64 x 64 points with noise.
pub(super) fn vortices(sign: f64, sigma: f64, seed: u64) -> ValidationSpec {
    let mut spec = claims(r#"[{"law": "flow", "velocity": ["u", "v"], "incompressible": true}]"#);
    let n = 64;
    let (mut u, mut v, mut random) = (Vec::new(), Vec::new(), Random(seed));
    for i in 0..n {
        for j in 0..n {
            let (x, y) = (TAU * i as f64 / n as f64, TAU * j as f64 / n as f64);
            u.push(x.cos() * y.sin() + sigma * random.normal());
            v.push(-sign * x.sin() * y.cos() + sigma * random.normal());
        }
    }
    spec.grid = Some(Grid {
        axes: vec![axis("x", 0.0, TAU, n, true), axis("y", 0.0, TAU, n, true)],
        fields: [("u".into(), field(u)), ("v".into(), field(v))].into(),
    });
    spec
}

/// Anchors 11.
#[test]
fn taylor_green() {
    let good = judge(&vortices(1.0, 0.01, 7));
    assert_eq!(good.overall, Status::Valid, "{good:#?}");
    let ratio = statistic(first(&good, Kind::Continuity));
    assert!((0.8..1.2).contains(&ratio), "{ratio}");
    let bad = judge(&vortices(-1.0, 0.01, 7));
    assert_eq!(bad.overall, Status::Violated);
    assert!(statistic(first(&bad, Kind::Continuity)) >= 9.0, "{bad:#?}");
}

/// Heat between two ends at 0: two modes, 101 x 101 points.
pub(super) fn heat(reversed: bool, sigma: f64, seed: u64) -> ValidationSpec {
    let mut spec = claims(
        r#"[{"law": "diffusion", "field": "u", "diffusivity": "0.1 m^2/s", "edge": "zero"}]"#,
    );
    let (n, a) = (101, 0.1);
    let (mut u, mut random) = (Vec::new(), Random(seed));
    for i in 0..n {
        let t = i as f64 / (n - 1) as f64;
        let t = if reversed { 1.0 - t } else { t };
        for j in 0..n {
            let x = j as f64 / (n - 1) as f64;
            let mode = |k: f64| (-a * (k * PI).powi(2) * t).exp() * (k * PI * x).sin();
            u.push(mode(1.0) + 0.3 * mode(2.0) + sigma * random.normal());
        }
    }
    spec.grid = Some(Grid {
        axes: vec![axis("t", 0.0, 1.0, n, false), axis("x", 0.0, 1.0, n, false)],
        fields: [("u".into(), field(u))].into(),
    });
    spec
}

/// Anchors 12.
#[test]
fn heat_forwards_and_backwards() {
    for sigma in [0.0, 1e-4] {
        let good = judge(&heat(false, sigma, 7));
        assert_eq!(good.overall, Status::Valid, "{good:#?}");
        let bad = judge(&heat(true, sigma, 7));
        for kind in [Kind::HeatEquation, Kind::MaximumPrinciple, Kind::SecondLaw] {
            assert_eq!(first(&bad, kind).status, Status::Violated, "{bad:#?}");
        }
        // The residual is twice the largest term; the largest value grows by about half.
        let effect = first(&bad, Kind::HeatEquation).effect.clone().unwrap();
        assert!(effect.contains("2.0") || effect.contains("1.9"), "{effect}");
        let growth = statistic(first(&bad, Kind::MaximumPrinciple));
        assert!((0.4..0.8).contains(&growth), "{growth}");
    }
    // Another diffusivity than claimed, by a tenth.
    let mut other = heat(false, 1e-4, 7);
    if let Claim::Diffusion(d) = &mut other.claims[0] {
        d.diffusivity = Some(0.11.into());
    }
    assert_eq!(
        first(&judge(&other), Kind::HeatEquation).status,
        Status::Violated
    );
}

/// The issue: insulated heat keeps its integral to 1e-6, and u = 0 is no solution where the start is a sine.
#[test]
fn insulated_heat_and_nothing() {
    let n = 81;
    let insulated = |leak: f64| {
        let mut u = Vec::new();
        for i in 0..41 {
            let t = f64::from(i) / 40.0;
            for j in 0..n {
                let x = f64::from(j) / f64::from(n - 1);
                let mode = (-0.1 * PI * PI * t).exp() * (PI * x).cos();
                u.push((1.0 + 0.5 * mode) * (1.0 - leak * t));
            }
        }
        let mut spec = claims(r#"[{"law": "diffusion", "field": "u", "edge": "insulated"}]"#);
        spec.grid = Some(Grid {
            axes: vec![
                axis("t", 0.0, 1.0, 41, false),
                axis("x", 0.0, 1.0, n as usize, false),
            ],
            fields: [("u".into(), field(u))].into(),
        });
        judge(&spec)
    };
    let tight = insulated(0.0);
    assert_eq!(tight.overall, Status::Valid, "{tight:#?}");
    let leak = insulated(1e-6);
    assert_eq!(
        first(&leak, Kind::Energy).status,
        Status::Violated,
        "{leak:#?}"
    );
    // Zero everywhere: nothing that could be violated by the equation; the start of a sine is.
    let mut zero = claims(
        r#"[{"law": "equation", "text": "u_t = a*u_xx"}, {"law": "equation", "text": "u0 = sin(pi*x0)"}]"#,
    );
    zero.numbers.insert("a".into(), 0.1.into());
    zero.grid = Some(Grid {
        axes: vec![
            axis("t", 0.0, 1.0, 21, false),
            axis("x", 0.0, 1.0, 21, false),
        ],
        fields: [("u".into(), field(vec![0.0; 441]))].into(),
    });
    let x: Vec<f64> = times(21, 0.05);
    let zero = judge(&with_columns(zero, &[("x0", &x), ("u0", &[0.0; 21])]));
    assert_eq!(zero.verdicts[0].status, Status::NotChecked, "{zero:#?}");
    assert_eq!(zero.verdicts[1].status, Status::Violated, "{zero:#?}");
}

/// A density carried along a line: continuity and mass, and with a source that was not declared.
#[test]
fn continuity_with_a_density() {
    let of = |source: f64| {
        let (mut rho, mut u) = (Vec::new(), Vec::new());
        for i in 0..61 {
            let t = f64::from(i) / 60.0;
            for j in 0..64 {
                let x = TAU * f64::from(j) / 64.0;
                rho.push(2.0 + (x - t).sin() + source * t);
                u.push(1.0);
            }
        }
        let mut spec =
            claims(r#"[{"law": "flow", "velocity": ["u"], "density": "rho", "closed": true}]"#);
        spec.grid = Some(Grid {
            axes: vec![
                axis("t", 0.0, 1.0, 61, false),
                axis("x", 0.0, TAU, 64, true),
            ],
            fields: [("u".into(), field(u)), ("rho".into(), field(rho))].into(),
        });
        judge(&spec)
    };
    let good = of(0.0);
    assert_eq!(good.overall, Status::Valid, "{good:#?}");
    assert!(good.kinds.contains(&Kind::Mass) && good.kinds.contains(&Kind::Continuity));
    let bad = of(0.1);
    assert_eq!(first(&bad, Kind::Mass).status, Status::Violated, "{bad:#?}");
    assert_eq!(first(&bad, Kind::Continuity).status, Status::Violated);
}

#[test]
fn equations_on_grids() {
    let mut spec = heat(false, 1e-4, 3);
    let with = |spec: &mut ValidationSpec, text: &str| {
        spec.claims = claims(&format!(r#"[{{"law": "equation", "text": "{text}"}}]"#)).claims;
        judge(spec).overall
    };
    spec.numbers.insert("a".into(), 0.1.into());
    assert_eq!(with(&mut spec, "u_t = a*u_xx"), Status::Valid);
    assert_eq!(with(&mut spec, "u_t = -a*u_xx"), Status::Violated);
    assert_eq!(with(&mut spec, "u_t + u*u_x = a*u_xx"), Status::Violated);
    assert_eq!(with(&mut spec, "u_t = a*u_yy"), Status::NotChecked);
    assert_eq!(with(&mut spec, "u' = a*u"), Status::NotChecked);
    assert_eq!(with(&mut spec, "u_t = b*u_xx"), Status::NotChecked);
}
