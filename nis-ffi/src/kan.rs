//! Kolmogorov-Arnold networks: a handle that is fitted, asked, saved and loaded.

use std::ffi::c_char;
use std::sync::{Arc, RwLock};

use nis_core::kan::store::{Format, SaveOptions};
use nis_core::kan::{FormulaOptions, Library, Model, ModelOptions, Names, Predictor, PruneOptions};
use nis_core::runtime::read_json;
use nis_core::{Error, Result};
use serde::Deserialize;

use crate::boundary::{self, nis_status_of, null, numbers, numbers_out, out_pointer};
use crate::buffer::nis_buffer;
use crate::call::{CallOptions, nis_call_options};
use crate::handle::write_json;
use crate::status::nis_status;

/// A Kolmogorov-Arnold network with names and scaling. Opaque; made by `nis_kan_new`, `nis_kan_load` and
/// `nis_kan_load_file`, freed by `nis_kan_free`. Several threads may use one handle at the same time; a fit puts the
/// new network in its place when it is done, until then the others see the old one.
pub struct nis_kan_t {
    spec: Spec,
    fitted: RwLock<Option<Arc<Fitted>>>,
}

/// A network that was fitted, packed once for all predictions.
struct Fitted {
    model: Model,
    predictor: Predictor<f64>,
}

impl Fitted {
    fn of(model: Model) -> Result<Arc<Self>> {
        let predictor = model.predictor()?;
        Ok(Arc::new(Fitted { model, predictor }))
    }
}

const _: () = {
    const fn shared<T: Send + Sync>() {}
    shared::<nis_kan_t>()
};

/// What `nis_kan_new` reads.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Spec {
    inputs: Vec<String>,
    #[serde(default)]
    outputs: Vec<String>,
    #[serde(default)]
    options: ModelOptions,
}

impl nis_kan_t {
    fn of(model: Model) -> Result<Self> {
        let names = |columns: &[nis_core::kan::Column]| -> Vec<String> {
            columns.iter().map(|c| c.name.clone()).collect()
        };
        let net = model.net();
        let basis = net.layers().first().map(|l| l.basis(0));
        let inner = net.widths().get(1..net.widths().len() - 1);
        let mut options = ModelOptions {
            task: model.task().clone(),
            hidden: Some(inner.unwrap_or_default().to_vec()),
            ..ModelOptions::default()
        };
        if let Some(basis) = basis {
            options.grid = basis.cells();
            options.order = basis.order();
            options.family = basis.family();
        }
        Ok(nis_kan_t {
            spec: Spec {
                inputs: names(model.inputs()),
                outputs: names(model.outputs()),
                options,
            },
            fitted: RwLock::new(Some(Fitted::of(model)?)),
        })
    }

    /// The network as it is now.
    fn fitted(&self) -> Result<Arc<Fitted>> {
        let place = self
            .fitted
            .read()
            .unwrap_or_else(|broken| broken.into_inner());
        place.clone().ok_or_else(|| {
            Error::invalid(
                "kan",
                "a network that was not fitted",
                "nis_kan_fit first, or a loaded network",
            )
        })
    }

    fn put(&self, fitted: Arc<Fitted>) {
        // The lock is held for this assignment only, which cannot stop half way.
        let mut place = self
            .fitted
            .write()
            .unwrap_or_else(|broken| broken.into_inner());
        *place = Some(fitted);
    }
}

/// # Safety
/// `handle` must be NULL or live for `'a`.
unsafe fn kan<'a>(handle: *const nis_kan_t) -> Result<&'a nis_kan_t> {
    // SAFETY: the caller promises a live handle, which is only shared.
    unsafe { handle.as_ref() }.ok_or_else(|| null("kan"))
}

/// # Safety
/// `out` must be NULL (refused) or point to writable memory for one pointer.
unsafe fn give(out: *mut *mut nis_kan_t, kan: nis_kan_t) -> Result<()> {
    let out = out_pointer("out", out)?;
    // SAFETY: not NULL, and the caller promises the place.
    unsafe { out.as_ptr().write(Box::into_raw(Box::new(kan))) };
    Ok(())
}

