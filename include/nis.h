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
 * A kind of samples: `double`.
 */
#define NIS_SAMPLES_F64 0

/**
 * A kind of samples: `float`.
 */
#define NIS_SAMPLES_F32 1

/**
 * A kind of samples: complex, `double` real and imaginary parts interleaved.
 */
#define NIS_SAMPLES_COMPLEX_F64 2

/**
 * A kind of samples: complex, `float` real and imaginary parts interleaved.
 */
#define NIS_SAMPLES_COMPLEX_F32 3

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
 * A Kolmogorov-Arnold network with names and scaling. Opaque; made by `nis_kan_new`, `nis_kan_load` and
 * `nis_kan_load_file`, freed by `nis_kan_free`. Several threads may use one handle at the same time; a fit puts the
 * new network in its place when it is done, until then the others see the old one.
 */
typedef struct nis_kan_t nis_kan_t;

/**
 * A transform on a line of evenly spaced points, made once for records of one length. Opaque; made by
 * `nis_line_plan_new`, freed by `nis_line_plan_free`. Several threads may use one plan at the same time.
 */
typedef struct nis_line_plan_t nis_line_plan_t;

/**
 * A reply that a provider of the host's is making. Opaque; lent to the callback for the length of its call and used
 * on its thread alone.
 */
typedef struct nis_reply_t nis_reply_t;

/**
 * A solved problem. Opaque; made by `nis_solve` and `nis_solution_load`, freed by `nis_solution_free`. It never
 * changes, so several threads may use one handle at the same time.
 */
typedef struct nis_solution_t nis_solution_t;

/**
 * A linear system. Opaque; made by `nis_laplace_system_new` and the functions that answer systems, freed by
 * `nis_laplace_system_free`. It never changes: several threads may use one handle at the same time.
 */
typedef struct nis_system_t nis_system_t;

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
 * Called with the parts of an answer that arrived together: a JSON array (UTF-8, `parts_len` bytes, not
 * NUL-terminated, lent for the call) of objects whose `type` is `begin`, `text`, `reasoning`, `tool_call`,
 * `tool_result`, `claims` or, last, `reply`. Whatever is not 0 stops the work, which then answers
 * `NIS_ERR_CANCELLED`. Must not throw, `longjmp` or unwind.
 */
typedef int (*nis_parts_fn)(const char *parts_json, size_t parts_len, void *user_data);

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
 * Completes one conversation, on a thread of the runtime that it may block; several may run at once.
 *
 * `request_json` (UTF-8, `request_len` bytes, not NUL-terminated, lent for the call) is an object: `messages` (each
 * `role`, `content`, `tool_calls`, `tool_call_id`, ...), `tools`, `max_tokens`, `temperature` and more. The reply is
 * given by `nis_reply_text`, `nis_reply_complete` and `nis_reply_fail`. Returns 0 where the reply is whole;
 * whatever else is a failure. Must not throw, `longjmp` or unwind.
 */
typedef int (*nis_complete_fn)(const char *request_json,
                               size_t request_len,
                               struct nis_reply_t *reply,
                               void *user_data);

/**
 * A provider of the host's. Set all of it to zero, then `struct_size`, then the rest.
 */
typedef struct nis_provider {
    /**
     * `sizeof(nis_provider)` as the caller was compiled.
     */
    size_t struct_size;
    /**
     * Its name in requests: 1 to 64 letters, digits, `_`, `-`, `.`; UTF-8.
     */
    const char *name;
    /**
     * Length of `name` in bytes.
     */
    size_t name_len;
    /**
     * Its model; any text, UTF-8.
     */
    const char *model;
    /**
     * Length of `model` in bytes.
     */
    size_t model_len;
    /**
     * 1 where a language model answers, else 0.
     */
    int real_ai;
    /**
     * Completes a conversation.
     */
    nis_complete_fn complete;
    /**
     * Handed to `complete`, from several threads at once.
     */
    void *user_data;
    /**
     * Called once with `user_data`, on any thread, when nothing can call `complete` any more; where the call that
     * registers fails, before it returns (but for a call that refuses this structure itself). Or NULL.
     */
    nis_user_data_free_fn user_data_free;
} nis_provider;

/**
 * A Laplace transform of a real function, called with arrays: writes `F(s[i])` to `out[i]` for `n` points.
 * Complex numbers are pairs of doubles (real, imaginary), so `s` and `out` hold `2 n` doubles; both are lent
 * for the length of the call. A value that does not exist is NaN. Called on the thread that asked, never two
 * at once. Whatever is not 0 stops the work, which then answers `NIS_ERR_CANCELLED`. Must not throw,
 * `longjmp` or unwind.
 */
typedef int (*nis_transform_fn)(const double *s, double *out, size_t n, void *user_data);

/**
 * Values that a physics check takes from the caller's memory, not from JSON. Set all of it.
 */
typedef struct nis_physics_array {
    /**
     * Name of the field of the grid, or of the column: UTF-8, borrowed for the call.
     */
    const char *name;
    /**
     * Length of `name` in bytes.
     */
    size_t name_len;
    /**
     * The values, borrowed for the call; NaN is a missing one. Of a field: over all points, last axis fastest.
     */
    const double *values;
    /**
     * Number of values.
     */
    size_t len;
} nis_physics_array;

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
 * Answers one message and calls `on_parts` as the answer is made, always on the calling thread, and returns when the
 * answer is whole.
 *
 * `request_json` is that of `nis_chat`. The last part, `reply`, is what `nis_chat` would have given: with
 * `NIS_OK` it came. `text` parts after the last `tool_result` are the answer; those before were said on the way to a
 * tool. A slow callback slows the provider down; nothing is lost. `user_data` is borrowed and handed to
 * `on_parts`. `options` may be NULL; its `cancel` stops the work within about 20 ms and closes the connection, its
 * `progress` is not called. Several threads may call it on one handle at the same time.
 *
 * Errors: those of `nis_chat`, and `NIS_ERR_CANCELLED`; parts that came before an error were handed over.
 * `NIS_ERR_UNAVAILABLE` in a process that was forked after the handle was used.
 *
 * # Safety
 * `nis` must be NULL (refused) or a live handle; `request_json` must be NULL (refused) or lead to `request_len`
 * readable bytes; `on_parts` must be NULL (refused) or a function that fits `user_data`; `options` must be NULL or
 * lead to a structure of the size that its first field tells, whose `cancel` is NULL or live.
 */
enum nis_status nis_chat_stream(const struct nis_t *nis,
                                const char *request_json,
                                size_t request_len,
                                nis_parts_fn on_parts,
                                void *user_data,
                                const struct nis_call_options *options);

/**
 * Adds a provider of the host's to a runtime, in the layers of its configuration; requests name it. It stays until
 * the runtime is freed. Names are copied. Several threads may call it on one handle at the same time.
 *
 * Errors: `NIS_ERR_INVALID_INPUT` (a NULL pointer, a size that does not fit, a name that is taken or does not fit).
 *
 * # Safety
 * `nis` must be NULL (refused) or a live handle; `provider` must be NULL (refused) or lead to a structure of the size
 * that its first field tells, whose texts lead to that many readable bytes and whose functions fit its data.
 */
enum nis_status nis_register_provider(const struct nis_t *nis,
                                      const struct nis_provider *provider);

/**
 * Says a piece of the reply's text (UTF-8, `text_len` bytes, borrowed for the call), which is heard at once where the
 * chat is streamed. Returns 0 to go on; 1 where nobody waits for the reply any more, or the text is none: the callback
 * should then return.
 *
 * # Safety
 * `reply` must be NULL (refused) or the one that this callback was lent; `text` must be NULL (refused) or lead to
 * `text_len` readable bytes.
 */
