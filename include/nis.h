/*
 * NIS: the C interface.
 *
 * Generated from nis-ffi by cbindgen: do not edit. `NIS_UPDATE_HEADER=1 cargo test -p nis-ffi --test header`
 * writes it anew.
 *
 * Rules that hold for every function:
 *  - It returns nis_status, 0 is success; nis_last_error() tells the calling thread what went wrong.
 *  - Results come through out pointers, which stay untouched on failure.
 *  - Pointers handed in are borrowed for the call; what comes out is owned by the caller and freed by the
 *    function named at it.
 *  - Text is UTF-8 with a length in bytes; it needs no terminating NUL.
 *  - No call may be made from a forked child on a handle that its parent made.
 */
#ifndef NIS_H
#define NIS_H

#include <stddef.h>
#include <stdint.h>

/**
 * The number of the binary interface that this header describes. It is raised when a function or a
 * structure changes in a way that breaks programs compiled before; additions do not raise it.
 */
#define NIS_ABI_VERSION 0

/**
 * What a call answers. The numbers are the same in Rust, Python and HTTP and never change their meaning;
 * new ones may be added, so treat an unknown number as an error.
 */
typedef enum nis_status {
    /**
     * Success.
     */
    NIS_OK = 0,
    /**
     * A value that the caller gave does not fit: a NULL pointer, text that is not UTF-8, a field out of range.
     */
    NIS_ERR_INVALID_INPUT = 1,
    /**
     * JSON, a formula, an equation or a file could not be read.
     */
    NIS_ERR_PARSE = 2,
    /**
     * The thing named does not exist.
     */
    NIS_ERR_NOT_FOUND = 3,
    /**
     * The capability is not there on this machine or in this build.
     */
    NIS_ERR_UNAVAILABLE = 4,
    /**
     * The caller stopped the work, through a callback or a cancel handle.
     */
    NIS_ERR_CANCELLED = 5,
    /**
     * A deadline passed.
     */
    NIS_ERR_TIMEOUT = 6,
    /**
     * A method failed on numbers that were in order as input.
     */
    NIS_ERR_NUMERICAL = 7,
    /**
     * Reading or writing failed.
     */
    NIS_ERR_IO = 8,
    /**
     * A language-model provider refused or failed.
     */
    NIS_ERR_PROVIDER = 9,
    /**
     * A limit that protects memory or time was reached.
     */
    NIS_ERR_LIMIT = 10,
    /**
     * A defect of NIS: a panic was caught at the boundary. The handle of the call is poisoned.
     */
    NIS_ERR_INTERNAL = 11,
    /**
     * The handle met a panic in an earlier call and answers no more; free it.
     */
    NIS_ERR_POISONED = 12,
} nis_status;

/**
 * A flag that stops long work. Opaque; one flag may serve several calls, which it stops all.
 */
typedef struct nis_cancel_t nis_cancel_t;

/**
 * A runtime: providers, store, tools and agents. Opaque; made by `nis_new`, freed by `nis_free`. Several
 * threads may use one handle at the same time.
 */
typedef struct nis_t nis_t;

/**
 * What went wrong in the calling thread's last call. New fields may be added at the end.
 */
typedef struct nis_error {
    /**
     * The status that the call returned; `NIS_OK` when it succeeded.
     */
    enum nis_status code;
    /**
     * What happened, as UTF-8 with a terminating NUL that `message_len` does not count; empty after success.
     */
    const char *message;
    /**
     * Length of `message` in bytes.
     */
    size_t message_len;
    /**
     * A JSON object with `kind` and the fields of that kind, for example
     * `{"kind":"invalid_input","field":"options.kan.grid","value":"0","expected":"..."}`; NUL-terminated
     * like `message`. `{}` after success.
     */
    const char *details;
    /**
     * Length of `details` in bytes.
     */
    size_t details_len;
} nis_error;

/**
 * Bytes that the library allocated and the caller owns; free them with `nis_buffer_free`. Holds UTF-8
 * JSON without a terminating NUL.
 */
typedef struct nis_buffer {
    /**
     * The bytes, or NULL.
     */
    uint8_t *ptr;
    /**
     * How many there are.
     */
    size_t len;
    /**
     * What was allocated; for `nis_buffer_free` only.
     */
    size_t cap;
} nis_buffer;

/**
 * One report of long work, lent to a progress callback for the length of its call. New fields may be
 * added at the end.
 */
typedef struct nis_step {
    /**
     * Which stage works, for example "laplace": UTF-8, not NUL-terminated.
     */
    const char *stage;
    /**
     * Length of `stage` in bytes.
     */
    size_t stage_len;
    /**
     * How much of the stage is done.
     */
    uint64_t done;
    /**
     * How much there is; 0 where it is not known.
     */
    uint64_t total;
    /**
     * What is happening, with the current figure where there is one: UTF-8, not NUL-terminated.
     */
    const char *message;
    /**
     * Length of `message` in bytes.
     */
    size_t message_len;
} nis_step;

