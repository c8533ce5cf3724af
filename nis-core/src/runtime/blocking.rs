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
pub(super) struct Blocking(Mutex<Option<Runtime>>);

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

    fn handle(&self) -> Result<Handle> {
        let mut slot = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(runtime) = slot.as_ref() {
            return Ok(runtime.handle().clone());
        }
        let runtime = Builder::new_multi_thread()
            .worker_threads(THREADS)
            .thread_name("nis")
            .enable_all()
            .build()
            .map_err(|e| Error::io("threads of the runtime", &e))?;
        let handle = runtime.handle().clone();
        *slot = Some(runtime);
        Ok(handle)
    }
}

impl Drop for Blocking {
    fn drop(&mut self) {
        let slot = self.0.get_mut().unwrap_or_else(PoisonError::into_inner);
        let Some(runtime) = slot.take() else { return };
        // Waiting for threads panics inside another runtime. Elsewhere they are joined, so that a host that
        // unloads the library or ends leaves nothing running; what hangs is left behind after a while.
        if Handle::try_current().is_ok() {
            runtime.shutdown_background();
        } else {
            runtime.shutdown_timeout(PATIENCE);
        }
    }
}