/// The product of two sizes.
fn times(field: &str, a: usize, b: usize) -> Result<usize> {
    a.checked_mul(b)
        .ok_or_else(|| Error::invalid(field, a, "a number of rows that fits in the address space"))
}

/// # Safety
/// `text` must be NULL or lead to `len` readable bytes.
unsafe fn options<T: Default + serde::de::DeserializeOwned>(
    text: *const c_char,
    len: usize,
) -> Result<T> {
    if text.is_null() {
        return Ok(T::default());
    }
    // SAFETY: not NULL; the caller promises the bytes.
    read_json("options", unsafe {
        boundary::text("options_json", text, len)
    }?)
}

/// Makes a network that is not fitted yet and writes its handle to `*out`; free it with `nis_kan_free`.
///
/// `spec_json` (UTF-8, `spec_len` bytes, borrowed for the call) is an object: `inputs` (names of the columns),
/// `outputs` (likewise; not used by a classification) and `options` (optional): `task` (`"regression"` or
/// `{"classification": {"classes": [..]}}`), `hidden` (nodes of the hidden layers, null to follow the rows),
/// `products`, `grid`, `order`, `family`, `base`, `outside`, `seed` and `fit` (`method`, `loss`, `max_iterations`,
/// `tolerance`, `smoothness`, `holdout`, `grids`, `update_grid`, `l1`, `entropy`, `batch`, `learning_rate`,
/// `weight_decay`, `patience`, `seed`, `threads`, `precision`). `*out` stays untouched on failure. Safe to call from
/// any thread.
///
/// Errors: `NIS_ERR_PARSE` (not JSON), `NIS_ERR_INVALID_INPUT` (names the field).
///
/// # Safety
/// `spec_json` must be NULL (refused) or lead to `spec_len` readable bytes; `out` must be NULL (refused) or point to
/// writable memory for one pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nis_kan_new(
    spec_json: *const c_char,
    spec_len: usize,
    out: *mut *mut nis_kan_t,
) -> nis_status {
    nis_status_of(|| {
        out_pointer("out", out)?;
        // SAFETY: this function's contract is that of the call.
        let text = unsafe { boundary::text("spec_json", spec_json, spec_len) }?;
        let spec: Spec = read_json("spec", text)?;
        let handle = nis_kan_t {
            spec,
            fitted: RwLock::new(None),
        };
        // SAFETY: as above.
        unsafe { give(out, handle) }
    })
}

/// Frees a network. NULL is fine.
///
/// # Safety
/// `kan` must be NULL or a handle of this library that is not freed yet and that no other thread uses.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nis_kan_free(kan: *mut nis_kan_t) {
    if !kan.is_null() {
        // SAFETY: the caller promises a handle made by `give`, given up here.
        drop(unsafe { Box::from_raw(kan) });
    }
}