/**
 * Called as long work goes on, possibly on threads of the runtime, never on two at once. Whatever is not
 * 0 stops the work, which then answers `NIS_ERR_CANCELLED`. Must not throw, `longjmp` or unwind.
 */
typedef int (*nis_progress_fn)(const struct nis_step *step, void *user_data);

/**
 * Frees what a callback's `user_data` points to.
 */
typedef void (*nis_user_data_free_fn)(void *user_data);

/**
 * How one call of long work reports and stops. Set all of it to zero, then `struct_size`, then what is
 * wanted, for example `nis_call_options options = {.struct_size = sizeof options};`. The structure may
 * grow; a library that is older than the header refuses fields that it does not know unless they are zero.
 */
typedef struct nis_call_options {
    /**
     * `sizeof(nis_call_options)` as the caller was compiled.
     */
    size_t struct_size;
    /**
     * Called as the work goes on, or NULL.
     */
    nis_progress_fn progress;
    /**
     * Handed to `progress`. Borrowed, unless `user_data_free` is given.
     */
    void *user_data;
    /**
     * Called once with `user_data` before the call returns, whatever it returns (but for a call that
     * refuses this structure itself), or NULL.
     */
    nis_user_data_free_fn user_data_free;
    /**
     * Stops the work when it is set, or NULL. Borrowed for the call.
     */
    const struct nis_cancel_t *cancel;
} nis_call_options;

/**
 * A Laplace transform of a real function, called with arrays: writes `F(s[i])` to `out[i]` for `n` points.
 * Complex numbers are pairs of doubles (real, imaginary), so `s` and `out` hold `2 n` doubles; both are lent
 * for the length of the call. A value that does not exist is NaN. Called on the thread that asked, never two
 * at once. Whatever is not 0 stops the work, which then answers `NIS_ERR_CANCELLED`. Must not throw,
 * `longjmp` or unwind.
 */
typedef int (*nis_transform_fn)(const double *s, double *out, size_t n, void *user_data);

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/**
 * The library's version as NUL-terminated text, for example "0.1.0".
 *
 * The text is static: never free it. Safe to call from any thread.
 */
const char *nis_version(void);

/**
 * The number of the binary interface that the loaded library has. `nis_check_abi()` compares it with the
 * header's `NIS_ABI_VERSION`.
 *
 * Safe to call from any thread.
 */
uint32_t nis_abi_version(void);

/**
 * What the calling thread's last call that returned a `nis_status` met. Never NULL; `code` is `NIS_OK`
 * when that call succeeded or when there was none, so the record is never stale.
 *
 * The record is borrowed: it stays valid until the same thread's next call that returns a `nis_status`
 * and must not be used after the thread ended. Each thread has its own; safe to call from any thread.
 */
const struct nis_error *nis_last_error(void);

/**
 * Frees the bytes of `*buffer` and sets it to `{NULL, 0, 0}`, so that freeing it again is harmless. NULL,
 * and a buffer whose `ptr` is NULL, are fine.
 *
 * Safe to call from any thread, also from another than the one that got the buffer.
 *
 * # Safety
 * `*buffer` must have been filled by this library and be unchanged, or have a NULL `ptr`.
 */
void nis_buffer_free(struct nis_buffer *buffer);

/**
 * Builds a runtime and writes its handle to `*out`; free it with `nis_free`.
 *
 * `config_json` is the configuration as JSON (UTF-8, `config_len` bytes, borrowed for the call). With
 * NULL the defaults are used, with what the environment variables say; `config_len` is then ignored.
 * `*out` stays untouched on failure. Safe to call from any thread.
 *
 * Errors: `NIS_ERR_PARSE` (not JSON), `NIS_ERR_INVALID_INPUT` (names the key), and what a configured part
 * answers when it cannot be built.
 *
 * # Safety
 * `config_json` must be NULL or lead to `config_len` readable bytes; `out` must be NULL (refused) or point
 * to writable memory for one pointer.
 */
enum nis_status nis_new(const char *config_json, size_t config_len, struct nis_t **out);

/**
 * Frees a runtime and stops its threads. NULL is fine, and so is a poisoned handle.
 *
 * No other call may use the handle at the same time or later.
 *
 * # Safety
 * `nis` must be NULL or come from `nis_new` and not have been freed.
 */
void nis_free(struct nis_t *nis);

