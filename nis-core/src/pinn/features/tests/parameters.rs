//! Unknown parameters: eigenvalues and inverse problems.

use super::*;

#[test]
fn eigenvalues_of_strings_and_drums() {
    let string = |l: &str| {
        format!(
            r#"{{"equations": ["-u_xx = l*u"], "domain": {{"x": [0, 1]}}, "parameters": {{"l": {l}}},
            "conditions": ["u(0) = 0", "u(1) = 0"]}}"#
        )
    };
    let drum = |shape: &str| {
        format!(
            r#"{{"equations": ["-u_xx - u_yy = l*u"], "domain": {{"shape": {shape}}}, "parameters": {{"l": "?"}},
            "conditions": ["u = 0 on boundary"]}}"#
        )
    };
    let l_shape = r#"{"polygon": [[-1,-1],[1,-1],[1,0],[0,0],[0,1],[-1,1]]}"#;
    for (json, exact, tolerance) in [
        (string("\"?\""), PI * PI, 1e-9),
        (string("{\"start\": 85}"), 9.0 * PI * PI, 1e-9),
        // The square of the first zero of the Bessel function J0.
        (
            drum(r#"{"disk": {"center": [0, 0], "radius": 1}}"#),
            2.404_825_557_695_773_f64.powi(2),
            1e-8,
        ),
        // Trefethen and Betcke, "Computed eigenmodes of planar regions" (2006).
        (drum(l_shape), 9.639_723_844_021_9, 1e-5),
    ] {
        let (_, found) = run(&json, &SolveOptions::default());
        let error = (found.parameters[0].value / exact - 1.0).abs();
        assert!(error <= tolerance, "{error:e} {json} {:?}", found.notes);
    }
    let (problem, found) = run(&string("\"?\""), &SolveOptions::default());
    assert!(found.converged, "{:?}", found.notes);
    let at: Vec<Vec<f64>> = [0.1, 0.37, 0.5, 0.93].iter().map(|x| vec![*x]).collect();
    let got = values(&problem, &found, 0, &at);
    let shape: Vec<f64> = at.iter().map(|p| (PI * p[0]).sin()).collect();
    let scaled: Vec<f64> = got.iter().map(|v| v / got[2]).collect();
    assert!(error(&scaled, &shape) < 1e-8);
}

/// Heat with unknown conductivity, measured at 60 points with this scatter.
fn inverse(scatter: f64, seed: u64) -> Found {
    let mut random = Random(seed);
    let (mut points, mut measured) = (Vec::new(), Vec::new());
    for p in anywhere(&[[0.0, 1.0], [0.0, 1.0]]).iter().take(60) {
        points.push(format!("[{}, {}]", p[0], p[1]));
        measured.push(format!("[{}]", heat(p) + scatter * random.normal()));
    }
    let json = format!(
        r#"{{"equations": ["u_t = a*u_xx"], "domain": {{"x": [0, 1], "t": [0, 1]}},
        "conditions": ["u(x,0) = sin(pi*x)", "u(0,t) = 0", "u(1,t) = 0"], "parameters": {{"a": "?"}},
        "data": {{"fields": ["u"], "points": [{}], "values": [{}]}}}}"#,
        points.join(","),
        measured.join(",")
    );
    run(&json, &SolveOptions::default()).1
}

#[test]
fn conductivity_from_data() {
    let exact = inverse(0.0, 1);
    let a = &exact.parameters[0];
    assert!((a.value - 0.4).abs() <= 1e-6, "{a:?} {:?}", exact.notes);
    assert!(exact.converged, "{:?}", exact.notes);
    // Within four standard errors from noisy data, and these are what they must be: the derivative of the solution
    // by `a` is -pi^2 t u.
    let at = anywhere(&[[0.0, 1.0], [0.0, 1.0]]);
    let slopes = at.iter().take(60).map(|p| PI * PI * p[1] * heat(p));
    let expected = 0.01 / slopes.map(|s| s * s).sum::<f64>().sqrt();
    for seed in 2..5 {
        let noisy = inverse(0.01, seed);
        let a = &noisy.parameters[0];
        let sigma = a.std_error.unwrap();
        assert!((a.value - 0.4).abs() < 4.0 * sigma, "{a:?}");
        assert!(noisy.converged, "{:?}", noisy.notes);
        assert!((sigma / expected - 1.0).abs() < 0.4, "{a:?} {expected}");
    }
}