/// Fits the network to rows, with names and options of `nis_kan_new`, and replaces what it was before. A network that
/// was loaded is fitted anew, with its structure and the default options.
///
/// `x` holds `rows` rows of as many values as there are inputs; `y` holds as many values per row as there are outputs,
/// for a classification one per row, the index of the class. Both are borrowed for the call. On failure the network
/// stays what it was.
///
/// `call` (borrowed, may be NULL) says where progress goes and what stops the work. Safe to call from any thread.
///
/// Errors: `NIS_ERR_INVALID_INPUT` (names the field; a value that is not finite by row and column, from 0),
/// `NIS_ERR_LIMIT`, `NIS_ERR_NUMERICAL`, `NIS_ERR_CANCELLED`.
///
/// # Safety
/// `kan` must be NULL (refused) or live; `x` and `y` must be NULL (refused unless `rows` is 0) or lead to as many
/// readable numbers as stated; `call` must be NULL or lead to `struct_size` readable bytes, its functions must be
/// callable from any thread and its `cancel` must be NULL or live.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nis_kan_fit(
    kan: *const nis_kan_t,
    x: *const f64,
    y: *const f64,
    rows: usize,
    call: *const nis_call_options,
) -> nis_status {
    nis_status_of(|| {
        // Read first, so that `user_data` is freed whatever else is wrong.
        // SAFETY: this function's contract is that of the call.
        let call = unsafe { CallOptions::read(call) }?;
        // SAFETY: as above.
        let kan = unsafe { self::kan(kan) }?;
        let spec = &kan.spec;
        let per_row = match spec.options.task {
            nis_core::kan::Task::Regression => spec.outputs.len(),
            nis_core::kan::Task::Classification { .. } => 1,
        };
        // SAFETY: as above.
        let (x, y) = unsafe {
            (
                numbers("x", x, times("rows", rows, spec.inputs.len())?)?,
                numbers("y", y, times("rows", rows, per_row)?)?,
            )
        };
        let names = Names {
            inputs: spec.inputs.clone(),
            outputs: spec.outputs.clone(),
        };
        // SAFETY: as above.
        let model =
            unsafe { call.run(|progress| Model::fit(x, y, &names, &spec.options, progress)) }?;
        kan.put(Fitted::of(model)?);
        Ok(())
    })
}

/// Writes how many inputs and outputs the network has to `*inputs` and `*outputs`; either may be NULL. A
/// classification has one output per class, the probability. Safe to call from any thread.
///
/// Errors: `NIS_ERR_INVALID_INPUT` (NULL, or not fitted yet).
///
/// # Safety
/// `kan` must be NULL (refused) or live; `inputs` and `outputs` must be NULL or point to writable memory for one number.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nis_kan_size(
    kan: *const nis_kan_t,
    inputs: *mut usize,
    outputs: *mut usize,
) -> nis_status {
    nis_status_of(|| {
        // SAFETY: this function's contract is that of the call.
        let fitted = unsafe { self::kan(kan) }?.fitted()?;
        let model = &fitted.model;
        for (place, value) in [
            (inputs, model.inputs().len()),
            (outputs, model.outputs().len()),
        ] {
            if !place.is_null() {
                // SAFETY: not NULL, and the caller promises the place.
                unsafe { place.write(value) };
            }
        }
        Ok(())
    })
}

/// What a prediction asks the model for.
#[derive(Clone, Copy)]
enum Ask {
    Outputs,
    Probabilities,
}

/// Predicts rows into the caller's array.
///
/// # Safety
/// The contract of `nis_kan_predict`.
unsafe fn predict<T: Copy + Into<f64>>(
    kan: *const nis_kan_t,
    x: *const T,
    rows: usize,
    out: *mut T,
    out_len: usize,
    ask: Ask,
    narrow: impl Fn(f64) -> T,
) -> Result<()> {
    // SAFETY: this function's contract is that of the call.
    let fitted = unsafe { self::kan(kan) }?.fitted()?;
    let model = &fitted.model;
    let per_row = match (ask, model.task()) {
        (Ask::Outputs, nis_core::kan::Task::Classification { .. }) => 1,
        _ => model.outputs().len(),
    };
    let wanted = times("rows", rows, per_row)?;
    if out_len != wanted {
        return Err(Error::invalid(
            "out_len",
            out_len,
            format!("{wanted}: {per_row} for each of {rows} rows"),
        ));
    }
    // SAFETY: as above.
    let x = unsafe { numbers("x", x, times("rows", rows, model.inputs().len())?) }?;
    let x: Vec<f64> = x.iter().map(|v| (*v).into()).collect();
    let values = match ask {
        Ask::Outputs => model.predict_with(&fitted.predictor, &x)?,
        Ask::Probabilities => model.predict_proba_with(&fitted.predictor, &x)?,
    };
    // SAFETY: as above. Read and written one after the other: `out` may be the array of `x`.
    let out = unsafe { numbers_out("out", out, out_len) }?;
    for (out, value) in out.iter_mut().zip(&values) {
        *out = narrow(*value);
    }
    Ok(())
}

