//! Where numbers are crunched.
//!
//! Floor 1: imports floor 0 only. Today the processor of the host, through the thread count and vector
//! width reported by [`Device::cpu`]; CUDA is not built yet and [`Device::cuda`] says so.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// A place that computes. Every report carries the one that made it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Device {
    /// `cpu` (later also `cuda:0` and so on).
    pub name: String,
    /// Threads that the numerics use.
    pub threads: usize,
    /// Widest vector instructions that the processor offers, for example `avx2+fma`.
    pub simd: String,
}

impl Device {
    /// The host's processor. The numerics of this version run on the calling thread.
    pub fn cpu() -> Self {
        Device {
            name: "cpu".into(),
            threads: 1,
            simd: simd().into(),
        }
    }

    /// A CUDA device.
    ///
    /// # Errors
    /// [`Error::Unavailable`] always: this version has no CUDA kernels.
    pub fn cuda(ordinal: usize) -> Result<Self> {
        Err(Error::unavailable(
            format!("cuda:{ordinal}"),
            "this version of NIS has no CUDA kernels; the CPU path computes everything",
        ))
    }
}

#[cfg(target_arch = "x86_64")]
fn simd() -> &'static str {
    if std::arch::is_x86_feature_detected!("avx512f") {
        "avx512f"
    } else if std::arch::is_x86_feature_detected!("avx2")
        && std::arch::is_x86_feature_detected!("fma")
    {
        "avx2+fma"
    } else {
        "sse2"
    }
}

#[cfg(target_arch = "aarch64")]
fn simd() -> &'static str {
    "neon"
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
fn simd() -> &'static str {
    "scalar"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cuda_is_refused_and_the_cpu_names_itself() {
        assert_eq!(
            Device::cuda(0).unwrap_err().code(),
            crate::error::Code::Unavailable
        );
        assert_eq!(Device::cpu().name, "cpu");
        assert!(!Device::cpu().simd.is_empty());
    }
}
