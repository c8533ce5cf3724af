//! Status codes: the numbers of `nis_core::error::Code`, with 0 for success.

use nis_core::error::Code;

/// What a call answers. The numbers are the same in Rust, Python and HTTP and never change their meaning;
/// new ones may be added, so treat an unknown number as an error.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum nis_status {
    /// Success.
    NIS_OK = 0,
    /// A value that the caller gave does not fit: a NULL pointer, text that is not UTF-8, a field out of range.
    NIS_ERR_INVALID_INPUT = 1,
    /// JSON, a formula, an equation or a file could not be read.
    NIS_ERR_PARSE = 2,
    /// The thing named does not exist.
    NIS_ERR_NOT_FOUND = 3,
    /// The capability is not there on this machine or in this build.
    NIS_ERR_UNAVAILABLE = 4,
    /// The caller stopped the work, through a callback or a cancel handle.
    NIS_ERR_CANCELLED = 5,
    /// A deadline passed.
    NIS_ERR_TIMEOUT = 6,
    /// A method failed on numbers that were in order as input.
    NIS_ERR_NUMERICAL = 7,
    /// Reading or writing failed.
    NIS_ERR_IO = 8,
    /// A language-model provider refused or failed.
    NIS_ERR_PROVIDER = 9,
    /// A limit that protects memory or time was reached.
    NIS_ERR_LIMIT = 10,
    /// A defect of NIS: a panic was caught at the boundary. The handle of the call is poisoned.
    NIS_ERR_INTERNAL = 11,
    /// The handle met a panic in an earlier call and answers no more; free it.
    NIS_ERR_POISONED = 12,
}

impl From<Code> for nis_status {
    fn from(code: Code) -> Self {
        match code {
            Code::InvalidInput => nis_status::NIS_ERR_INVALID_INPUT,
            Code::Parse => nis_status::NIS_ERR_PARSE,
            Code::NotFound => nis_status::NIS_ERR_NOT_FOUND,
            Code::Unavailable => nis_status::NIS_ERR_UNAVAILABLE,
            Code::Cancelled => nis_status::NIS_ERR_CANCELLED,
            Code::Timeout => nis_status::NIS_ERR_TIMEOUT,
            Code::Numerical => nis_status::NIS_ERR_NUMERICAL,
            Code::Io => nis_status::NIS_ERR_IO,
            Code::Provider => nis_status::NIS_ERR_PROVIDER,
            Code::Limit => nis_status::NIS_ERR_LIMIT,
            Code::Poisoned => nis_status::NIS_ERR_POISONED,
            // `Code` may grow; a code that this face does not know is a defect of this face.
            _ => nis_status::NIS_ERR_INTERNAL,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_those_of_the_core() {
        for code in [
            Code::InvalidInput,
            Code::Parse,
            Code::NotFound,
            Code::Unavailable,
            Code::Cancelled,
            Code::Timeout,
            Code::Numerical,
            Code::Io,
            Code::Provider,
            Code::Limit,
            Code::Internal,
            Code::Poisoned,
        ] {
            assert_eq!(nis_status::from(code) as u32, code as u32, "{code:?}");
        }
    }
}