/// Predicts `rows` rows of inputs `x` (row by row, borrowed for the call) and writes the outputs, or for a
/// classification the index of the likeliest class, to `out`, which holds `out_len` numbers: as many as there are
/// outputs per row, 1 for a classification. `out` stays untouched on failure. Safe to call from any thread.
///
/// Errors: `NIS_ERR_INVALID_INPUT` (names the field; a value that is not finite by row and column, from 0),
/// `NIS_ERR_NUMERICAL` (a prediction overflows).
///
/// # Safety
/// `kan` must be NULL (refused) or live; `x` must be NULL (refused unless `rows` is 0) or lead to as many readable
/// numbers as stated; `out` must be NULL (refused unless `out_len` is 0) or lead to `out_len` writable, initialised
/// numbers that nobody else uses.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nis_kan_predict(
    kan: *const nis_kan_t,
    x: *const f64,
    rows: usize,
    out: *mut f64,
    out_len: usize,
) -> nis_status {
    // SAFETY: this function's contract is that of the call.
    nis_status_of(|| unsafe { predict(kan, x, rows, out, out_len, Ask::Outputs, |v| v) })
}

/// The same as `nis_kan_predict` with single precision in and out; the arithmetic between is that of
/// `nis_kan_predict`.
///
/// Errors: as `nis_kan_predict`.
///
/// # Safety
/// As `nis_kan_predict`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nis_kan_predict_f32(
    kan: *const nis_kan_t,
    x: *const f32,
    rows: usize,
    out: *mut f32,
    out_len: usize,
) -> nis_status {
    // SAFETY: this function's contract is that of the call.
    nis_status_of(|| unsafe { predict(kan, x, rows, out, out_len, Ask::Outputs, |v| v as f32) })
}

/// Writes the probabilities of the classes for `rows` rows of inputs to `out`, which holds `out_len` numbers, one per
/// class and row. `out` stays untouched on failure. Safe to call from any thread.
///
/// Errors: as `nis_kan_predict`; `NIS_ERR_INVALID_INPUT` for a regression.
///
/// # Safety
/// As `nis_kan_predict`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nis_kan_predict_proba(
    kan: *const nis_kan_t,
    x: *const f64,
    rows: usize,
    out: *mut f64,
    out_len: usize,
) -> nis_status {
    // SAFETY: this function's contract is that of the call.
    nis_status_of(|| unsafe { predict(kan, x, rows, out, out_len, Ask::Probabilities, |v| v) })
}

/// Reads the network as formulas and writes them as JSON to `*out`; free it with `nis_buffer_free`. Edges and nodes of
/// little importance are left out first, in a copy: the network stays as it is.
///
/// `x` and `y` are rows as of `nis_kan_fit`, best those of the fit; they decide between forms and judge the formula.
/// `options_json` (UTF-8, `options_len` bytes) may be NULL for the defaults; its keys are `edge`, `keep`,
/// `search_rows`, `holdout_rows`, `holdout`, `seed`, `threshold`, `loss` and `good`. All are borrowed for the call.
///
/// The result is a list with an object per output: `target`, `found`, `reason`, `formula`, `latex`, `expr`,
/// `constants` (`name`, `value`, `std_error`), `train_error`, `holdout_error`, `holdout_r2`, `network_error`, `edges`.
/// Where no formula is good enough, `found` is false and `reason` says why.
///
/// `call` (borrowed, may be NULL) says where progress goes and what stops the work. Safe to call from any thread.
/// `*out` stays untouched on failure.
///
/// Errors: `NIS_ERR_PARSE` (options are not JSON), `NIS_ERR_INVALID_INPUT` (names the field; also for a
/// classification), `NIS_ERR_CANCELLED`.
///
/// # Safety
/// `kan` must be NULL (refused) or live; `x` and `y` as of `nis_kan_fit`; `options_json` must be NULL or lead to
/// `options_len` readable bytes; `call` must be NULL or lead to `struct_size` readable bytes, its functions must be
/// callable from any thread and its `cancel` must be NULL or live; `out` must be NULL (refused) or point to writable
/// memory for one buffer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nis_kan_formula(
    kan: *const nis_kan_t,
    x: *const f64,
    y: *const f64,
    rows: usize,
    options_json: *const c_char,
    options_len: usize,
    call: *const nis_call_options,
    out: *mut nis_buffer,
) -> nis_status {
    nis_status_of(|| {
        // SAFETY: this function's contract is that of the call.
        let call = unsafe { CallOptions::read(call) }?;
        out_pointer("out", out)?;
        // SAFETY: as above.
        let fitted = unsafe { self::kan(kan) }?.fitted()?;
        let model = &fitted.model;
        // SAFETY: as above.
        let (x, y, options) = unsafe {
            (
                numbers("x", x, times("rows", rows, model.inputs().len())?)?,
                numbers("y", y, times("rows", rows, model.outputs().len())?)?,
                options::<FormulaOptions>(options_json, options_len)?,
            )
        };
        // SAFETY: as above.
        let found = unsafe {
            call.run(|progress| {
                let (pruned, _) = model.pruned(x, y, &PruneOptions::default(), progress)?;
                pruned.formula(x, y, &Library::default(), &options, progress)
            })
        }?;
        write_json(out, &found)
    })
}

