//! Target of requests for physics checks.

use nis_core::physics::{Status, ValidationSpec, validate};
use nis_core::telemetry::Progress;

/// A request as JSON: read or refused, judged or refused; what is called valid has a statistic within its threshold,
/// and the outcome is JSON that is read back as the same.
pub fn validation_spec(data: &[u8]) {
    let Ok(spec) = serde_json::from_slice::<ValidationSpec>(data) else {
        return;
    };
    let Ok(found) = validate(&spec, &Progress::none()) else {
        return;
    };
    for verdict in &found.verdicts {
        if let (Status::Valid, Some((_, value)), Some(threshold)) =
            (verdict.status, &verdict.statistic, verdict.threshold)
        {
            assert!(value.abs() <= threshold, "{verdict:?}");
        }
    }
    let text = serde_json::to_string(&found).expect("plain data");
    let again = serde_json::from_str(&text).expect("written before");
    assert_eq!(found, again);
}

pub(crate) fn validation_spec_seeds() -> Vec<Vec<u8>> {
    let wave: Vec<f64> = (0..60).map(|k| (0.1 * f64::from(k)).sin()).collect();
    let times: Vec<f64> = (0..60).map(|k| 0.1 * f64::from(k)).collect();
    let series = format!(
        r#"{{"columns": {{"t": {times:?}, "x": {{"values": {wave:?}, "unit": "cm", "noise": 0.01}}}}, "claims": [
        {{"law": "motion", "bodies": [{{"mass": 1, "position": ["x"]}}], "potential": "x^2/2", "energy": "conserved"}},
        {{"law": "free_fall", "height": "x"}}, {{"law": "equation", "text": "x'' = -x"}},
        {{"law": "conserved", "quantity": "x'^2 + x^2", "rule": "not_growing", "rate": "0*x"}},
        {{"law": "response", "frequency": "t", "real": "x", "imaginary": "x"}}]}}"#
    );
    let field: Vec<f64> = (0..400).map(|k| (0.1 * f64::from(k)).cos()).collect();
    let grid = format!(
        r#"{{"grid": {{"axes": [{{"name": "t", "to": 1, "points": 20}}, {{"name": "x", "to": 1, "points": 20, "periodic": true}}],
        "fields": {{"u": {field:?}}}}}, "claims": [{{"law": "diffusion", "field": "u", "diffusivity": 0.1, "edge": "zero"}},
        {{"law": "flow", "velocity": ["u"], "density": "u", "closed": true}}, {{"law": "amount", "field": "u"}},
        {{"law": "equation", "text": "u_t = u*u_x"}}]}}"#
    );
    let numbers = r#"{"numbers": {"F": "100 N", "c": {"constant": "c"}, "T": {"value": 3, "unit": "degC"}}, "claims": [
        {"law": "energy_balance", "before": 0, "after": "F"}, {"law": "speed", "value": "c"},
        {"law": "collision", "masses": [1, 2], "before": [[3], [0]], "after": [-1, 2], "elastic": true},
        {"law": "engine", "hot": 600, "cold": "T", "efficiency": 0.5}, {"law": "pendulum", "length": 1, "amplitude": 1, "period": 2},
        {"law": "events", "events": [{"t": 0, "position": [0]}, {"t": 1, "position": [1]}], "causes": [[0, 1]]},
        {"law": "dimensions", "equation": "F = m*a", "units": {"m": "kg", "a": "m/s^2"}},
        {"law": "buckingham", "quantities": {"v": "m/s"}, "groups": ["v"], "count": 0},
        {"law": "exchanges", "bodies": [{"heat": 1, "temperature": 2}, {"heat": -1, "temperature": 3}]}], "checks": ["energy"]}"#;
    [series.as_str(), &grid, numbers, "{}"]
        .iter()
        .map(|text| text.as_bytes().to_vec())
        .collect()
}
