//! Targets of the specs of transforms, inversions, fits and systems: read from JSON, used on something small.

use nis_core::expr::Expr;
use nis_core::laplace::fit::{FitOptions, FrequencyData, fit_response, on_axis};
use nis_core::laplace::forward::{Line, LinePlan, TransformOptions, transform};
use nis_core::laplace::inverse::{InvertOptions, invert_formula};
use nis_core::laplace::system::SystemSpec;
use nis_core::telemetry::Progress;
use num_complex::Complex64;

fn texts(list: &[&str]) -> Vec<Vec<u8>> {
    list.iter().map(|text| text.as_bytes().to_vec()).collect()
}

/// Options and the line of a transform, as `{"options": .., "line": ..}` apart by a newline.
pub fn transform_spec(data: &[u8]) {
    let mut parts = data.splitn(2, |byte| *byte == b'\n');
    let (Some(options), Some(line)) = (parts.next(), parts.next()) else {
        return;
    };
    let (Ok(mut options), Ok(mut line)) = (
        serde_json::from_slice::<TransformOptions>(options),
        serde_json::from_slice::<Line>(line),
    ) else {
        return;
    };
    options.threads = 1;
    // A plan of many points is refused or large by right; here the rest of the spec is of interest.
    line.count = line.count.min(1000);
    let x: Vec<f64> = (0..50).map(|k| (0.3 * f64::from(k)).sin()).collect();
    let quiet = Progress::none();
    if let Ok(plan) = LinePlan::new(x.len(), 0.0, 0.1, line, options.clone())
        && let Ok(found) = plan.transform(&x, &quiet)
    {
        assert_eq!(found.values.len(), line.count);
    }
    let s = [Complex64::new(line.sigma, line.omega0)];
    if let Ok(found) = transform(&x, line.omega0, 0.1, &s, &options, &quiet) {
        assert_eq!(found.values.len(), 1);
    }
}

pub(crate) fn transform_spec_seeds() -> Vec<Vec<u8>> {
    texts(&[
        "{}\n{\"step\": 1.0, \"count\": 7}",
        "{\"quadrature\": \"simpson\", \"extent\": \"signal\"}\n{\"sigma\": 0.5, \"omega0\": -3.0, \"step\": 1e-3, \"count\": 3}",
        "{\"tail\": {\"given\": {\"amplitude\": 1.0, \"rate\": -2.0}}, \"threads\": 2}\n{\"sigma\": -1e3, \"step\": 1e300, \"count\": 2}",
        "{\"quadrature\": \"rectangle\", \"tail\": \"zero\"}\n{\"step\": -1.0, \"count\": 100}",
    ])
}

/// A formula and the options of its inversion, apart by a newline.
pub fn invert_spec(data: &[u8]) {
    let mut parts = data.splitn(2, |byte| *byte == b'\n');
    let (Some(options), Some(formula)) = (parts.next(), parts.next()) else {
        return;
    };
    let (Ok(mut options), Ok(formula)) = (
        serde_json::from_slice::<InvertOptions>(options),
        std::str::from_utf8(formula),
    ) else {
        return;
    };
    options.nodes = options.nodes.map(|n| n.min(64));
    let Ok(formula) = Expr::parse(formula) else {
        return;
    };
    let t = [0.1, 1.0, 7.5];
    if let Ok(found) = invert_formula(&formula, &t, &options, &Progress::none()) {
        assert_eq!((found.value.len(), found.error.len()), (t.len(), t.len()));
    }
}

pub(crate) fn invert_spec_seeds() -> Vec<Vec<u8>> {
    texts(&[
        "{}\n1/(s+1)",
        "{\"method\": \"talbot\", \"nodes\": 24}\nexp(-2*s)/(s^2+1)",
        "{\"method\": \"de_hoog\", \"abscissa\": 0.5}\n1/sqrt(s)",
        "{\"method\": \"weeks\", \"delay\": 0.5}\nlog(s)/s",
        "{\"method\": \"cme\"}\n1/(s*(1+exp(-s)))",
    ])
}

/// Options of a rational fit, on a small response.
pub fn fit_options(data: &[u8]) {
    let Ok(mut options) = serde_json::from_slice::<FitOptions>(data) else {
        return;
    };
    options.max_order = options.max_order.min(12);
    options.order = options.order.map(|n| n.min(64));
    options.max_relocations = options.max_relocations.min(20);
    options.max_polish = options.max_polish.min(20);
    let omega: Vec<f64> = (1..40).map(|k| 0.3 * f64::from(k)).collect();
    let s = on_axis(&omega);
    let response: Vec<Complex64> = s
        .iter()
        .map(|s| 1.0 / (s + 1.0) + 2.0 / (s * s + s * 0.2 + 9.0))
        .collect();
    let data = FrequencyData {
        s: &s,
        outputs: 1,
        inputs: 1,
        response: &response,
        weights: None,
    };
    if let Ok(fit) = fit_response(&data, &options, &Progress::none()) {
        assert!(fit.system.check().is_ok());
    }
}

pub(crate) fn fit_options_seeds() -> Vec<Vec<u8>> {
    texts(&[
        "{}",
        "{\"order\": 3, \"start\": \"aaa\", \"weighting\": \"inverse_magnitude\"}",
        "{\"order\": 40, \"direct\": false, \"linear\": true, \"stable\": false, \"tolerance\": 1e-3}",
        "{\"max_order\": 4, \"max_polish\": 0, \"max_relocations\": 1}",
    ])
}

/// A system in any of its four forms: built, and its responses at a few points.
pub fn system_spec(data: &[u8]) {
    let Ok(spec) = serde_json::from_slice::<SystemSpec>(data) else {
        return;
    };
    let Ok(system) = spec.build() else { return };
    let _ = system.frequency_response(&[0.0, 1.0, 1e6]);
    let _ = system.step(&[0.0, 0.5, 2.0]);
    let _ = system.poles();
    let text = serde_json::to_string(&system).expect("plain data");
    assert!(!text.is_empty());
}

pub(crate) fn system_spec_seeds() -> Vec<Vec<u8>> {
    texts(&[
        "{\"pole_residue\":{\"outputs\":1,\"inputs\":1,\"terms\":[{\"pole\":[-1,2],\"residue\":[[1,0]]}]}}",
        "{\"state_space\":{\"states\":1,\"inputs\":1,\"outputs\":1,\"a\":[-1],\"b\":[1],\"c\":[1]}}",
        "{\"zpk\":{\"zeros\":[[-3,0]],\"poles\":[[-1,0],[-2,1],[-2,-1]],\"gain\":2}}",
        "{\"coefficients\":{\"numerator\":[1,2],\"denominator\":[1,3,3,1]}}",
        "{\"state_space\":{\"states\":2,\"inputs\":1,\"outputs\":1,\"a\":[0,1,-1,0],\"b\":[0,1],\"c\":[1,0],\"d\":[0],\"dt\":0.1}}",
    ])
}