/// Writes what the network is and how its fit went as JSON to `*out`; free it with `nis_buffer_free`.
///
/// The object holds `inputs` and `outputs` (`name`, `shift`, `scale`), `task`, `widths`, `parameters`, `rows` and
/// `report` (`method`, `iterations`, `stop`, `grid`, `smoothness`, `train_error`, `holdout_error`, `holdout_rows`,
/// `history`; errors in standard deviations of the outputs). `*out` stays untouched on failure. Safe to call from any
/// thread.
///
/// Errors: `NIS_ERR_INVALID_INPUT` (NULL, or not fitted yet).
///
/// # Safety
/// `kan` must be NULL (refused) or live; `out` must be NULL (refused) or point to writable memory for one buffer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nis_kan_describe(
    kan: *const nis_kan_t,
    out: *mut nis_buffer,
) -> nis_status {
    nis_status_of(|| {
        out_pointer("out", out)?;
        // SAFETY: this function's contract is that of the call.
        let fitted = unsafe { self::kan(kan) }?.fitted()?;
        let model = &fitted.model;
        write_json(
            out,
            &serde_json::json!({
                "inputs": model.inputs(),
                "outputs": model.outputs(),
                "task": model.task(),
                "widths": model.net().widths(),
                "parameters": model.net().parameters(),
                "rows": model.rows(),
                "report": model.report(),
            }),
        )
    })
}

/// Writes the network as the bytes of a file to `*out`; free it with `nis_buffer_free`.
///
/// `options_json` (UTF-8, `options_len` bytes, borrowed for the call) may be NULL for a safetensors file with all bits.
/// Its keys are `format` (`safetensors` and `json`, which `nis_kan_load` reads; `c` and `h`, C99 source and its header;
/// `onnx`), `precision` (`f64` or `f32`; JSON keeps `f64`) and `prefix` (what names in C begin with). `*out` stays
/// untouched on failure. Safe to call from any thread.
///
/// Errors: `NIS_ERR_PARSE` (options are not JSON), `NIS_ERR_INVALID_INPUT` (names the field), `NIS_ERR_LIMIT`.
///
/// # Safety
/// `kan` must be NULL (refused) or live; `options_json` must be NULL or lead to `options_len` readable bytes; `out`
/// must be NULL (refused) or point to writable memory for one buffer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nis_kan_save(
    kan: *const nis_kan_t,
    options_json: *const c_char,
    options_len: usize,
    out: *mut nis_buffer,
) -> nis_status {
    nis_status_of(|| {
        let out = out_pointer("out", out)?;
        // SAFETY: this function's contract is that of the calls.
        let (fitted, options) = unsafe {
            (
                self::kan(kan)?.fitted()?,
                options::<SaveOptions>(options_json, options_len)?,
            )
        };
        let bytes = fitted.model.saved(&options)?;
        // SAFETY: not NULL, and the caller promises the place.
        unsafe { out.as_ptr().write(nis_buffer::from_vec(bytes)) };
        Ok(())
    })
}