int nis_reply_text(struct nis_reply_t *reply,
                   const char *text,
                   size_t text_len);

/**
 * Gives what a reply has beside or instead of pieces of text, as JSON: an object with `text`, `tool_calls` (each
 * `id`, `name` and `arguments`, itself JSON text), `finish` (`stop`, `length`, `tool_calls`, `content_filter`),
 * `usage` (`input`, `output`, `cached`, `reasoning`), `refusal`, `model`, `reasoning`; what is left out is empty. Leave
 * `text` out where it was said in pieces. A later call replaces an earlier one.
 *
 * Errors: `NIS_ERR_PARSE`, `NIS_ERR_INVALID_INPUT`.
 *
 * # Safety
 * `reply` must be NULL (refused) or the one that this callback was lent; `completion_json` must be NULL (refused) or
 * lead to `completion_len` readable bytes.
 */
enum nis_status nis_reply_complete(struct nis_reply_t *reply,
                                   const char *completion_json,
                                   size_t completion_len);

/**
 * Makes the reply a failure, as `NIS_ERR_PROVIDER` tells it to the one who asked. `http_status` is 0 where there was
 * none; `retryable` says whether the same request may succeed later; `message` (UTF-8, `message_len` bytes) must hold
 * no key.
 *
 * # Safety
 * `reply` must be NULL (refused) or the one that this callback was lent; `message` must be NULL (refused) or lead to
 * `message_len` readable bytes.
 */
enum nis_status nis_reply_fail(struct nis_reply_t *reply,
                               uint16_t http_status,
                               int retryable,
                               const char *message,
                               size_t message_len);

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

/**
 * Fits poles and residues to frequency responses and writes the result as JSON to `*out`; free it with
 * `nis_buffer_free`.
 *
 * `s` holds `points` complex numbers (re, im interleaved, 1/time unit; `0, 2 pi f` for a frequency `f`),
 * `response` `points * outputs * inputs` complex numbers `[point][output][input]`, interleaved. `weights`
 * holds `weights_len` numbers, one per point or one per response, and may be NULL for 1 everywhere.
 * `options_json` (UTF-8, `options_len` bytes) may be NULL for the defaults; its keys are `order` (null: chosen
 * from the data), `max_order`, `direct`, `linear`, `weighting` (`uniform`, `inverse_magnitude`,
 * `inverse_norm`), `start` (`auto`, `spread`, `aaa`), `stable`, `tolerance`, `max_relocations`, `max_polish`.
 * All are borrowed for the call.
 *
 * The result holds `system` (`outputs`, `inputs`, `terms`, `direct`, `linear`), `poles` (with `pole_se`),
 * `order`, `order_reason`, `tried`, `rms`, `relative_rms`, `max_error`, `max_relative_error`, `max_error_at`,
 * `noise_std`, `relocations`, `polish_steps`, `converged`, `stable` and `start`. Complex numbers are pairs.
 *
 * `call` (borrowed, may be NULL) says where progress goes and what stops the work. Safe to call from any
 * thread. `*out` stays untouched on failure.
 *
 * Errors: `NIS_ERR_PARSE` (options are not JSON), `NIS_ERR_INVALID_INPUT` (names the field),
 * `NIS_ERR_NUMERICAL`, `NIS_ERR_CANCELLED`.
 *
 * # Safety
 * `s` must be NULL (refused unless `points` is 0) or lead to `2 * points` readable numbers, `response`
 * likewise to `2 * points * outputs * inputs`, `weights` NULL or to `weights_len`; `options_json` must be NULL
 * or lead to `options_len` readable bytes; `call` must be NULL or lead to `struct_size` readable bytes, its
 * functions must be callable from any thread and its `cancel` must be NULL or live; `out` must be NULL
 * (refused) or point to writable memory for one buffer.
 */
enum nis_status nis_laplace_fit_response(const double *s,
                                         size_t points,
                                         const double *response,
                                         size_t outputs,
                                         size_t inputs,
                                         const double *weights,
                                         size_t weights_len,
                                         const char *options_json,
                                         size_t options_len,
                                         const struct nis_call_options *call,
                                         struct nis_buffer *out);

/**
 * Tests a system for passivity and writes the result as JSON to `*out`; free it with `nis_buffer_free`.
 *
 * `system_json` (UTF-8, `system_len` bytes) is a system in pole-residue form, as in the result of
 * `nis_laplace_fit_response`; `representation` (`representation_len` bytes) is `scattering` or `immittance`.
 * Both are borrowed for the call. The result holds `passive`, `stable`, `linear_passive`, `bands` (`from`,
 * `to`, `at`, `worst`; null for infinity), `worst`, `worst_at`, `method` and `states`.
 *
 * `call` (borrowed, may be NULL) says where progress goes and what stops the work. Safe to call from any
 * thread. `*out` stays untouched on failure.
 *
 * Errors: `NIS_ERR_PARSE`, `NIS_ERR_INVALID_INPUT` (names the field), `NIS_ERR_LIMIT`, `NIS_ERR_NUMERICAL`,
 * `NIS_ERR_CANCELLED`.
 *
 * # Safety
 * The texts must be NULL (refused) or lead to as many readable bytes as their lengths say; `call` must be NULL
 * or lead to `struct_size` readable bytes, its functions must be callable from any thread and its `cancel`
 * must be NULL or live; `out` must be NULL (refused) or point to writable memory for one buffer.
 */
enum nis_status nis_laplace_passivity(const char *system_json,
                                      size_t system_len,
                                      const char *representation,
                                      size_t representation_len,
                                      const struct nis_call_options *call,
                                      struct nis_buffer *out);

/**
 * Changes residues and `D` of a system as little as possible until it is passive, and writes the result as
 * JSON to `*out`; free it with `nis_buffer_free`.
 *
 * `system_json` and `representation` as in `nis_laplace_passivity`; `options_json` (UTF-8, `options_len`
 * bytes) may be NULL for the defaults; its keys are `omega` (angular frequencies at which the change counts),
 * `max_iterations`, `margin`, `fallback`. All are borrowed for the call. The result holds `system`, `report`
 * (`enforced`, `method`, `iterations`, `change_rms`, `change_relative`, `change_max`), `before` and `after` (as
 * from `nis_laplace_passivity`). A system that could not be made passive is no error: `enforced` is false.
 *
 * `call` (borrowed, may be NULL) says where progress goes and what stops the work. Safe to call from any
 * thread. `*out` stays untouched on failure.
 *
 * Errors: `NIS_ERR_PARSE`, `NIS_ERR_INVALID_INPUT` (names the field; also for unstable systems),
 * `NIS_ERR_LIMIT`, `NIS_ERR_NUMERICAL`, `NIS_ERR_CANCELLED`.
 *
 * # Safety
 * The texts must be NULL (refused, but for the options) or lead to as many readable bytes as their lengths
 * say; `call` must be NULL or lead to `struct_size` readable bytes, its functions must be callable from any
 * thread and its `cancel` must be NULL or live; `out` must be NULL (refused) or point to writable memory for
 * one buffer.
 */
enum nis_status nis_laplace_enforce_passivity(const char *system_json,
                                              size_t system_len,
                                              const char *representation,
                                              size_t representation_len,
                                              const char *options_json,
                                              size_t options_len,
                                              const struct nis_call_options *call,
                                              struct nis_buffer *out);

