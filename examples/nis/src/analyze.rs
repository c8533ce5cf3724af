//! `nis analyze`: reads a CSV file, runs the scientific path, prints the report.

use std::path::PathBuf;

use nis_core::Error;
use nis_core::pipeline::{AnalyzeOptions, Dataset, analyze};

use crate::work::{long_work, stop_on_ctrl_c, write_whole};
use crate::{Stop, complain, print};

/// What `nis analyze` accepts.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// CSV file with a header line.
    file: PathBuf,
    /// Time or index column; the first monotonic column where not given.
    #[arg(long, value_name = "COL")]
    time: Option<String>,
    /// Treat the rows as unordered and learn a law between the columns.
    #[arg(long)]
    law: bool,
    /// Column to explain in a law; the last numeric column where not given.
    #[arg(long, value_name = "COL")]
    target: Option<String>,
    /// Differential equations to fit, for example "y'' = -w2*y - g*y'".
    #[arg(long, value_name = "EQ")]
    equation: Option<String>,
    /// Number of real degrees of freedom of the pole set; chosen from the data where not given.
    #[arg(long, value_name = "N")]
    order: Option<usize>,
    /// Seed of everything that is drawn at random.
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// Print the report as JSON, and nothing else, on standard output.
    #[arg(long)]
    json: bool,
    /// Also write the report as one self-contained web page.
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Show no progress.
    #[arg(long, short)]
    quiet: bool,
}

impl Args {
    fn options(&self) -> AnalyzeOptions {
        let mut options = AnalyzeOptions {
            time: self.time.clone(),
            law: self.law,
            target: self.target.clone(),
            equation: self.equation.clone(),
            ..AnalyzeOptions::default()
        };
        options.modes.order = self.order;
        options.kan.seed = self.seed;
        options
    }
}

pub(crate) fn run(args: &Args) -> Result<(), Stop> {
    let cancel = stop_on_ctrl_c()?;
    let data = Dataset::from_csv_path(&args.file).map_err(|error| match error {
        // A file that cannot be read is input that does not fit, not a failure of ours.
        Error::Io { .. } => Stop::BadInput(error.to_string()),
        other => other.into(),
    })?;

    let report = long_work(&cancel, args.quiet, |progress| {
        analyze(&data, &args.options(), progress)
    })?;

    // The page comes first, so that `nis analyze ... --html page.html | head -1` has it too.
    let page = match &args.html {
        Some(path) => {
            write_whole("--html", path, &report.to_html(), &cancel)?;
            Some(format!("report page: {}", path.display()))
        }
        None => None,
    };
    if args.json {
        let text = serde_json::to_string_pretty(&report)
            .map_err(|error| Stop::Failed(format!("the report as JSON: {error}")))?;
        if let Some(page) = page {
            complain(&page);
        }
        print(&text)
    } else {
        let mut text = report.to_text();
        if let Some(page) = page {
            if !text.ends_with('\n') {
                text.push('\n');
            }
            text.push_str(&page);
        }
        print(&text)
    }
}
