//! What every command of long work shares: Ctrl-C, the progress line, output files that are whole or absent.

use std::fs::{self, OpenOptions};
use std::io::{self, IsTerminal, Write};
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use nis_core::telemetry::{Cancel, Progress, Step};

use crate::Stop;

/// A flag that the first Ctrl-C sets; the second ends the program at once.
pub(crate) fn stop_on_ctrl_c() -> Result<Cancel, Stop> {
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

/// Writes a file whole or not at all: to a temporary file beside it, which is then renamed. `option` is what the
/// user named it with.
pub(crate) fn write_whole(
    option: &str,
    path: &Path,
    content: &(impl AsRef<[u8]> + ?Sized),
    cancel: &Cancel,
) -> Result<(), Stop> {
    let failed = |error: io::Error| Stop::Failed(format!("{}: {error}", path.display()));
    let Some(name) = path.file_name() else {
        return Err(Stop::BadInput(format!(
            "{option}: got {}, expected the name of a file",
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
        .write_all(content.as_ref())
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

/// Runs long work with a progress line on the terminal, unless it is `quiet` or there is no terminal.
pub(crate) fn long_work<T>(
    cancel: &Cancel,
    quiet: bool,
    work: impl FnOnce(&Progress<'_>) -> nis_core::Result<T>,
) -> nis_core::Result<T> {
    if quiet || !shows_progress() {
        return work(&Progress::none().with_cancel(cancel));
    }
    let line = ProgressLine::default();
    let show = |step: Step<'_>| {
        line.show(step);
        ControlFlow::Continue(())
    };
    let outcome = work(&Progress::new(&show).with_cancel(cancel));
    line.clear();
    outcome
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
        assert!(write_whole("--html", &path, "one", &cancel).is_ok());
        assert_eq!(fs::read_to_string(&path).unwrap(), "one");
        cancel.cancel();
        assert!(matches!(
            write_whole("--html", &path, "two", &cancel),
            Err(Stop::Interrupted)
        ));
        assert_eq!(fs::read_to_string(&path).unwrap(), "one");
        // A directory stands where the page should go.
        let taken = dir.path().join("taken");
        fs::create_dir(&taken).unwrap();
        assert!(matches!(
            write_whole("--html", &taken, "three", &Cancel::new()),
            Err(Stop::Failed(_))
        ));
        let left: Vec<_> = fs::read_dir(dir.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        assert_eq!(left.len(), 2, "only the page and the directory: {left:?}");
    }
}