/**
 * The Laplace transform of an evenly sampled record at arbitrary points.
 *
 * `signal` holds `samples` samples of `kind` (one of `NIS_SAMPLES_F64`, `.._F32`, `.._COMPLEX_F64`, `.._COMPLEX_F32`) at `t0`, `t0 + dt`, ..; `s` holds `points`
 * complex numbers (re, im interleaved, 1/time unit). `options_json` (UTF-8, `options_len` bytes) may be NULL for
 * the defaults; its keys are `quadrature` (`spline`, `simpson`, `trapezoid`, `rectangle`), `extent` (`record`,
 * `signal`), `tail` (`estimated`, `zero`, or `{"given": {"amplitude": .., "rate": ..}}`) and `threads` (0: all).
 * All are borrowed for the call.
 *
 * Writes `points` complex numbers to `values`, as many error estimates to `error` and bounds of the part after
 * the record to `tail` (infinite where it does not converge); the last two may be NULL. All stay untouched on
 * failure. `call` (borrowed, may be NULL) says where progress goes and what stops the work. Safe to call from any
 * thread.
 *
 * Errors: `NIS_ERR_PARSE` (options are not JSON), `NIS_ERR_INVALID_INPUT` (names the field),
 * `NIS_ERR_CANCELLED`, `NIS_ERR_LIMIT`.
 *
 * # Safety
 * `signal` must be NULL (refused unless `samples` is 0) or lead to `samples` readable samples of the kind, `s` to
 * `2 * points` readable numbers; `options_json` must be NULL or lead to `options_len` readable bytes; `call` must
 * be NULL or lead to `struct_size` readable bytes, its functions must be callable from any thread and its
 * `cancel` must be NULL or live; `values` must lead to `2 * points` writable numbers, `error` and `tail` each be
 * NULL or lead to `points`.
 */
enum nis_status nis_laplace_transform(const void *signal,
                                      uint32_t kind,
                                      size_t samples,
                                      double t0,
                                      double dt,
                                      const double *s,
                                      size_t points,
                                      const char *options_json,
                                      size_t options_len,
                                      const struct nis_call_options *call,
                                      double *values,
                                      double *error,
                                      double *tail);

/**
 * The Laplace transform of a record with uneven, rising `times` (`samples` numbers) at arbitrary points. The rest
 * is that of `nis_laplace_transform`; `quadrature` is `spline` or `trapezoid`.
 *
 * Errors: those of `nis_laplace_transform`.
 *
 * # Safety
 * That of `nis_laplace_transform`; `times` must be NULL (refused unless `samples` is 0) or lead to `samples`
 * readable numbers.
 */
enum nis_status nis_laplace_transform_nonuniform(const double *times,
                                                 const void *signal,
                                                 uint32_t kind,
                                                 size_t samples,
                                                 const double *s,
                                                 size_t points,
                                                 const char *options_json,
                                                 size_t options_len,
                                                 const struct nis_call_options *call,
                                                 double *values,
                                                 double *error,
                                                 double *tail);

/**
 * Makes a plan for records of `samples` samples at `t0`, `t0 + dt`, .. and the points
 * `sigma + j (omega0 + k step)`, `k = 0 .. points - 1`, and writes it to `*out`; free it with
 * `nis_line_plan_free`. Options as in `nis_laplace_transform`. `*out` stays untouched on failure. Safe to call from
 * any thread.
 *
 * Errors: `NIS_ERR_PARSE`, `NIS_ERR_INVALID_INPUT` (names the field), `NIS_ERR_LIMIT`.
 *
 * # Safety
 * `options_json` must be NULL or lead to `options_len` readable bytes; `out` must be NULL (refused) or point to
 * writable memory for one pointer.
 */
enum nis_status nis_line_plan_new(size_t samples,
                                  double t0,
                                  double dt,
                                  double sigma,
                                  double omega0,
                                  double step,
                                  size_t points,
                                  const char *options_json,
                                  size_t options_len,
                                  struct nis_line_plan_t **out);

/**
 * The transform of one record of the planned length; results as in `nis_laplace_transform`.
 *
 * Errors: those of `nis_laplace_transform`.
 *
 * # Safety
 * `plan` must be NULL (refused) or live; the rest is that of `nis_laplace_transform`, with the plan's number of
 * points.
 */
enum nis_status nis_line_plan_transform(const struct nis_line_plan_t *plan,
                                        const void *signal,
                                        uint32_t kind,
                                        size_t samples,
                                        const struct nis_call_options *call,
                                        double *values,
                                        double *error,
                                        double *tail);

/**
 * Frees a plan. NULL is fine.
 *
 * # Safety
 * `plan` must be NULL or come from `nis_line_plan_new`, and is not used afterwards.
 */
void nis_line_plan_free(struct nis_line_plan_t *plan);

/**
 * Inverts a Laplace transform given as a formula in `s`, at the times `t > 0`, and writes the result as JSON
 * to `*out`; free it with `nis_buffer_free`.
 *
 * `formula` (UTF-8, `formula_len` bytes) is text such as "exp(-2*s)/(s^2 + 1)": `exp`, `log`, `sqrt` and the
 * others with principal branches; delays are found and split off. `invert_json` (`invert_len` bytes, or NULL
 * for the defaults) is an object of `method` ("auto", "talbot", "euler", "de_hoog", "cme",
 * "fourier", "weeks", "rational"), `abscissa` and `nodes`. The result holds the arrays `t`, `value`, `error` (an estimate of the
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

/**
 * Finds the damped modes of an evenly sampled real signal and writes them as JSON to `*out`; free it with
 * `nis_buffer_free`.
 *
 * `signal` holds `samples` numbers at `t0`, `t0 + dt`, ... `options_json` (UTF-8, `options_len` bytes) may be NULL
 * for the defaults; its keys are `order` (null: chosen), `max_order` and `detrend` (`none`, `mean`, `linear`).
 * Both are borrowed for the call. The result holds `modes` (each with `pole`, `pole_se`, `pole_bound`, `residue`,
 * `frequency`, `period`, `damping_ratio`, `amplitude`, `phase`, `power_share` and standard errors), `order`,
 * `order_reason`, `order_rule`, `offset`, `slope`, `noise_std`, `residual_rms`, `explained` and `fitted`. Complex
 * numbers are pairs.
 *
 * `call` (borrowed, may be NULL) says where progress goes and what stops the work. Safe to call from any thread.
 * `*out` stays untouched on failure.
 *
 * Errors: `NIS_ERR_PARSE`, `NIS_ERR_INVALID_INPUT` (names the field), `NIS_ERR_NUMERICAL`, `NIS_ERR_CANCELLED`.
 *
 * # Safety
 * `signal` must be NULL (refused unless `samples` is 0) or lead to `samples` readable numbers; `options_json` must
 * be NULL or lead to `options_len` readable bytes; `call` must be NULL or lead to `struct_size` readable bytes, its
 * functions must be callable from any thread and its `cancel` must be NULL or live; `out` must be NULL (refused)
 * or point to writable memory for one buffer.
 */
enum nis_status nis_laplace_modes(const double *signal,
                                  size_t samples,
                                  double t0,
                                  double dt,
                                  const char *options_json,
                                  size_t options_len,
                                  const struct nis_call_options *call,
                                  struct nis_buffer *out);

