//! Marching in time.

use super::*;

fn marches(json: &str, name: &str, tolerance: f64, wanted: f64) {
    let golden = &golden()[name];
    let options = SolveOptions {
        tolerance,
        ..family(Family::March)
    };
    let (problem, found) = run(json, &options);
    let (x, t) = (numbers(&golden["x"]), numbers(&golden["t"]));
    let rows = golden["u[x][t]"].as_array().unwrap();
    let (mut at, mut exact) = (Vec::new(), Vec::new());
    for (x, row) in x.iter().zip(rows) {
        at.extend(t.iter().map(|t| vec![*x, *t]));
        exact.extend(numbers(row));
    }
    let error = error(&values(&problem, &found, 0, &at), &exact);
    assert!(error <= wanted, "{name} {error:e} {:?}", found.notes);
    assert!(found.converged, "{name} {:?}", found.notes);
}

#[test]
fn the_front_of_burgers_equation() {
    let json = r#"{"equations": ["u_t + u*u_x = 0.01/pi*u_xx"], "domain": {"x": [-1, 1], "t": [0, 1]},
        "conditions": ["u(x,0) = -sin(pi*x)", "u(-1,t) = 0", "u(1,t) = 0"]}"#;
    marches(json, "burgers", 1e-3, 1e-4);
}

#[test]
fn the_fronts_of_allen_and_cahn() {
    let json = r#"{"equations": ["u_t = 1e-3*u_xx + 5*u - 5*u^3"], "domain": {"x": [-1, 1], "t": [0, 1]},
        "conditions": ["u(x,0) = x^2*cos(pi*x)", "u(-1,t) = -1", "u(1,t) = -1"]}"#;
    marches(json, "allen_cahn_dirichlet", 1e-3, 1e-4);
}

#[test]
fn marching_linear_periodic_and_second_order_in_time() {
    let march = SolveOptions {
        tolerance: 1e-6,
        ..family(Family::March)
    };
    let around = r#"{"equations": ["u_t + u_x = 0"], "domain": {"x": [-1, 1], "t": [0, 1]},
        "conditions": ["u(x,0) = exp(sin(pi*x))", "periodic x"]}"#;
    solves(around, &march, |p| (PI * (p[0] - p[1])).sin().exp(), 1e-7);
    let wave = r#"{"equations": ["u_tt = u_xx"], "domain": {"x": [0, 1], "t": [0, 1]},
        "conditions": ["u(x,0) = sin(pi*x)", "u_t(x,0) = pi*sin(pi*x)", "u(0,t) = 0", "u(1,t) = 0"]}"#;
    let exact = |p: &[f64]| (PI * p[0]).sin() * ((PI * p[1]).cos() + (PI * p[1]).sin());
    solves(wave, &march, exact, 1e-7);
    // Two fields, the second without a derivative by time.
    let system = r#"{"equations": ["u_t = v_x", "v = 0.3*u_x"], "domain": {"x": [0, 1], "t": [0, 1]},
        "conditions": ["u(x,0) = cos(pi*x)", "v(0,t) = 0", "v(1,t) = 0"]}"#;
    let exact = |p: &[f64]| (-0.3 * PI * PI * p[1]).exp() * (PI * p[0]).cos();
    solves(system, &march, exact, 1e-7);
    let steady = on_square("u_xx + u_yy = 1", 0.0);
    let error = solve(&problem(&steady), &march, &Progress::none())
        .err()
        .unwrap();
    assert_eq!(error.field(), Some("features.family"));
}
