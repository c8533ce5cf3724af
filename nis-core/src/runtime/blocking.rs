//! The async runtime of hosts that have none.

use std::future::Future;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::runtime::{Builder, Handle, Runtime};

use crate::error::{Error, Result};

/// Threads of the runtime: calls wait for networks, not for processors.
const THREADS: usize = 2;

/// How long the end of the runtime waits for its threads.
const PATIENCE: Duration = Duration::from_secs(2);

/// A tokio runtime, started at the first blocking call.
#[derive(Debug, Default)]
pub(super) struct Blocking(Mutex<Option<Own>>);

/// The runtime and the process that has its threads: a forked child has none of them.
#[derive(Debug)]
struct Own {
    runtime: Runtime,
    process: u32,
}

impl Blocking {
    /// Runs a future to its end while the calling thread waits.
    pub(super) fn run<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        if Handle::try_current().is_ok() {
            return Err(Error::unavailable(
                "a blocking call",
                "this thread belongs to an async runtime, which it would block; await `chat` instead",
            ));
        }
        let handle = self.handle()?;
        handle.block_on(work)
    }

    /// Where work can be started.
    ///
    /// # Errors
    /// [`Error::Unavailable`] in a process that was forked from the one that made the threads: work would wait for
    /// ever there.
    pub(super) fn handle(&self) -> Result<Handle> {
        let mut slot = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(own) = slot.as_ref() {
            if own.process != std::process::id() {
                return Err(Error::unavailable(
                    "this runtime",
                    "the process was forked after it was used, and threads do not survive a fork; build a new one in \
                     the child",
                ));
            }
            return Ok(own.runtime.handle().clone());
        }
        let runtime = Builder::new_multi_thread()
            .worker_threads(THREADS)
            .thread_name("nis")
            .enable_all()
            .build()
            .map_err(|e| Error::io("threads of the runtime", &e))?;
        let handle = runtime.handle().clone();
        *slot = Some(Own {
            runtime,
            process: std::process::id(),
        });
        Ok(handle)
    }

    /// Drops work inside the runtime, where its timers and sockets belong; in a forked child it is left alone.
    pub(super) fn forget_or_drop<T>(&self, work: T) {
        let slot = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match slot.as_ref() {
            Some(own) if own.process != std::process::id() => std::mem::forget(work),
            Some(own) => {
                let handle = own.runtime.handle().clone();
                drop(slot);
                let _inside = handle.enter();
                drop(work);
            }
            None => drop(work),
        }
    }
}

impl Drop for Blocking {
    fn drop(&mut self) {
        let slot = self.0.get_mut().unwrap_or_else(PoisonError::into_inner);
        let Some(Own { runtime, process }) = slot.take() else {
            return;
        };
        if process != std::process::id() {
            // Its threads are the parent's; waiting for them would not end.
            std::mem::forget(runtime);
            return;
        }
        // Waiting for threads panics inside another runtime. Elsewhere they are joined, so that a host that
        // unloads the library or ends leaves nothing running; what hangs is left behind after a while.
        if Handle::try_current().is_ok() {
            runtime.shutdown_background();
        } else {
            runtime.shutdown_timeout(PATIENCE);
        }
    }
}