/**
 * Finds the modes that several channels share, of real or complex samples, and writes them as JSON to `*out`; free
 * it with `nis_buffer_free`.
 *
 * `signals` holds `channels` channels of `samples` samples of `kind` (such as `NIS_SAMPLES_F64`), one after the other.
 * Options as in `nis_laplace_modes`. The result holds `modes` (each with `pole`, `pair`, `pole_se`, `pole_bound`,
 * `frequency`, `damping_ratio`, and `residues`, `residue_se` and `power_share` by channel), `order`,
 * `order_reason`, `order_rule`, and `offset`, `slope`, `noise_std` and `explained` by channel.
 *
 * `call` (borrowed, may be NULL) says where progress goes and what stops the work. Safe to call from any thread.
 * `*out` stays untouched on failure.
 *
 * Errors: those of `nis_laplace_modes`.
 *
 * # Safety
 * `signals` must be NULL (refused unless there are no samples) or lead to `channels * samples` readable samples of
 * the kind; the rest is that of `nis_laplace_modes`.
 */
enum nis_status nis_laplace_shared_modes(const void *signals,
                                         uint32_t kind,
                                         size_t channels,
                                         size_t samples,
                                         double t0,
                                         double dt,
                                         const char *options_json,
                                         size_t options_len,
                                         const struct nis_call_options *call,
                                         struct nis_buffer *out);

/**
 * Makes a system from JSON and writes its handle to `*out`; free it with `nis_laplace_system_free`.
 *
 * `spec_json` (UTF-8, `spec_len` bytes, borrowed for the call) is an object with one key:
 * `{"pole_residue": {"outputs": 1, "inputs": 1, "terms": [{"pole": [re, im], "residue": [[re, im]]}],
 * "direct": [0]}}`, `{"state_space": {"states", "inputs", "outputs", "a", "b", "c", "d", "dt"}}` (matrices by
 * rows), `{"zpk": {"zeros", "poles", "gain", "dt"}}` or `{"coefficients": {"numerator", "denominator", "dt"}}`
 * (highest power first; inaccurate from order 20 or so). `*out` stays untouched on failure. Safe to call from
 * any thread.
 *
 * Errors: `NIS_ERR_PARSE` (not JSON), `NIS_ERR_INVALID_INPUT` (names the field), `NIS_ERR_NUMERICAL`,
 * `NIS_ERR_LIMIT`.
 *
 * # Safety
 * `spec_json` must be NULL (refused) or lead to `spec_len` readable bytes; `out` must be NULL (refused) or
 * point to writable memory for one pointer.
 */
enum nis_status nis_laplace_system_new(const char *spec_json,
                                       size_t spec_len,
                                       struct nis_system_t **out);

/**
 * Frees a system. NULL is fine.
 *
 * # Safety
 * `system` must be NULL or a handle of this library that is not freed yet and that no other thread uses.
 */
void nis_laplace_system_free(struct nis_system_t *system);

/**
 * Writes the system as JSON, in the form that `nis_laplace_system_new` reads, to `*out`; free it with
 * `nis_buffer_free`. `*out` stays untouched on failure. Safe to call from any thread.
 *
 * Errors: `NIS_ERR_INVALID_INPUT` (NULL).
 *
 * # Safety
 * `system` must be NULL (refused) or live; `out` must be NULL (refused) or point to writable memory for one
 * buffer.
 */
enum nis_status nis_laplace_system_json(const struct nis_system_t *system, struct nis_buffer *out);

/**
 * Writes the numbers of outputs and inputs, by which arrays are sized. A NULL `outputs` or `inputs` is skipped.
 * Safe to call from any thread.
 *
 * Errors: `NIS_ERR_INVALID_INPUT` (NULL system).
 *
 * # Safety
 * `system` must be NULL (refused) or live; `outputs` and `inputs` must be NULL or point to writable memory for
 * one value each.
 */
enum nis_status nis_laplace_system_size(const struct nis_system_t *system,
                                        size_t *outputs,
                                        size_t *inputs);

/**
 * Writes what is known of the system as JSON to `*out`: `outputs`, `inputs`, `dt`, `stable`, `dc_gain` (by rows;
 * null where it is infinite), `poles` (each with `pole` [re, im], `natural_frequency`, `damping_ratio`,
 * `time_constant`) and the invariant `zeros`. Free it with `nis_buffer_free`. `*out` stays untouched on failure.
 * Safe to call from any thread.
 *
 * Errors: `NIS_ERR_INVALID_INPUT` (NULL, or a linear term that leaves the zeros undefined), `NIS_ERR_NUMERICAL`.
 *
 * # Safety
 * `system` must be NULL (refused) or live; `out` must be NULL (refused) or point to writable memory for one
 * buffer.
 */
enum nis_status nis_laplace_zeros(const struct nis_system_t *system,
                                  struct nis_buffer *out);

/**
 * As `nis_laplace_zeros`, for systems of hundreds of states: `options` (borrowed, may be NULL) says where progress
 * goes and what stops the work. Between two reports lies one decomposition at most.
 *
 * Errors: as `nis_laplace_zeros`; `NIS_ERR_CANCELLED`.
 *
 * # Safety
 * As `nis_laplace_margins`.
 */
enum nis_status nis_laplace_describe(const struct nis_system_t *system,
                                     const struct nis_call_options *options,
                                     struct nis_buffer *out);

/**
 * A response of many points or states, with progress: `what` 0 for `H(j omega)` at `n` angular frequencies `x`
 * (`2 * outputs * inputs * n` doubles, laid out as those of `nis_laplace_frequency_response`), 1 for the step and 2
 * for the impulse response at `n` times `x` (`outputs * inputs * n` doubles, as those of `nis_laplace_step`).
 * `options` (borrowed, may be NULL) says where progress goes and what stops the work. Borrowed for the call; `values`
 * stays untouched on failure. Safe to call from any thread.
 *
 * Errors: as those functions; `NIS_ERR_CANCELLED`.
 *
 * # Safety
 * `system`, `options` as for `nis_laplace_margins`; `x` must lead to `n` readable and `values` to `values_len`
 * writable, initialised values.
 */
enum nis_status nis_laplace_response(const struct nis_system_t *system,
                                     uint32_t what,
                                     const struct nis_call_options *options,
                                     const double *x,
                                     size_t n,
                                     double *values,
                                     size_t values_len);

/**
 * `H(j omega)` (`H(e^{j omega dt})` of a discrete system) at `n` angular frequencies. `response` takes
 * `2 * outputs * inputs * n` doubles: real and imaginary part of output `o`, input `i` at `omega[k]` stand at
 * `2 * ((o * inputs + i) * n + k)`; infinite where `omega[k]` is a pole. Borrowed for the call; `response` stays
 * untouched on failure. Safe to call from any thread.
 *
 * Errors: `NIS_ERR_INVALID_INPUT` (NULL, a frequency that is not finite, another length), `NIS_ERR_NUMERICAL`.
 *
 * # Safety
 * `system` must be NULL (refused) or live; `omega` must lead to `n` readable and `response` to `response_len`
 * writable, initialised values.
 */
enum nis_status nis_laplace_frequency_response(const struct nis_system_t *system,
                                               const double *omega,
                                               size_t n,
                                               double *response,
                                               size_t response_len);

/**
 * Magnitude, decibels and unwrapped phase (radians) at `n` angular frequencies; each array takes
 * `outputs * inputs * n = len` doubles, output `o`, input `i` at `omega[k]` at `(o * inputs + i) * n + k`. A NULL
 * array is skipped. As `nis_laplace_frequency_response` otherwise.
 *
 * Errors: `NIS_ERR_INVALID_INPUT`, `NIS_ERR_NUMERICAL`.
 *
 * # Safety
 * `system` must be NULL (refused) or live; `omega` must lead to `n` readable values; each of the arrays must be
 * NULL or lead to `len` writable, initialised values, and they must not overlap.
 */
