//! `nis analyze`: reads a CSV file, runs the scientific path, prints the report.

use std::fs::{self, OpenOptions};
use std::io::{self, IsTerminal, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use nis_core::Error;
use nis_core::pipeline::{AnalyzeOptions, Dataset, analyze};
use nis_core::telemetry::{Cancel, Progress, Step};

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

    let report = if args.quiet || !shows_progress() {
        analyze(
            &data,
            &args.options(),
            &Progress::none().with_cancel(&cancel),
        )?
    } else {
        let line = ProgressLine::default();
        let show = |step: Step<'_>| {
            line.show(step);
            ControlFlow::Continue(())
        };
        let outcome = analyze(
            &data,
            &args.options(),
            &Progress::new(&show).with_cancel(&cancel),
        );
        line.clear();
        outcome?
    };

    // The page comes first, so that `nis analyze ... --html page.html | head -1` has it too.
    let page = match &args.html {
        Some(path) => {
            write_whole(path, &report.to_html(), &cancel)?;
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

/// A flag that the first Ctrl-C sets; the second ends the program at once.
fn stop_on_ctrl_c() -> Result<Cancel, Stop> {
    let cancel = Cancel::new();
    let flag = cancel.clone();
    ctrlc::set_handler(move || {
        if flag.is_cancelled() {
            std::process::exit(130);
        }
        flag.cancel();
    })
    .map_err(|error| Stop::Failed(format!("Ctrl-C cannot be caught: {error}")))?;
    Ok(cancel)
}

/// Writes a file whole or not at all: to a temporary file beside it, which is then renamed.
fn write_whole(path: &Path, text: &str, cancel: &Cancel) -> Result<(), Stop> {
    let failed = |error: io::Error| Stop::Failed(format!("{}: {error}", path.display()));
    let Some(name) = path.file_name() else {
        return Err(Stop::BadInput(format!(
            "--html: got {}, expected the name of a file",
            path.display()
        )));
    };
    let mut temporary_name = std::ffi::OsString::from(".");
    temporary_name.push(name);
    temporary_name.push(format!(".{}.part", std::process::id()));
    let temporary = path.with_file_name(temporary_name);

    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(&temporary)
        .map_err(failed)?;
    let written = file
        .write_all(text.as_bytes())
        .map_err(failed)
        .and_then(|()| {
            if cancel.is_cancelled() {
                return Err(Stop::Interrupted);
            }
            fs::rename(&temporary, path).map_err(failed)
        });
    if written.is_err() {
        // The first failure is the one to tell; the temporary file may be gone already.
        let _ = fs::remove_file(&temporary);
    }
    written
}

fn shows_progress() -> bool {
    io::stderr().is_terminal() && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}

/// One line on stderr that is rewritten as the work goes on.
#[derive(Default)]
struct ProgressLine(Mutex<Shown>);

#[derive(Default)]
struct Shown {
    stage: String,
    at: Option<Instant>,
}

impl ProgressLine {
    /// Least time between two writes of the same stage: more cannot be seen.
    const INTERVAL: Duration = Duration::from_millis(50);

    fn show(&self, step: Step<'_>) {
        let Ok(mut shown) = self.0.lock() else {
            return;
        };
        let recent = shown.at.is_some_and(|at| at.elapsed() < Self::INTERVAL);
        if recent && shown.stage == step.stage {
            return;
        }
        shown.stage = step.stage.to_owned();
        shown.at = Some(Instant::now());
        let _ = write!(io::stderr().lock(), "\r\x1b[2K{}", line_of(step, width()));
        let _ = io::stderr().flush();
    }

    fn clear(&self) {
        let drawn = self.0.lock().is_ok_and(|shown| shown.at.is_some());
        if drawn {
            let _ = write!(io::stderr().lock(), "\r\x1b[2K");
        }
    }
}

/// Columns of the terminal, as the shell exports them.
fn width() -> usize {
    std::env::var("COLUMNS")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(80)
}

/// The progress line, cut to the terminal's width: a line that wraps cannot be rewritten.
fn line_of(step: Step<'_>, width: usize) -> String {
    const CELLS: u64 = 20;
    let mut line = format!("{:<8} ", step.stage);
    if let Some(share) = (step.done.min(step.total) * 100).checked_div(step.total) {
        let full = share * CELLS / 100;
        let bar: String = (0..CELLS)
            .map(|cell| if cell < full { '#' } else { '.' })
            .collect();
        line.push_str(&format!("[{bar}] {share:>3} %  "));
    }
    line.extend(step.message.chars().filter(|c| !c.is_control()));
    line.chars().take(width.saturating_sub(1)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_line_shows_share_and_is_cut() {
        let step = Step {
            stage: "kan",
            done: 1,
            total: 4,
            message: "error\n0.1",
        };
        assert_eq!(
            line_of(step, 80),
            "kan      [#####...............]  25 %  error0.1"
        );
        assert_eq!(line_of(step, 10), "kan      ");
        let unknown = Step { total: 0, ..step };
        assert_eq!(line_of(unknown, 80), "kan      error0.1");
        let beyond = Step { done: 9, ..step };
        assert!(line_of(beyond, 80).contains("100 %"));
    }

    #[test]
    fn a_page_is_whole_or_absent() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("page.html");
        let cancel = Cancel::new();
        assert!(write_whole(&path, "one", &cancel).is_ok());
        assert_eq!(fs::read_to_string(&path).unwrap(), "one");
        cancel.cancel();
        assert!(matches!(
            write_whole(&path, "two", &cancel),
            Err(Stop::Interrupted)
        ));
        assert_eq!(fs::read_to_string(&path).unwrap(), "one");
        // A directory stands where the page should go.
        let taken = dir.path().join("taken");
        fs::create_dir(&taken).unwrap();
        assert!(matches!(
            write_whole(&taken, "three", &Cancel::new()),
            Err(Stop::Failed(_))
        ));
        let left: Vec<_> = fs::read_dir(dir.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        assert_eq!(left.len(), 2, "only the page and the directory: {left:?}");
    }
}
