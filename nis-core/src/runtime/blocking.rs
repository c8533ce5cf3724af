//! The async runtime of hosts that have none.

use std::future::Future;
use std::sync::{Mutex, PoisonError};

use tokio::runtime::{Builder, Handle, Runtime};

use crate::error::{Error, Result};

/// Threads of the runtime: calls wait for networks, not for processors.
const THREADS: usize = 2;

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
        // Dropping a runtime waits for its threads, which panics inside another runtime.
        let slot = self.0.get_mut().unwrap_or_else(PoisonError::into_inner);
        if let Some(runtime) = slot.take() {
            runtime.shutdown_background();
        }
    }
}