enum nis_status nis_laplace_bode(const struct nis_system_t *system,
                                 const double *omega,
                                 size_t n,
                                 double *magnitude,
                                 double *decibel,
                                 double *phase,
                                 size_t len);

/**
 * Step response of every output to a unit step at time 0 in every input, at `n` increasing times from 0 on (at
 * multiples of `dt` for a discrete system). `y` takes `outputs * inputs * n` doubles: output `o`, input `i` at
 * `t[k]` at `(o * inputs + i) * n + k`. Borrowed for the call; `y` stays untouched on failure. Safe to call from
 * any thread.
 *
 * Errors: `NIS_ERR_INVALID_INPUT` (names the time), `NIS_ERR_NUMERICAL` (overflow).
 *
 * # Safety
 * `system` must be NULL (refused) or live; `t` must lead to `n` readable and `y` to `y_len` writable,
 * initialised values.
 */
enum nis_status nis_laplace_step(const struct nis_system_t *system,
                                 const double *t,
                                 size_t n,
                                 double *y,
                                 size_t y_len);

/**
 * Impulse response, as `nis_laplace_step`; without the Dirac impulse of a direct term.
 *
 * Errors: as `nis_laplace_step`.
 *
 * # Safety
 * As `nis_laplace_step`.
 */
enum nis_status nis_laplace_impulse(const struct nis_system_t *system,
                                    const double *t,
                                    size_t n,
                                    double *y,
                                    size_t y_len);

/**
 * Output for an input that goes straight (`hold` 1) or stays (`hold` 0) between its samples, exact in both
 * cases. `u` holds `inputs * n` samples, input `i` at `t[k]` at `i * n + k`; `y` takes `outputs * n` doubles in
 * the same manner. `x0` is the state at `t[0]` of the system's state-space form (`x0_len` 0: at rest). Borrowed
 * for the call; `y` stays untouched on failure. Safe to call from any thread.
 *
 * Errors: `NIS_ERR_INVALID_INPUT` (names the field), `NIS_ERR_NUMERICAL` (overflow).
 *
 * # Safety
 * `system` must be NULL (refused) or live; `t`, `u` and `x0` must lead to `n`, `u_len` and `x0_len` readable and
 * `y` to `y_len` writable, initialised values.
 */
enum nis_status nis_laplace_simulate(const struct nis_system_t *system,
                                     const double *t,
                                     size_t n,
                                     const double *u,
                                     size_t u_len,
                                     const double *x0,
                                     size_t x0_len,
                                     uint32_t hold,
                                     double *y,
                                     size_t y_len);

/**
 * Writes a default time grid (`what` 0) or frequency grid (`what` 1), chosen from the poles, as a JSON array to
 * `*out`; free it with `nis_buffer_free`. `*out` stays untouched on failure. Safe to call from any thread.
 *
 * Errors: `NIS_ERR_INVALID_INPUT`, `NIS_ERR_NUMERICAL`.
 *
 * # Safety
 * `system` must be NULL (refused) or live; `out` must be NULL (refused) or point to writable memory for one
 * buffer.
 */
enum nis_status nis_laplace_grid(const struct nis_system_t *system,
                                 uint32_t what,
                                 struct nis_buffer *out);

/**
 * Writes all stability margins of the system as an open loop under negative feedback as JSON to `*out`:
 * `closed_loop_stable`, `gain` and `phase` (every crossover), `gain_margin`, `gain_reduction`, `phase_margin`,
 * `delay_margin`, `modulus_margin`. Free it with `nis_buffer_free`. `options` (borrowed, may be NULL) says where
 * progress goes and what stops the work. `*out` stays untouched on failure. Safe to call from any thread.
 *
 * Errors: `NIS_ERR_INVALID_INPUT` (more than one input or output), `NIS_ERR_NUMERICAL`, `NIS_ERR_CANCELLED`.
 *
 * # Safety
 * `system` must be NULL (refused) or live; `options` must be NULL or lead to `struct_size` readable bytes, its
 * functions must be callable from any thread and its `cancel` must be NULL or live; `out` must be NULL
 * (refused) or point to writable memory for one buffer.
 */
enum nis_status nis_laplace_margins(const struct nis_system_t *system,
                                    const struct nis_call_options *options,
                                    struct nis_buffer *out);

/**
 * Reduces the system by balanced truncation and writes the result as JSON to `*out`: `system` (the body of a
 * `state_space`), `order`, `unstable`, `hankel_singular_values`, `error_bound`. Free it with `nis_buffer_free`.
 *
 * `options_json` (UTF-8, borrowed, may be NULL for defaults): `{"order": 6}` or `{"tolerance": 1e-6}` (bound
 * against the largest Hankel singular value), `"match_dc": true`. `options` as in `nis_laplace_margins`. `*out`
 * stays untouched on failure. Safe to call from any thread.
 *
 * Errors: `NIS_ERR_PARSE`, `NIS_ERR_INVALID_INPUT` (names the field), `NIS_ERR_NUMERICAL`,
 * `NIS_ERR_CANCELLED`.
 *
 * # Safety
 * As `nis_laplace_margins`; `options_json` must be NULL or lead to `options_json_len` readable bytes.
 */
enum nis_status nis_laplace_reduce(const struct nis_system_t *system,
                                   const char *options_json,
                                   size_t options_json_len,
                                   const struct nis_call_options *options,
                                   struct nis_buffer *out);

/**
 * The discrete system with sampling interval `dt`, as a new handle in `*out`; free it with
 * `nis_laplace_system_free`. `options_json` (UTF-8, borrowed, may be NULL for defaults):
 * `{"method": "zoh" | "foh" | "tustin" | "matched", "prewarp": omega}`. `*out` stays untouched on failure. Safe
 * to call from any thread.
 *
 * Errors: `NIS_ERR_PARSE`, `NIS_ERR_INVALID_INPUT` (names the field), `NIS_ERR_NUMERICAL`.
 *
 * # Safety
 * `system` must be NULL (refused) or live; `options_json` must be NULL or lead to `options_json_len` readable
 * bytes; `out` must be NULL (refused) or point to writable memory for one pointer.
 */
enum nis_status nis_laplace_discretize(const struct nis_system_t *system,
                                       double dt,
                                       const char *options_json,
                                       size_t options_json_len,
                                       struct nis_system_t **out);

/**
 * Joins two systems into a new handle in `*out`; free it with `nis_laplace_system_free`. `how` (UTF-8, `how_len`
 * bytes) is `series` (`a`, then `b`), `parallel` (their sum), `append` (side by side), `feedback` (`a` with `b`
 * from its outputs to its inputs, subtracted) or `positive_feedback`. `*out` stays untouched on failure. Safe
 * to call from any thread.
 *
 * Errors: `NIS_ERR_INVALID_INPUT` (names what does not fit), `NIS_ERR_NUMERICAL` (a singular loop).
 *
 * # Safety
 * `a` and `b` must be NULL (refused) or live; `how` must be NULL (refused) or lead to `how_len` readable bytes;
 * `out` must be NULL (refused) or point to writable memory for one pointer.
 */
enum nis_status nis_laplace_connect(const struct nis_system_t *a,
                                    const struct nis_system_t *b,
                                    const char *how,
                                    size_t how_len,
                                    struct nis_system_t **out);

