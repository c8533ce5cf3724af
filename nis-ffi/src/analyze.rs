//! The analysis: its request and the call.

use std::ffi::c_char;

use nis_core::pipeline::AnalyzeOptions;
use nis_core::pipeline::Dataset;
use nis_core::runtime::read_json;
use nis_core::{Error, Result};
use serde::Deserialize;

use crate::boundary::{self, nis_status_of, out_pointer};
use crate::buffer::nis_buffer;
use crate::call::{CallOptions, nis_call_options};
use crate::columns::Columns;
use crate::handle::{nis_t, write_json};
use crate::status::nis_status;

/// What `nis_analyze` reads.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Request {
    path: Option<std::path::PathBuf>,
    columns: Option<Columns>,
    source: Option<String>,
    #[serde(default)]
    options: AnalyzeOptions,
}

impl Request {
    fn data(self) -> Result<(Dataset, AnalyzeOptions)> {
        let data = match (self.path, self.columns) {
            (Some(path), None) => {
                let mut data = Dataset::from_csv_path(&path)?;
                if let Some(source) = self.source {
                    data.source = source;
                }
                data
            }
            (None, Some(columns)) => {
                Dataset::from_columns(self.source.as_deref().unwrap_or("columns"), columns.0)?
            }
            (Some(_), Some(_)) => {
                return Err(Error::invalid(
                    "request",
                    "both path and columns",
                    "one of them",
                ));
            }
            (None, None) => {
                return Err(Error::invalid(
                    "request",
                    "neither path nor columns",
                    "one of them",
                ));
            }
        };
        Ok((data, self.options))
    }
}

/// Runs the scientific path on a data set and writes the report as JSON to `*out`; free it with
/// `nis_buffer_free`.
///
/// `request_json` (UTF-8, `request_len` bytes, borrowed for the call) is an object:
/// `{"path": "data.csv"}` or `{"columns": {"t": [..], "y": [..]}, "source": "name"}`, and optional
/// `"options"` (`time`, `law`, `target`, `equation`, `modes`, `kan`, `fit`). Columns keep their order;
/// `null` in a column is a missing value. In the report, numbers that are not finite are `null`.
///
/// `options` (borrowed for the call, may be NULL) says where progress goes and what stops the work. Works
/// on the calling thread; several threads may call it on one handle at the same time. `*out` stays
/// untouched on failure.
///
/// Errors: `NIS_ERR_PARSE`, `NIS_ERR_INVALID_INPUT` (names the field), `NIS_ERR_IO`, `NIS_ERR_NOT_FOUND`,
/// `NIS_ERR_CANCELLED`, `NIS_ERR_NUMERICAL`, `NIS_ERR_LIMIT`, `NIS_ERR_POISONED`.
///
/// # Safety
/// `nis` must be NULL (refused) or a live handle; `request_json` must be NULL (refused) or lead to
/// `request_len` readable bytes; `options` must be NULL or lead to `struct_size` readable bytes, its
/// functions must be callable from any thread and its `cancel` must be NULL or live; `out` must be NULL
/// (refused) or point to writable memory for one buffer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nis_analyze(
    nis: *const nis_t,
    request_json: *const c_char,
    request_len: usize,
    options: *const nis_call_options,
    out: *mut nis_buffer,
) -> nis_status {
    // Read first, so that `user_data` is freed whatever else is wrong.
    // SAFETY: this function's contract is that of the call.
    let call = match unsafe { CallOptions::read(options) } {
        Ok(call) => call,
        Err(error) => return nis_status_of(|| Err(error)),
    };
    // SAFETY: this function's contract is that of the calls.
    unsafe {
        nis_t::call(nis, |nis| {
            out_pointer("out", out)?;
            let text = boundary::text("request_json", request_json, request_len)?;
            let (data, options) = read_json::<Request>("request", text)?.data()?;
            let report = call.run(|progress| nis.analyze(&data, &options, progress))?;
            write_json(out, &report)
        })
    }
}
