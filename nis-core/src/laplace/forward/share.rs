//! Pieces of work shared by threads.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::error::{Error, Result};
use crate::telemetry::Progress;

/// Does every piece of `work` once, on `threads` threads of which the calling one is the first; each takes the next
/// piece when it is free. `one` is given a function to call after each of the `total` units of work; the calling
/// thread reports progress in it, the others see whether to stop.
pub(super) fn share<I>(
    threads: usize,
    work: I,
    total: usize,
    message: &str,
    progress: &Progress<'_>,
    one: impl Fn(I::Item, &dyn Fn() -> Result<()>) -> Result<()> + Sync,
) -> Result<()>
where
    I: Iterator + Send,
{
    let work = Mutex::new(work);
    let (done, stop) = (AtomicUsize::new(0), AtomicBool::new(false));
    let run = |reports: bool| -> Result<()> {
        let look = || {
            if stop.load(Ordering::Relaxed) {
                return Err(Error::Cancelled);
            }
            if !reports {
                return progress.check();
            }
            let done = done.load(Ordering::Relaxed) as u64;
            progress.report("laplace", done, total as u64, message)
        };
        let tick = || {
            done.fetch_add(1, Ordering::Relaxed);
            look()
        };
        look()?;
        loop {
            let next = work.lock().unwrap_or_else(PoisonError::into_inner).next();
            let Some(piece) = next else { return Ok(()) };
            one(piece, &tick)?;
        }
    };
    let run = |reports: bool| {
        let outcome = run(reports);
        if outcome.is_err() {
            stop.store(true, Ordering::Relaxed);
        }
        outcome
    };
    if threads <= 1 {
        // No scope: it would make a handle of the host's thread, which lives until that thread ends.
        return run(true);
    }
    std::thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(|| run(false))).collect();
        let mut outcome = run(true);
        for other in others {
            let found = other.join().unwrap_or_else(|_| {
                Err(Error::Internal {
                    message: "a thread of a transform panicked".into(),
                })
            });
            outcome = outcome.and(found);
        }
        outcome
    })
}