/**
 * The system in the other form as a new handle in `*out`; free it with `nis_laplace_system_free`. `form` 0 is
 * state space, 1 pole-residue, which is refused with `NIS_ERR_NUMERICAL` where the poles lie too close together
 * for it to agree within `tolerance` (relative; not used for form 0). `*out` stays untouched on failure. Safe
 * to call from any thread.
 *
 * Errors: `NIS_ERR_INVALID_INPUT`, `NIS_ERR_NUMERICAL`.
 *
 * # Safety
 * `system` must be NULL (refused) or live; `out` must be NULL (refused) or point to writable memory for one
 * pointer.
 */
enum nis_status nis_laplace_convert(const struct nis_system_t *system,
                                    uint32_t form,
                                    double tolerance,
                                    struct nis_system_t **out);

/**
 * Makes a network that is not fitted yet and writes its handle to `*out`; free it with `nis_kan_free`.
 *
 * `spec_json` (UTF-8, `spec_len` bytes, borrowed for the call) is an object: `inputs` (names of the columns),
 * `outputs` (likewise; not used by a classification) and `options` (optional): `task` (`"regression"` or
 * `{"classification": {"classes": [..]}}`), `hidden` (nodes of the hidden layers, null to follow the rows),
 * `products`, `grid`, `order`, `family`, `base`, `outside`, `seed` and `fit` (`method`, `loss`, `max_iterations`,
 * `tolerance`, `smoothness`, `holdout`, `grids`, `update_grid`, `l1`, `entropy`, `batch`, `learning_rate`,
 * `weight_decay`, `patience`, `seed`, `threads`, `precision`). `*out` stays untouched on failure. Safe to call from
 * any thread.
 *
 * Errors: `NIS_ERR_PARSE` (not JSON), `NIS_ERR_INVALID_INPUT` (names the field).
 *
 * # Safety
 * `spec_json` must be NULL (refused) or lead to `spec_len` readable bytes; `out` must be NULL (refused) or point to
 * writable memory for one pointer.
 */
enum nis_status nis_kan_new(const char *spec_json,
                            size_t spec_len,
                            struct nis_kan_t **out);

/**
 * Frees a network. NULL is fine.
 *
 * # Safety
 * `kan` must be NULL or a handle of this library that is not freed yet and that no other thread uses.
 */
void nis_kan_free(struct nis_kan_t *kan);

/**
 * Fits the network to rows, with names and options of `nis_kan_new`, and replaces what it was before. A network that
 * was loaded is fitted anew, with its structure and the default options.
 *
 * `x` holds `rows` rows of as many values as there are inputs; `y` holds as many values per row as there are outputs,
 * for a classification one per row, the index of the class. Both are borrowed for the call. On failure the network
 * stays what it was.
 *
 * `call` (borrowed, may be NULL) says where progress goes and what stops the work. Safe to call from any thread.
 *
 * Errors: `NIS_ERR_INVALID_INPUT` (names the field; a value that is not finite by row and column, from 0),
 * `NIS_ERR_LIMIT`, `NIS_ERR_NUMERICAL`, `NIS_ERR_CANCELLED`.
 *
 * # Safety
 * `kan` must be NULL (refused) or live; `x` and `y` must be NULL (refused unless `rows` is 0) or lead to as many
 * readable numbers as stated; `call` must be NULL or lead to `struct_size` readable bytes, its functions must be
 * callable from any thread and its `cancel` must be NULL or live.
 */
enum nis_status nis_kan_fit(const struct nis_kan_t *kan,
                            const double *x,
                            const double *y,
                            size_t rows,
                            const struct nis_call_options *call);

/**
 * Writes how many inputs and outputs the network has to `*inputs` and `*outputs`; either may be NULL. A
 * classification has one output per class, the probability. Safe to call from any thread.
 *
 * Errors: `NIS_ERR_INVALID_INPUT` (NULL, or not fitted yet).
 *
 * # Safety
 * `kan` must be NULL (refused) or live; `inputs` and `outputs` must be NULL or point to writable memory for one number.
 */
enum nis_status nis_kan_size(const struct nis_kan_t *kan,
                             size_t *inputs,
                             size_t *outputs);

/**
 * Predicts `rows` rows of inputs `x` (row by row, borrowed for the call) and writes the outputs, or for a
 * classification the index of the likeliest class, to `out`, which holds `out_len` numbers: as many as there are
 * outputs per row, 1 for a classification. `out` stays untouched on failure. Safe to call from any thread.
 *
 * Errors: `NIS_ERR_INVALID_INPUT` (names the field; a value that is not finite by row and column, from 0),
 * `NIS_ERR_NUMERICAL` (a prediction overflows).
 *
 * # Safety
 * `kan` must be NULL (refused) or live; `x` must be NULL (refused unless `rows` is 0) or lead to as many readable
 * numbers as stated; `out` must be NULL (refused unless `out_len` is 0) or lead to `out_len` writable, initialised
 * numbers that nobody else uses.
 */
enum nis_status nis_kan_predict(const struct nis_kan_t *kan,
                                const double *x,
                                size_t rows,
                                double *out,
                                size_t out_len);

/**
 * The same as `nis_kan_predict` with single precision in and out; the arithmetic between is that of
 * `nis_kan_predict`.
 *
 * Errors: as `nis_kan_predict`.
 *
 * # Safety
 * As `nis_kan_predict`.
 */
enum nis_status nis_kan_predict_f32(const struct nis_kan_t *kan,
                                    const float *x,
                                    size_t rows,
                                    float *out,
                                    size_t out_len);

/**
 * Writes the probabilities of the classes for `rows` rows of inputs to `out`, which holds `out_len` numbers, one per
 * class and row. `out` stays untouched on failure. Safe to call from any thread.
 *
 * Errors: as `nis_kan_predict`; `NIS_ERR_INVALID_INPUT` for a regression.
 *
 * # Safety
 * As `nis_kan_predict`.
 */
enum nis_status nis_kan_predict_proba(const struct nis_kan_t *kan,
                                      const double *x,
                                      size_t rows,
                                      double *out,
                                      size_t out_len);

/**
 * Reads the network as formulas and writes them as JSON to `*out`; free it with `nis_buffer_free`. Edges and nodes of
 * little importance are left out first, in a copy: the network stays as it is.
 *
 * `x` and `y` are rows as of `nis_kan_fit`, best those of the fit; they decide between forms and judge the formula.
 * `options_json` (UTF-8, `options_len` bytes) may be NULL for the defaults; its keys are `edge`, `keep`,
 * `search_rows`, `holdout_rows`, `holdout`, `seed`, `threshold`, `loss` and `good`. All are borrowed for the call.
 *
 * The result is a list with an object per output: `target`, `found`, `reason`, `formula`, `latex`, `expr`,
 * `constants` (`name`, `value`, `std_error`), `train_error`, `holdout_error`, `holdout_r2`, `network_error`, `edges`.
 * Where no formula is good enough, `found` is false and `reason` says why.
 *
 * `call` (borrowed, may be NULL) says where progress goes and what stops the work. Safe to call from any thread.
 * `*out` stays untouched on failure.
 *
 * Errors: `NIS_ERR_PARSE` (options are not JSON), `NIS_ERR_INVALID_INPUT` (names the field; also for a
 * classification), `NIS_ERR_CANCELLED`.
 *
 * # Safety
 * `kan` must be NULL (refused) or live; `x` and `y` as of `nis_kan_fit`; `options_json` must be NULL or lead to
 * `options_len` readable bytes; `call` must be NULL or lead to `struct_size` readable bytes, its functions must be
 * callable from any thread and its `cancel` must be NULL or live; `out` must be NULL (refused) or point to writable
 * memory for one buffer.
 */
