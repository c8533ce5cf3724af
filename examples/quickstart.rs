//! The main job in ten lines: read a record, run the path, print the report; then ask a question.
//!
//! Run it with `cargo run -p nis-core --example quickstart`.

use std::path::Path;

use nis_core::pipeline::{AnalyzeOptions, Dataset};
use nis_core::runtime::{ChatRequest, Config, Nis};
use nis_core::telemetry::Progress;

fn main() -> nis_core::Result<()> {
    let nis = Nis::new(Config::from_env()?)?;
    let data = Dataset::from_csv_path(Path::new("examples/data/sunspots.csv"))?;
    let report = nis.analyze(&data, &AnalyzeOptions::default(), &Progress::none())?;
    println!("{}", report.to_text());

    let question = ChatRequest {
        message: "What is 2+2?".into(),
        ..ChatRequest::default()
    };
    let reply = nis.chat_blocking(question)?;
    println!("{} (answered by {})", reply.response, reply.provider);
    Ok(())
}
