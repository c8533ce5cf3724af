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
 * A decoder of containers that come in pieces. Opaque; made by `nis_decoder_new`, freed by `nis_decoder_free`.
 * Calls on one handle from several threads follow one another.
 */
typedef struct nis_decoder_t nis_decoder_t;

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
 * Compresses `len` samples taken every `dt` time units to a container (docs/compression.md), which is written
 * to `*out`: bytes, not JSON; free them with `nis_buffer_free`.
 *
 * `options_json` (UTF-8, `options_len` bytes, borrowed for the call; NULL for the defaults) is an object:
 * `target`, one of `{"max_error": 0.1}`, `{"rms_error": ..}`, `{"relative_rms": 1e-3}` (the default),
 * `{"ratio": 10}`, `{"bits_per_sample": ..}`; `max_order`, `max_segment`, `min_segment`, `modes`, `lattice`.
 * `report` may be NULL; else the report (sizes, errors, shares of the kinds, `not_modal`) is written there as
 * JSON, to be freed likewise. `call` (borrowed, may be NULL) says where progress goes and what stops the work.
 * Works on the calling thread; safe to call from any. `*out` and `*report` stay untouched on failure.
 *
 * Errors: `NIS_ERR_PARSE`, `NIS_ERR_INVALID_INPUT` (names the option, or the sample that is not finite as
 * `signal[index]`), `NIS_ERR_CANCELLED`.
 *
 * # Safety
 * `signal` must lead to `len` readable values (NULL is fine where `len` is 0); `options_json` must be NULL or
 * lead to `options_len` readable bytes; `call` must be NULL or lead to `struct_size` readable bytes, its
 * functions must be callable and its `cancel` NULL or live; `out` must be NULL (refused) and `report` NULL or
 * point to writable memory for one buffer each.
 */
enum nis_status nis_laplace_compress(const double *signal,
                                     size_t len,
                                     double dt,
                                     const char *options_json,
                                     size_t options_len,
                                     const struct nis_call_options *call,
                                     struct nis_buffer *out,
                                     struct nis_buffer *report);

/**
 * Decodes a whole container. Writes its number of samples to `*samples`, and the samples to `values`, which has
 * room for `capacity` of them. With NULL for `values` only the number is written; it is read from the
 * container's framing, without decoding.
 *
 * `bytes` is borrowed for the call; `call` as in `nis_laplace_compress`. A few bytes can stand for very many
 * samples: `capacity` is the limit of what is decoded. Works on the calling thread; safe to call from any.
 * `*samples` stays untouched on failure; `values` does too.
 *
 * Errors: `NIS_ERR_INVALID_INPUT` (bytes that are no whole container), `NIS_ERR_LIMIT` (more samples than
 * `capacity`), `NIS_ERR_CANCELLED`.
 *
 * # Safety
 * `bytes` must lead to `len` readable bytes; `values` must be NULL or lead to `capacity` writable values;
 * `samples` must be NULL (refused) or point to writable memory for one number; `call` as in
 * `nis_laplace_compress`.
 */
enum nis_status nis_laplace_decompress(const uint8_t *bytes,
                                       size_t len,
                                       double *values,
                                       size_t capacity,
                                       const struct nis_call_options *call,
                                       size_t *samples);

/**
 * Writes what a container holds, but for the residuals, as JSON to `*out`; free it with `nis_buffer_free`:
 * `info` (`dt`, bounds), `totals` (samples, errors) and `segments` with their poles and residues.
 *
 * Safe to call from any thread. `*out` stays untouched on failure.
 *
 * Errors: `NIS_ERR_INVALID_INPUT` (bytes that are no whole container).
 *
 * # Safety
 * `bytes` must lead to `len` readable bytes; `out` must be NULL (refused) or point to writable memory for one
 * buffer.
 */
enum nis_status nis_laplace_compressed_describe(const uint8_t *bytes, size_t len, struct nis_buffer *out);

/**
 * Makes a decoder and writes it to `*out`; free it with `nis_decoder_free`. It holds one record of a container
 * and its samples at a time, at most 17 MB, whatever the bytes claim.
 *
 * `*out` stays untouched on failure. Safe to call from any thread.
 *
 * # Safety
 * `out` must be NULL (refused) or point to writable memory for one pointer.
 */
enum nis_status nis_decoder_new(struct nis_decoder_t **out);

/**
 * Takes bytes until a segment is whole or none are left: writes to `*used` how many it took, and to `*ready`
 * how many samples wait for `nis_decoder_next` (0: it took all, hand in more). While samples wait it takes
 * nothing.
 *
 * `*used` and `*ready` stay untouched on failure. After an error every further call answers it.
 *
 * Errors: `NIS_ERR_INVALID_INPUT` (bytes that no encoder wrote), `NIS_ERR_POISONED`.
 *
 * # Safety
 * `decoder` must be NULL (refused) or live; `bytes` must lead to `len` readable bytes (NULL is fine where `len`
 * is 0); `used` and `ready` must be NULL (refused) or point to writable memory for one number each.
 */
enum nis_status nis_decoder_push(const struct nis_decoder_t *decoder,
                                 const uint8_t *bytes,
                                 size_t len,
                                 size_t *used,
                                 size_t *ready);

/**
 * Copies the samples that wait to `values`, which has room for `capacity` of them, and writes their number to
 * `*samples` and the number of the first of them in the record to `*start` (which may be NULL). 0 samples where
 * none wait.
 *
 * On failure `values`, `*samples` and `*start` stay untouched and the samples go on waiting.
 *
 * Errors: `NIS_ERR_LIMIT` (more samples wait than `capacity`), `NIS_ERR_POISONED`.
 *
 * # Safety
 * `decoder` must be NULL (refused) or live; `values` must lead to `capacity` writable values (NULL is fine where
 * `capacity` is 0); `samples` must be NULL (refused) and `start` NULL or point to writable memory for one
 * number each.
 */
enum nis_status nis_decoder_next(const struct nis_decoder_t *decoder,
                                 double *values,
                                 size_t capacity,
                                 size_t *samples,
                                 uint64_t *start);

/**
 * Says whether the container came to its end, and writes its number of samples to `*samples` (may be NULL).
 *
 * Errors: `NIS_ERR_INVALID_INPUT` (the end is missing, or an earlier error), `NIS_ERR_POISONED`.
 *
 * # Safety
 * `decoder` must be NULL (refused) or live; `samples` must be NULL or point to writable memory for one number.
 */
enum nis_status nis_decoder_finish(const struct nis_decoder_t *decoder,
                                   uint64_t *samples);

/**
 * Frees a decoder. NULL is fine. No other call may use the handle at the same time or later.
 *
 * # Safety
 * `decoder` must be NULL or come from `nis_decoder_new` and not have been freed.
 */
void nis_decoder_free(struct nis_decoder_t *decoder);

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