enum nis_status nis_kan_formula(const struct nis_kan_t *kan,
                                const double *x,
                                const double *y,
                                size_t rows,
                                const char *options_json,
                                size_t options_len,
                                const struct nis_call_options *call,
                                struct nis_buffer *out);

/**
 * Writes what the network is and how its fit went as JSON to `*out`; free it with `nis_buffer_free`.
 *
 * The object holds `inputs` and `outputs` (`name`, `shift`, `scale`), `task`, `widths`, `parameters`, `rows` and
 * `report` (`method`, `iterations`, `stop`, `grid`, `smoothness`, `train_error`, `holdout_error`, `holdout_rows`,
 * `history`; errors in standard deviations of the outputs). `*out` stays untouched on failure. Safe to call from any
 * thread.
 *
 * Errors: `NIS_ERR_INVALID_INPUT` (NULL, or not fitted yet).
 *
 * # Safety
 * `kan` must be NULL (refused) or live; `out` must be NULL (refused) or point to writable memory for one buffer.
 */
enum nis_status nis_kan_describe(const struct nis_kan_t *kan,
                                 struct nis_buffer *out);

/**
 * Writes the network as the bytes of a file to `*out`; free it with `nis_buffer_free`.
 *
 * `options_json` (UTF-8, `options_len` bytes, borrowed for the call) may be NULL for a safetensors file with all bits.
 * Its keys are `format` (`safetensors` and `json`, which `nis_kan_load` reads; `c` and `h`, C99 source and its header;
 * `onnx`), `precision` (`f64` or `f32`; JSON keeps `f64`) and `prefix` (what names in C begin with). `*out` stays
 * untouched on failure. Safe to call from any thread.
 *
 * Errors: `NIS_ERR_PARSE` (options are not JSON), `NIS_ERR_INVALID_INPUT` (names the field), `NIS_ERR_LIMIT`.
 *
 * # Safety
 * `kan` must be NULL (refused) or live; `options_json` must be NULL or lead to `options_len` readable bytes; `out`
 * must be NULL (refused) or point to writable memory for one buffer.
 */
enum nis_status nis_kan_save(const struct nis_kan_t *kan,
                             const char *options_json,
                             size_t options_len,
                             struct nis_buffer *out);

/**
 * Writes the network to a file, as what the end of its name says: `.safetensors`, `.json`, `.c`, `.h` or `.onnx`, with
 * 64 bits. `path` (UTF-8, `path_len` bytes) is borrowed for the call. A file that is there is replaced when the new one
 * is whole. Safe to call from any thread.
 *
 * Errors: `NIS_ERR_INVALID_INPUT` (names the field), `NIS_ERR_LIMIT`, `NIS_ERR_IO`.
 *
 * # Safety
 * `kan` must be NULL (refused) or live; `path` must be NULL (refused) or lead to `path_len` readable bytes.
 */
enum nis_status nis_kan_save_file(const struct nis_kan_t *kan,
                                  const char *path,
                                  size_t path_len);

/**
 * Reads a network that `nis_kan_save` (or another face of NIS) wrote as safetensors or JSON, and writes its handle to
 * `*out`; free it with `nis_kan_free`.
 *
 * `bytes` (`len` of them) is borrowed for the call and may come from anywhere: reading takes at most 64 times its size
 * plus 128 MiB of memory. `*out` stays untouched on failure. Safe to call from any thread.
 *
 * Errors: `NIS_ERR_PARSE`, `NIS_ERR_INVALID_INPUT` (names the field), `NIS_ERR_LIMIT`.
 *
 * # Safety
 * `bytes` must be NULL (refused unless `len` is 0) or lead to `len` readable bytes; `out` must be NULL (refused) or
 * point to writable memory for one pointer.
 */
enum nis_status nis_kan_load(const uint8_t *bytes,
                             size_t len,
                             struct nis_kan_t **out);

/**
 * The same as `nis_kan_load` for the file at `path` (UTF-8, `path_len` bytes, borrowed for the call).
 *
 * Errors: as `nis_kan_load`; `NIS_ERR_IO`.
 *
 * # Safety
 * `path` must be NULL (refused) or lead to `path_len` readable bytes; `out` must be NULL (refused) or point to writable
 * memory for one pointer.
 */
enum nis_status nis_kan_load_file(const char *path,
                                  size_t path_len,
                                  struct nis_kan_t **out);

/**
 * Checks whether data obey the laws of physics that are declared for them, and writes the verdicts as JSON to
 * `*out`; free it with `nis_buffer_free`.
 *
 * `spec_json` (UTF-8, `spec_len` bytes, borrowed for the call) is an object with `numbers` (by name: a number, a text
 * like "5 km/h", `{"value", "unit"}`, `{"constant"}`), `columns` (by name: a list, or `{"values", "unit", "noise"}`),
 * `time` (the column of times), `grid` (`axes`, `fields`), `claims` (objects with `law`, such as
 * `{"law": "equation", "text": "F = m*a"}`) and `checks` (kinds that are wanted; empty: all that apply); see
 * docs/physics.md. `arrays` (`array_count` of them, borrowed for the call, may be NULL where there are none) give
 * values of columns and fields directly: their units stand in `spec_json`.
 *
 * The result holds `overall` (`valid`, `violated` or `not_checked`), `verdicts` (each with `check`, `status`,
 * `statistic`, `threshold`, `effect`, `explanation`, `noise`), `kinds` and `version`.
 *
 * `call` (borrowed, may be NULL) says where progress goes and what stops the work. Safe to call from any thread.
 * `*out` stays untouched on failure.
 *
 * Errors: `NIS_ERR_PARSE`, `NIS_ERR_INVALID_INPUT` (names the field), `NIS_ERR_LIMIT`, `NIS_ERR_CANCELLED`.
 *
 * # Safety
 * `spec_json` must be NULL (refused) or lead to `spec_len` readable bytes; `arrays` must be NULL (refused unless
 * `array_count` is 0) or lead to `array_count` structures whose `name` and `values` lead to as many readable bytes
 * and numbers as they say; `call` must be NULL or lead to `struct_size` readable bytes, its functions must be callable
 * from any thread and its `cancel` must be NULL or live; `out` must be NULL (refused) or point to writable memory for
 * one buffer.
 */
enum nis_status nis_physics_validate(const char *spec_json,
                                     size_t spec_len,
                                     const struct nis_physics_array *arrays,
                                     size_t array_count,
                                     const struct nis_call_options *call,
                                     struct nis_buffer *out);