/**
 * Answers one message and writes the reply as JSON to `*out`; free it with `nis_buffer_free`.
 *
 * `request_json` (UTF-8, `request_len` bytes, borrowed for the call) is an object: `message`, and optional
 * `conversation_id`, `user_id`, `provider`. The reply holds `response`, `conversation_id`, `provider`,
 * `real_ai`, `model`, `confidence`, `tokens_used`, `reasoning_trace` and more. Blocks until the answer is
 * there. `*out` stays untouched on failure. Several threads may call it on one handle at the same time.
 *
 * Errors: `NIS_ERR_PARSE` (not JSON), `NIS_ERR_INVALID_INPUT` (names the field), `NIS_ERR_PROVIDER`,
 * `NIS_ERR_TIMEOUT`, `NIS_ERR_POISONED`.
 *
 * # Safety
 * `nis` must be NULL (refused) or a live handle; `request_json` must be NULL (refused) or lead to
 * `request_len` readable bytes; `out` must be NULL (refused) or point to writable memory for one buffer.
 */
enum nis_status nis_chat(const struct nis_t *nis,
                         const char *request_json,
                         size_t request_len,
                         struct nis_buffer *out);

/**
 * Writes what the runtime can do now as JSON to `*out`; free it with `nis_buffer_free`.
 *
 * The object holds `status`, `timestamp`, `provider`, `model`, `real_ai`, `agents_registered`,
 * `tools_available` and more. `*out` stays untouched on failure. Several threads may call it on one
 * handle at the same time.
 *
 * # Safety
 * `nis` must be NULL (refused) or a live handle; `out` must be NULL (refused) or point to writable memory
 * for one buffer.
 */
enum nis_status nis_health(const struct nis_t *nis, struct nis_buffer *out);

/**
 * Makes a flag that is not set and writes it to `*out`; free it with `nis_cancel_free`.
 *
 * `*out` stays untouched on failure. Safe to call from any thread.
 *
 * # Safety
 * `out` must be NULL (refused) or point to writable memory for one pointer.
 */
enum nis_status nis_cancel_new(struct nis_cancel_t **out);

/**
 * Asks every call that was given this flag to stop; each answers `NIS_ERR_CANCELLED` at its next check.
 * The flag stays set. NULL is fine.
 *
 * Safe to call from any thread and from a signal handler: it only stores to an atomic, and leaves
 * `nis_last_error` alone.
 *
 * # Safety
 * `cancel` must be NULL or come from `nis_cancel_new` and not have been freed.
 */
void nis_cancel_set(const struct nis_cancel_t *cancel);

/**
 * Frees the flag. NULL is fine. A call that was given the flag and still runs keeps its own share of it,
 * but can no longer be stopped through it.
 *
 * No other call may use the handle at the same time or later.
 *
 * # Safety
 * `cancel` must be NULL or come from `nis_cancel_new` and not have been freed.
 */
void nis_cancel_free(struct nis_cancel_t *cancel);

/**
 * Runs the scientific path on a data set and writes the report as JSON to `*out`; free it with
 * `nis_buffer_free`.
 *
 * `request_json` (UTF-8, `request_len` bytes, borrowed for the call) is an object:
 * `{"path": "data.csv"}` or `{"columns": {"t": [..], "y": [..]}, "source": "name"}`, and optional
 * `"options"` (`time`, `law`, `target`, `equation`, `modes`, `kan`, `fit`). Columns keep their order;
 * `null` in a column is a missing value. In the report, numbers that are not finite are `null`.
 *
 * `options` (borrowed for the call, may be NULL) says where progress goes and what stops the work. Works
 * on the calling thread; several threads may call it on one handle at the same time. `*out` stays
 * untouched on failure.
 *
 * Errors: `NIS_ERR_PARSE`, `NIS_ERR_INVALID_INPUT` (names the field), `NIS_ERR_IO`, `NIS_ERR_NOT_FOUND`,
 * `NIS_ERR_CANCELLED`, `NIS_ERR_NUMERICAL`, `NIS_ERR_LIMIT`, `NIS_ERR_POISONED`.
 *
 * # Safety
 * `nis` must be NULL (refused) or a live handle; `request_json` must be NULL (refused) or lead to
 * `request_len` readable bytes; `options` must be NULL or lead to `struct_size` readable bytes, its
 * functions must be callable from any thread and its `cancel` must be NULL or live; `out` must be NULL
 * (refused) or point to writable memory for one buffer.
 */
enum nis_status nis_analyze(const struct nis_t *nis,
                            const char *request_json,
                            size_t request_len,
                            const struct nis_call_options *options,
                            struct nis_buffer *out);

