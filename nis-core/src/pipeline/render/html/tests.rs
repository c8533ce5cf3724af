//! Pages of real and of hostile reports.

use super::*;
use crate::pipeline::{AnalyzeOptions, Dataset, analyze};
use crate::telemetry::Progress;

fn report(columns: Vec<(String, Vec<f64>)>, options: &AnalyzeOptions) -> Report {
    let data = Dataset::from_columns("<b>test</b>", columns).unwrap();
    analyze(&data, options, &Progress::none()).unwrap()
}

#[test]
fn names_from_data_do_not_become_markup() {
    let t: Vec<f64> = (0..40).map(|i| 0.1 * f64::from(i)).collect();
    let y: Vec<f64> = t.iter().map(|t| (3.0 * t).sin()).collect();
    let evil = "<script>alert(1)</script>";
    let r = report(
        vec![("t".into(), t), (evil.into(), y)],
        &AnalyzeOptions::default(),
    );
    let page = r.to_html();
    assert!(!page.contains("<script") && !page.contains("<b>test"));
    assert!(page.contains("&lt;script&gt;"));
    assert!(page.contains("Pole map") && page.contains("fitted equation"));
    // Self-contained: nothing is loaded.
    for outside in ["http://", "https://", "src=", "@import", "url("] {
        assert!(!page.contains(outside), "{outside}");
    }
}

#[test]
fn missing_stages_leave_a_whole_page() {
    let r = report(
        vec![
            ("t".into(), vec![1.0, 2.0, 4.0]),
            ("y".into(), vec![f64::NAN, f64::NAN, 1.0]),
        ],
        &AnalyzeOptions::default(),
    );
    let page = r.to_html();
    assert!(page.ends_with("</html>\n") && page.contains("unequal steps"));
    assert!(!page.contains("NaN"));
    assert!(r.to_text().contains("not checked"));
}

#[test]
fn control_characters_do_not_reach_the_terminal() {
    let r = report(
        vec![
            ("t".into(), vec![1.0, 2.0, 4.0]),
            ("y\u{1b}[2J".into(), vec![1.0, 2.0, 1.0]),
        ],
        &AnalyzeOptions::default(),
    );
    assert!(!r.to_text().contains('\u{1b}'));
}
