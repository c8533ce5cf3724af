//! Progress of loops of short rounds.

use crate::error::Result;
use crate::telemetry::Progress;

/// Reports of progress from a loop of short rounds, every few milliseconds.
pub(super) struct Reports {
    stage: &'static str,
    total: usize,
    every: usize,
    done: usize,
}

impl Reports {
    /// `cost`: elementary operations of a round.
    pub(super) fn new(stage: &'static str, total: usize, cost: usize) -> Self {
        const QUANTUM: usize = 1 << 22;
        Reports {
            stage,
            total,
            every: (QUANTUM / cost.max(1)).max(1),
            done: 0,
        }
    }

    /// Called at the start of each round.
    pub(super) fn next(&mut self, progress: &Progress<'_>) -> Result<()> {
        if self.done.is_multiple_of(self.every) {
            progress.report(self.stage, self.done as u64, self.total as u64, "")?;
        }
        self.done += 1;
        Ok(())
    }
}
