//! Target of problems as text.

use nis_core::pinn::ProblemSpec;

/// A problem as JSON: read or refused; what was read is written and read again, and its domain answers.
pub fn pinn_problem(data: &[u8]) {
    let Ok(spec) = serde_json::from_slice::<ProblemSpec>(data) else {
        return;
    };
    let Ok(problem) = spec.read() else { return };
    let middle: Vec<f64> = problem.domain().ranges().iter().map(|[a, b]| 0.5 * a + 0.5 * b).collect();
    for point in [&middle[..], &middle[1..], &vec![f64::NAN; middle.len()]] {
        let _ = problem.domain().contains(point);
    }
    assert!(!problem.to_string().is_empty());
    let text = serde_json::to_string(problem.spec()).expect("plain data");
    let again: ProblemSpec = serde_json::from_str(&text).expect("what was written is read");
    assert_eq!(&again, problem.spec());
    let again = again.read().expect("was read before");
    assert_eq!(again.to_string(), problem.to_string());
    assert_eq!(again.notes(), problem.notes());
}

/// The examples of docs/pinn-problems.md.
pub(crate) fn pinn_problem_seeds() -> Vec<Vec<u8>> {
    let page = include_str!("../../docs/pinn-problems.md");
    let blocks = page.split("```json").skip(1);
    blocks
        .filter_map(|block| block.split("```").next())
        .map(|text| text.trim_start_matches(" refused").trim().as_bytes().to_vec())
        .collect()
}
