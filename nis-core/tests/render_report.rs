//! Pages and texts of reports: the three records of examples/data, long series, and reports of arbitrary
//! content.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use nis_core::pipeline::{AnalyzeOptions, Dataset, Mode, Report, analyze};
use nis_core::telemetry::Progress;
use proptest::prelude::*;
use support::{check_page, check_text, report_from, reports};

fn example(file: &str, options: &AnalyzeOptions) -> Report {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../examples/data")
        .join(file);
    let data = Dataset::from_csv_path(&path).unwrap();
    let report = analyze(&data, options, &Progress::none()).unwrap();
    // For looking at the pages: RENDER_OUT=folder cargo test -p nis-core --test render_report
    if let Ok(folder) = std::env::var("RENDER_OUT") {
        let path = std::path::Path::new(&folder).join(file);
        std::fs::write(path.with_extension("html"), report.to_html()).unwrap();
        std::fs::write(path.with_extension("txt"), report.to_text()).unwrap();
    }
    report
}

fn contains_all(page: &str, wanted: &[&str]) {
    for w in wanted {
        assert!(page.contains(w), "no {w:?} in the page");
    }
}

#[test]
fn sunspots_page() {
    let report = example("sunspots.csv", &AnalyzeOptions::default());
    let page = report.to_html();
    let seen = check_page(&page);
    // Signal, pole map, predicted against observed, prediction in time, two edges, trajectory, residuals.
    assert!(seen.drawings >= 8, "{}", seen.drawings);
    assert!(page.len() < 500_000, "{}", page.len());
    contains_all(
        &page,
        &[
            "Pole map",
            "period (year)",
            "held out",
            "Standardised residuals of sunspots",
            "<msubsup><mi>sunspots</mi>",
            "violated",
            "not checked",
            "detrend mean",
        ],
    );
    let modes = report.modes[0].modes.as_ref().unwrap();
    // The pole map names the side of the axis on which there are poles.
    let any_decays = modes.modes.iter().any(|m| m.pole.re < 0.0);
    let side = if any_decays { ">decays<" } else { ">grows<" };
    contains_all(&page, &[side]);
    assert!(page.matches("class=\"model\"><title>mode").count() <= modes.modes.len());
    assert_eq!(page.matches("<title>mode ").count(), modes.modes.len());
    // Every year is drawn: once in the signal, once over the trajectory.
    assert_eq!(page.matches("<title>year 1778: 154.4</title>").count(), 3);
    check_text(&report.to_text());
}

#[test]
fn planets_page() {
    let options = AnalyzeOptions {
        law: true,
        ..AnalyzeOptions::default()
    };
    let report = example("planets.csv", &options);
    let page = report.to_html();
    check_page(&page);
    contains_all(
        &page,
        &[
            ">Jupiter</text>",
            ">10000</text>",
            "<msup><mi>semi_major_axis_gm</mi>",
            "Earth: observed 365.3, predicted",
        ],
    );
    // Every planet is a point of the plot, the held-out ones as diamonds.
    let law = report.laws[0].law.as_ref().unwrap();
    let held = report.data.labels.as_ref().unwrap()[law.holdout_rows[0]].clone();
    let marker = format!("z\"><title>{held}: ");
    assert!(page.contains(&marker), "{marker}");
    check_text(&report.to_text());
}

#[test]
fn hare_and_lynx_page() {
    let options = AnalyzeOptions {
        equation: Some("hare' = a*hare - b*hare*lynx; lynx' = -c*lynx + d*hare*lynx".into()),
        ..AnalyzeOptions::default()
    };
    let page = example("hare_lynx.csv", &options).to_html();
    check_page(&page);
    contains_all(
        &page,
        &[
            "Phase plane",
            "Parameters, with standard errors",
            "hare against year: data and fitted equation",
            "<mfrac>",
        ],
    );
}

#[test]
fn text_of_the_data_is_never_markup() {
    let evil = "<script>alert(1)</script>\"' onload=x \u{202e}&amp;";
    let mut report = report_from(7, &[1.0, 2.0, 5.0, 4.0], evil);
    report.mode = Mode::Law;
    report.data.labels = Some(vec![evil.into(); 4]);
    let page = report.to_html();
    check_page(&page);
    assert!(!page.contains("<script") && page.contains("&lt;script&gt;"));
    assert!(!page.contains('\u{202e}'));
    let text = report.to_text();
    assert!(!text.contains('\u{202e}'));
}

#[test]
fn nothing_is_loaded_from_elsewhere() {
    let page = report_from(3, &[1.0, 3.0, 2.0], "y").to_html();
    for outside in [
        "http:", "https:", "src=", "@import", "url(", "<link", "<script",
    ] {
        assert!(!page.contains(outside), "{outside}");
    }
}

#[test]
fn a_million_rows_make_a_small_page() {
    let n = 1_000_000;
    let y: Vec<f64> = (0..n)
        .map(|i| (0.001 * i as f64).sin() + 0.1 * (1.7 * i as f64).sin())
        .collect();
    let page = report_from(1, &y, "y").to_html();
    check_page(&page);
    assert!(page.len() < 2_000_000, "{} bytes", page.len());
}

#[test]
fn values_that_cannot_be_drawn() {
    for values in [
        vec![],
        vec![1.0],
        vec![2.5; 9],
        vec![f64::NAN; 9],
        vec![f64::INFINITY, f64::NEG_INFINITY, 1.0],
        vec![1e308, -1e308, 5e-324],
        vec![0.0, 1e-300, 2e-300],
        vec![1.0, f64::NAN, 3.0, f64::NAN, f64::NAN, 2.0],
    ] {
        let report = report_from(5, &values, "y");
        check_page(&report.to_html());
        check_text(&report.to_text());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn any_report_is_shown(report in reports()) {
        check_page(&report.to_html());
        check_text(&report.to_text());
    }
}