/**
 * Solves a differential equation, or fits its unknown parameters to data, and writes the handle of the solution to
 * `*out`; free it with `nis_solution_free`.
 *
 * `problem_json` (UTF-8, `problem_len` bytes) is an object: `equations` (texts such as `"u_t = a*u_xx"`), `domain`
 * (`{"x": [0, 1], "t": [0, 1]}`; optional `shape` and `holes` in the plane), `conditions` (texts such as
 * `"u(x,0) = sin(pi*x)"`), `parameters` (numbers, formulas as text, `"?"` or `{"start": 1.0}` for one to be found,
 * `[low, high]` for a family) and `data` (`fields`, `points`, `values`, `noise`) for parameters to be found.
 *
 * `options_json` (UTF-8, `options_len` bytes) may be NULL for the defaults; else an object with any of `method`
 * (`"auto"`, `"features"`, `"network"`, `"integrate"`), `tolerance`, `seed`, `threads`, `max_seconds`, `features` and
 * `network`.
 *
 * Data may also come as arrays: then `data` of the problem holds `fields` (and `noise`) only, `points` holds
 * `data_rows` rows of coordinates (space by name, then `t`) and `values` as many rows of fields, NaN where a field was
 * not measured. Otherwise NULL, NULL and 0.
 *
 * All of these are borrowed for the call, as is `call` (may be NULL), which says where progress goes and what stops
 * the work. `*out` stays untouched on failure. A solution that did not converge is no failure: `nis_solution_json`
 * says so. Safe to call from any thread.
 *
 * Errors: `NIS_ERR_PARSE` (not JSON, or a text that cannot be read; the message has the column),
 * `NIS_ERR_INVALID_INPUT` (names the field), `NIS_ERR_NOT_FOUND`, `NIS_ERR_NUMERICAL` (no finite solution was found),
 * `NIS_ERR_LIMIT`, `NIS_ERR_CANCELLED`.
 *
 * # Safety
 * `problem_json` must be NULL (refused) or lead to `problem_len` readable bytes, `options_json` NULL or to
 * `options_len`; `points` and `values` must be NULL (refused unless `data_rows` is 0) or lead to as many readable
 * numbers as stated; `call` must be NULL or lead to `struct_size` readable bytes, its functions must be callable from
 * any thread and its `cancel` must be NULL or live; `out` must be NULL (refused) or point to writable memory for one
 * pointer.
 */
enum nis_status nis_solve(const char *problem_json,
                          size_t problem_len,
                          const char *options_json,
                          size_t options_len,
                          const double *points,
                          const double *values,
                          size_t data_rows,
                          const struct nis_call_options *call,
                          struct nis_solution_t **out);

/**
 * Frees a solution. NULL is fine.
 *
 * # Safety
 * `solution` must be NULL or a handle of this library that is not freed yet and that no other thread uses.
 */
void nis_solution_free(struct nis_solution_t *solution);

/**
 * Writes how many coordinates a point has and how many fields there are to `*coordinates` and `*fields`; either may be
 * NULL. Safe to call from any thread.
 *
 * Errors: `NIS_ERR_INVALID_INPUT` (NULL).
 *
 * # Safety
 * `solution` must be NULL (refused) or live; `coordinates` and `fields` must be NULL or point to writable memory for
 * one number.
 */
enum nis_status nis_solution_size(const struct nis_solution_t *solution,
                                  size_t *coordinates,
                                  size_t *fields);

/**
 * Writes the values of all fields at `n` points to `out`, which holds `out_len` numbers: as many as there are fields
 * per point, in the order that `nis_solution_json` tells. `points` holds `n` rows of coordinates, likewise in order,
 * borrowed for the call. Points outside the domain are refused, unless `outside` is not 0, which extrapolates. `out`
 * stays untouched on failure. Safe to call from any thread.
 *
 * Errors: `NIS_ERR_INVALID_INPUT` (names the point or the length).
 *
 * # Safety
 * `solution` must be NULL (refused) or live; `points` must be NULL (refused unless `n` is 0) or lead to `n` rows of
 * readable numbers; `out` must be NULL (refused unless `out_len` is 0) or lead to `out_len` writable numbers.
 */
enum nis_status nis_solution_evaluate(const struct nis_solution_t *solution,
                                      const double *points,
                                      size_t n,
                                      int outside,
                                      double *out,
                                      size_t out_len);

/**
 * Writes one derivative of a field (`name`, UTF-8, `name_len` bytes: `u_x`, `u_xt`, `u''`) at `n` points of the domain
 * to `out`, which holds `out_len` numbers: `n`. `points` as for `nis_solution_evaluate`; both are borrowed for the
 * call. `out` stays untouched on failure. Safe to call from any thread.
 *
 * Errors: `NIS_ERR_NOT_FOUND` (no such field or coordinate), `NIS_ERR_LIMIT` (too high an order),
 * `NIS_ERR_INVALID_INPUT` (names the point or the length).
 *
 * # Safety
 * `solution` must be NULL (refused) or live; `name` must be NULL (refused) or lead to `name_len` readable bytes;
 * `points` must be NULL (refused unless `n` is 0) or lead to `n` rows of readable numbers; `out` must be NULL (refused
 * unless `out_len` is 0) or lead to `out_len` writable numbers.
 */
enum nis_status nis_solution_derivative(const struct nis_solution_t *solution,
                                        const char *name,
                                        size_t name_len,
                                        const double *points,
                                        size_t n,
                                        double *out,
                                        size_t out_len);

/**
 * Compares with reference values at `n` points and writes the outcome as JSON to `*out`; free it with
 * `nis_buffer_free`. `points` as for `nis_solution_evaluate`, `values` a row of fields for each, NaN where the
 * reference has none; both borrowed for the call. The object holds `points`, `relative_l2` and, per field,
 * `relative_l2`, `rms`, `max` and where that is. `*out` stays untouched on failure. Safe to call from any thread.
 *
 * Errors: `NIS_ERR_INVALID_INPUT` (names the point or the value).
 *
 * # Safety
 * `solution` must be NULL (refused) or live; `points` and `values` must be NULL (refused unless `n` is 0) or lead to
 * `n` rows of readable numbers; `out` must be NULL (refused) or point to writable memory for one buffer.
 */
enum nis_status nis_solution_compare(const struct nis_solution_t *solution,
                                     const double *points,
                                     const double *values,
                                     size_t n,
                                     struct nis_buffer *out);

/**
 * Writes what is known of the solution as JSON to `*out`; free it with `nis_buffer_free`. The object holds `problem`,
 * `coordinates`, `ranges`, `fields`, `parameters` (value and standard error of those that were found), `method`,
 * `iterations`, `converged`, `valid`, `notes`, `certificate` (residual per equation, error per condition, estimate of
 * the error), `seed`, `seconds` and `version`. `*out` stays untouched on failure. Safe to call from any thread.
 *
 * Errors: `NIS_ERR_INVALID_INPUT` (NULL).
 *
 * # Safety
 * `solution` must be NULL (refused) or live; `out` must be NULL (refused) or point to writable memory for one buffer.
 */
enum nis_status nis_solution_json(const struct nis_solution_t *solution,
                                  struct nis_buffer *out);

/**
 * Writes the whole solution, functions included, as JSON to `*out`; free it with `nis_buffer_free`. Every face of NIS
 * reads it (`nis_solution_load`), and no bit is lost. `*out` stays untouched on failure. Safe to call from any thread.
 *
 * Errors: `NIS_ERR_INVALID_INPUT` (NULL).
 *
 * # Safety
 * `solution` must be NULL (refused) or live; `out` must be NULL (refused) or point to writable memory for one buffer.
 */
enum nis_status nis_solution_save(const struct nis_solution_t *solution,
                                  struct nis_buffer *out);

/**
 * Reads a solution that `nis_solution_save` or another face of NIS wrote and writes its handle to `*out`; free it with
 * `nis_solution_free`. `json` (UTF-8, `len` bytes) is borrowed for the call and may come from anywhere: sizes are
 * checked before memory is taken. `*out` stays untouched on failure. Safe to call from any thread.
 *
 * Errors: `NIS_ERR_PARSE`, `NIS_ERR_INVALID_INPUT` (names the field), `NIS_ERR_LIMIT`.
 *
 * # Safety
 * `json` must be NULL (refused) or lead to `len` readable bytes; `out` must be NULL (refused) or point to writable
 * memory for one pointer.
 */
enum nis_status nis_solution_load(const char *json,
                                  size_t len,
                                  struct nis_solution_t **out);

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