/// Writes the network to a file, as what the end of its name says: `.safetensors`, `.json`, `.c`, `.h` or `.onnx`, with
/// 64 bits. `path` (UTF-8, `path_len` bytes) is borrowed for the call. A file that is there is replaced when the new one
/// is whole. Safe to call from any thread.
///
/// Errors: `NIS_ERR_INVALID_INPUT` (names the field), `NIS_ERR_LIMIT`, `NIS_ERR_IO`.
///
/// # Safety
/// `kan` must be NULL (refused) or live; `path` must be NULL (refused) or lead to `path_len` readable bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nis_kan_save_file(
    kan: *const nis_kan_t,
    path: *const c_char,
    path_len: usize,
) -> nis_status {
    nis_status_of(|| {
        // SAFETY: this function's contract is that of the calls.
        let (fitted, path) = unsafe {
            (
                self::kan(kan)?.fitted()?,
                boundary::text("path", path, path_len)?,
            )
        };
        let bytes = fitted
            .model
            .saved(&SaveOptions::of(Format::of_path(path)?))?;
        let part = format!("{path}.{}.part", std::process::id());
        let written = std::fs::write(&part, bytes).and_then(|()| std::fs::rename(&part, path));
        written.map_err(|error| {
            // The first failure is the one to tell; the part may be gone already.
            let _ = std::fs::remove_file(&part);
            Error::io(path, &error)
        })
    })
}

/// Reads a network that `nis_kan_save` (or another face of NIS) wrote as safetensors or JSON, and writes its handle to
/// `*out`; free it with `nis_kan_free`.
///
/// `bytes` (`len` of them) is borrowed for the call and may come from anywhere: reading takes at most 64 times its size
/// plus 128 MiB of memory. `*out` stays untouched on failure. Safe to call from any thread.
///
/// Errors: `NIS_ERR_PARSE`, `NIS_ERR_INVALID_INPUT` (names the field), `NIS_ERR_LIMIT`.
///
/// # Safety
/// `bytes` must be NULL (refused unless `len` is 0) or lead to `len` readable bytes; `out` must be NULL (refused) or
/// point to writable memory for one pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nis_kan_load(
    bytes: *const u8,
    len: usize,
    out: *mut *mut nis_kan_t,
) -> nis_status {
    nis_status_of(|| {
        out_pointer("out", out)?;
        // SAFETY: this function's contract is that of the call.
        let bytes = unsafe { numbers("bytes", bytes, len) }?;
        let kan = nis_kan_t::of(Model::from_bytes(bytes)?)?;
        // SAFETY: as above.
        unsafe { give(out, kan) }
    })
}

/// The same as `nis_kan_load` for the file at `path` (UTF-8, `path_len` bytes, borrowed for the call).
///
/// Errors: as `nis_kan_load`; `NIS_ERR_IO`.
///
/// # Safety
/// `path` must be NULL (refused) or lead to `path_len` readable bytes; `out` must be NULL (refused) or point to writable
/// memory for one pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nis_kan_load_file(
    path: *const c_char,
    path_len: usize,
    out: *mut *mut nis_kan_t,
) -> nis_status {
    nis_status_of(|| {
        out_pointer("out", out)?;
        // SAFETY: this function's contract is that of the call.
        let path = unsafe { boundary::text("path", path, path_len) }?;
        let bytes = std::fs::read(path).map_err(|error| Error::io(path, &error))?;
        let kan = nis_kan_t::of(Model::from_bytes(&bytes)?)?;
        // SAFETY: as above.
        unsafe { give(out, kan) }
    })
}