/**
 * Inverts a Laplace transform given as a formula in `s`, at the times `t > 0`, and writes the result as JSON
 * to `*out`; free it with `nis_buffer_free`.
 *
 * `formula` (UTF-8, `formula_len` bytes) is text such as "exp(-2*s)/(s^2 + 1)": `exp`, `log`, `sqrt` and the
 * others with principal branches; delays are found and split off. `invert_json` (`invert_len` bytes, or NULL
 * for the defaults) is an object of `method` ("auto", "talbot", "euler", "de_hoog", "cme", "weeks",
 * "rational"), `abscissa` and `nodes`. The result holds the arrays `t`, `value`, `error` (an estimate of the
 * absolute error of each value) and `method`, and `abscissa`, `evaluations` and `delays`; what is unknown is
 * `null`. All inputs are borrowed for the call; `*out` stays untouched on failure. Works on the calling
 * thread; several threads may call it at the same time. `options` may be NULL.
 *
 * Errors: `NIS_ERR_PARSE`, `NIS_ERR_NOT_FOUND` (a name other than `s`), `NIS_ERR_INVALID_INPUT` (names the
 * field), `NIS_ERR_NUMERICAL`, `NIS_ERR_CANCELLED`.
 *
 * # Safety
 * `formula` must be NULL (refused) or lead to `formula_len` readable bytes, `t` to `n` readable doubles,
 * `invert_json` must be NULL or lead to `invert_len` readable bytes; `options` must be NULL or lead to
 * `struct_size` readable bytes, its functions must be callable from any thread and its `cancel` must be NULL
 * or live; `out` must be NULL (refused) or point to writable memory for one buffer.
 */
enum nis_status nis_laplace_invert(const char *formula,
                                   size_t formula_len,
                                   const double *t,
                                   size_t n,
                                   const char *invert_json,
                                   size_t invert_len,
                                   const struct nis_call_options *options,
                                   struct nis_buffer *out);

/**
 * Inverts a Laplace transform given as a function, at the times `t > 0`: `f(t[i])` goes to `value[i]`, an
 * estimate of its absolute error to `error[i]` (NaN and infinity where nothing is known).
 *
 * `transform` is called with arrays of complex numbers and `user_data` (borrowed for the call) on the calling
 * thread; see `nis_transform_fn`. `invert_json` is as for `nis_laplace_invert`, with `delay` for a known delay
 * `a` of `F(s) = e^{-as} G(s)`. `value` and `error` hold `n` doubles each and stay untouched on failure. The
 * whole result as JSON goes to `*out` where `out` is not NULL; free it with `nis_buffer_free`. Several threads
 * may call it at the same time.
 *
 * Errors: `NIS_ERR_INVALID_INPUT` (names the field), `NIS_ERR_PARSE` (options), `NIS_ERR_NUMERICAL` (no value of
 * the function is finite), `NIS_ERR_CANCELLED`.
 *
 * # Safety
 * `transform` must be NULL (refused) or a function that keeps to its type's contract; `t` must lead to `n`
 * readable doubles, `value` and `error` to `n` writable ones that nothing else uses; `invert_json` must be
 * NULL or lead to `invert_len` readable bytes; `options` as for `nis_laplace_invert`; `out` must be NULL or
 * point to writable memory for one buffer.
 */
enum nis_status nis_laplace_invert_function(nis_transform_fn transform,
                                            void *user_data,
                                            const double *t,
                                            size_t n,
                                            const char *invert_json,
                                            size_t invert_len,
                                            const struct nis_call_options *options,
                                            double *value,
                                            double *error,
                                            struct nis_buffer *out);

/**
 * The impulse response of a system in pole-residue form at the times `t > 0`: as
 * `nis_laplace_invert_function`, in closed form.
 *
 * `system_json` (UTF-8, `system_len` bytes, borrowed for the call) is an object of `outputs`, `inputs` (both
 * 1), `terms` (`pole` as `[re, im]`, `power`, `residue`), `direct` and `linear`. `value` and `error` hold `n`
 * doubles each and stay untouched on failure. Several threads may call it at the same time.
 *
 * Errors: `NIS_ERR_PARSE`, `NIS_ERR_INVALID_INPUT` (names the field).
 *
 * # Safety
 * `system_json` must be NULL (refused) or lead to `system_len` readable bytes; `t` must lead to `n` readable
 * doubles, `value` and `error` to `n` writable ones that nothing else uses.
 */
enum nis_status nis_laplace_invert_poles(const char *system_json,
                                         size_t system_len,
                                         const double *t,
                                         size_t n,
                                         double *value,
                                         double *error);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Whether the loaded library has the binary interface that this header describes: 1 if so, 0 if not. Call
 * it once at the start of a program that links to the shared library.
 */
static inline int nis_check_abi(void) {
    return nis_abi_version() == NIS_ABI_VERSION;
}

#ifdef __cplusplus
}
#endif

#endif /* NIS_H */
