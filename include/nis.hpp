/*
 * NIS for C++17: RAII over nis.h. Header-only; link with libnis.
 *
 * Every class owns one handle, moves, and frees it in its destructor. Failures are exceptions of type
 * nis::Error by default. With NIS_NO_EXCEPTIONS defined before this header (or with -fno-exceptions) every
 * call returns nis::Result<T> instead, which holds either the value or the error.
 *
 * JSON goes in and out as text; parse it with the JSON library of your choice.
 */
#ifndef NIS_HPP
#define NIS_HPP

#include "nis.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#if !defined(NIS_NO_EXCEPTIONS) && !defined(__cpp_exceptions)
#define NIS_NO_EXCEPTIONS
#endif

#ifndef NIS_NO_EXCEPTIONS
#include <exception>
#include <stdexcept>
#endif

namespace nis {

/** What went wrong: the numeric status, the message, and the details as a JSON object. */
struct Failure {
    nis_status code = NIS_OK;
    std::string message;
    std::string details;

    /** The failure of the calling thread's last call. */
    static Failure last() {
        const nis_error *e = nis_last_error();
        return {e->code, std::string(e->message, e->message_len), std::string(e->details, e->details_len)};
    }
};

#ifdef NIS_NO_EXCEPTIONS

/** Either a value or a failure. */
template <typename T> class [[nodiscard]] Result {
  public:
    Result(T value) : value_(std::move(value)) {}
    Result(Failure failure) : failure_(std::move(failure)) {}

    /** Whether there is a value. */
    explicit operator bool() const noexcept { return value_.has_value(); }
    /** The value; only where there is one. */
    T &operator*() & noexcept { return *value_; }
    T &&operator*() && noexcept { return std::move(*value_); }
    T *operator->() noexcept { return &*value_; }
    /** The failure; its code is NIS_OK where there is a value. */
    const Failure &failure() const noexcept { return failure_; }

  private:
    std::optional<T> value_;
    Failure failure_;
};

#else

/** Thrown by every call that fails. */
class Error : public std::runtime_error {
  public:
    explicit Error(Failure failure) : std::runtime_error(failure.message), failure_(std::move(failure)) {}

    /** The numeric status, for example NIS_ERR_INVALID_INPUT. */
    nis_status code() const noexcept { return failure_.code; }
    /** A JSON object with `kind` and the fields of that kind. */
    const std::string &details() const noexcept { return failure_.details; }

  private:
    Failure failure_;
};

template <typename T> using Result = T;

#endif

namespace detail {

template <typename T> Result<T> failed() {
#ifdef NIS_NO_EXCEPTIONS
    return Result<T>(Failure::last());
#else
    throw Error(Failure::last());
#endif
}

/** The text of a buffer, which it frees. */
inline std::string take(nis_buffer buffer) {
    struct Free {
        nis_buffer *b;
        ~Free() { nis_buffer_free(b); }
    } guard{&buffer};
    return std::string(reinterpret_cast<const char *>(buffer.ptr), buffer.len);
}

} // namespace detail

/** The version of the loaded library. */
inline std::string_view version() { return nis_version(); }

/** Whether the loaded library has the binary interface of this header. */
inline bool abi_matches() { return nis_check_abi() != 0; }

/** Stops long work from any thread. */
class Cancel {
  public:
    /** A flag that is not set. */
    static Result<Cancel> create() {
        nis_cancel_t *handle = nullptr;
        if (nis_cancel_new(&handle) != NIS_OK) {
            return detail::failed<Cancel>();
        }
        return Cancel(handle);
    }

    /** Asks the work to stop. Safe on any thread and in a signal handler. */
    void set() const noexcept { nis_cancel_set(handle_.get()); }
    /** The C handle, still owned by this object. */
    const nis_cancel_t *get() const noexcept { return handle_.get(); }

  private:
    struct Free {
        void operator()(nis_cancel_t *h) const noexcept { nis_cancel_free(h); }
    };
    explicit Cancel(nis_cancel_t *handle) : handle_(handle) {}
    std::unique_ptr<nis_cancel_t, Free> handle_;
};

/** One report of long work; the texts live for the callback's call only. */
struct Step {
    std::string_view stage;
    std::uint64_t done;
    std::uint64_t total;
    std::string_view message;
};

/**
 * Called as long work goes on, possibly on another thread; `false` stops the work. An exception stops it
 * too and is thrown again by the call that was made.
 */
using Progress = std::function<bool(const Step &)>;

namespace detail {

/** Never NULL, which would ask for defaults. */
inline const char *text(std::string_view view) { return view.data() == nullptr ? "" : view.data(); }

/** Progress and cancellation of one call. */
class Call {
  public:
    Call(Progress progress, const Cancel *cancel) : progress_(std::move(progress)) {
        options_.struct_size = sizeof options_;
        if (progress_) {
            options_.progress = &Call::report;
            options_.user_data = this;
        }
        options_.cancel = cancel == nullptr ? nullptr : cancel->get();
    }
    Call(const Call &) = delete;
    Call &operator=(const Call &) = delete;

    const nis_call_options *options() const noexcept { return &options_; }

    /** Throws again what the callback threw. */
    void rethrow() const {
#ifndef NIS_NO_EXCEPTIONS
        if (thrown_) {
            std::rethrow_exception(thrown_);
        }
#endif
    }

    /** The result of a call that gives JSON. */
    Result<std::string> json(nis_status status, nis_buffer out) const {
        std::string text = take(out);
        rethrow();
        if (status != NIS_OK) {
            return failed<std::string>();
        }
        return text;
    }

  private:
    static int report(const nis_step *step, void *self_pointer) {
        auto *self = static_cast<Call *>(self_pointer);
        const Step view{{step->stage, step->stage_len}, step->done, step->total, {step->message, step->message_len}};
#ifdef NIS_NO_EXCEPTIONS
        return self->progress_(view) ? 0 : 1;
#else
        try {
            return self->progress_(view) ? 0 : 1;
        } catch (...) {
            // Nothing may unwind into the library.
            self->thrown_ = std::current_exception();
            return 1;
        }
#endif
    }

    Progress progress_;
#ifndef NIS_NO_EXCEPTIONS
    std::exception_ptr thrown_{};
#endif
    nis_call_options options_{};
};

} // namespace detail

/** The runtime. Several threads may use one object at the same time. */
class Nis {
  public:
    /** A runtime from the defaults and the environment. */
    static Result<Nis> create() { return make(nullptr, 0); }
    /** A runtime from its configuration as JSON. */
    static Result<Nis> create(std::string_view config_json) {
        // An empty view may hold a null pointer, which would ask for the defaults.
        return make(config_json.data() == nullptr ? "" : config_json.data(), config_json.size());
    }

    /** Answers a request, for example {"message": "What is 2+2?"}, with the reply as JSON. */
    Result<std::string> chat(std::string_view request_json) const {
        nis_buffer out{};
        if (nis_chat(handle_.get(), detail::text(request_json), request_json.size(), &out) != NIS_OK) {
            return detail::failed<std::string>();
        }
        return detail::take(out);
    }

    /** Analyzes {"path": ..} or {"columns": ..} with "options" and gives the report as JSON. */
    Result<std::string> analyze(std::string_view request_json, Progress progress = {},
                                const Cancel *cancel = nullptr) const {
        detail::Call call(std::move(progress), cancel);
        nis_buffer out{};
        const nis_status status =
            nis_analyze(handle_.get(), detail::text(request_json), request_json.size(), call.options(), &out);
        return call.json(status, out);
    }

    /** What the runtime can do now, as JSON. */
    Result<std::string> health() const {
        nis_buffer out{};
        if (nis_health(handle_.get(), &out) != NIS_OK) {
            return detail::failed<std::string>();
        }
        return detail::take(out);
    }

    /** The C handle, still owned by this object. */
    const nis_t *get() const noexcept { return handle_.get(); }

  private:
    struct Free {
        void operator()(nis_t *h) const noexcept { nis_free(h); }
    };

    static Result<Nis> make(const char *config, std::size_t length) {
        nis_t *handle = nullptr;
        if (nis_new(config, length, &handle) != NIS_OK) {
            return detail::failed<Nis>();
        }
        return Nis(handle);
    }

    explicit Nis(nis_t *handle) : handle_(handle) {}
    std::unique_ptr<nis_t, Free> handle_;
};

/** A Kolmogorov-Arnold network with names and scaling. Several threads may use one object at the same time. */
class Kan {
  public:
    /** A network that is not fitted yet, from {"inputs": [..], "outputs": [..], "options": {..}}. */
    static Result<Kan> create(std::string_view spec_json) {
        nis_kan_t *handle = nullptr;
        if (nis_kan_new(detail::text(spec_json), spec_json.size(), &handle) != NIS_OK) {
            return detail::failed<Kan>();
        }
        return Kan(handle);
    }
    /** The network of a safetensors or JSON file. */
    static Result<Kan> load_file(std::string_view path) {
        nis_kan_t *handle = nullptr;
        if (nis_kan_load_file(detail::text(path), path.size(), &handle) != NIS_OK) {
            return detail::failed<Kan>();
        }
        return Kan(handle);
    }
    /** The network of the bytes of such a file. */
    static Result<Kan> load(std::string_view bytes) {
        nis_kan_t *handle = nullptr;
        if (nis_kan_load(reinterpret_cast<const std::uint8_t *>(bytes.data()), bytes.size(), &handle) != NIS_OK) {
            return detail::failed<Kan>();
        }
        return Kan(handle);
    }

    /** Fits the network to rows: `x` row by row; `y` likewise, for a classification one class index per row. */
    Result<bool> fit(const double *x, const double *y, std::size_t rows, Progress progress = {},
                     const Cancel *cancel = nullptr) const {
        detail::Call call(std::move(progress), cancel);
        const nis_status status = nis_kan_fit(handle_.get(), x, y, rows, call.options());
        call.rethrow();
        if (status != NIS_OK) {
            return detail::failed<bool>();
        }
        return true;
    }

    /** The outputs (one class index per row for a classification) of rows of inputs. */
    Result<std::vector<double>> predict(const double *x, std::size_t rows, std::size_t per_row = 1) const {
        std::vector<double> out(rows * per_row);
        if (nis_kan_predict(handle_.get(), x, rows, out.data(), out.size()) != NIS_OK) {
            return detail::failed<std::vector<double>>();
        }
        return out;
    }

    /** The formulas of the outputs as a JSON list; `x` and `y` are rows as of the fit. */
    Result<std::string> formula(const double *x, const double *y, std::size_t rows, Progress progress = {},
                                const Cancel *cancel = nullptr) const {
        detail::Call call(std::move(progress), cancel);
        nis_buffer out{};
        const nis_status status = nis_kan_formula(handle_.get(), x, y, rows, nullptr, 0, call.options(), &out);
        return call.json(status, out);
    }

    /** What the network is and how its fit went, as JSON. */
    Result<std::string> describe() const {
        nis_buffer out{};
        if (nis_kan_describe(handle_.get(), &out) != NIS_OK) {
            return detail::failed<std::string>();
        }
        return detail::take(out);
    }

    /** The bytes of a file, for example with {"format": "onnx"}; see nis_kan_save. */
    Result<std::string> save(std::string_view options_json = "{}") const {
        nis_buffer out{};
        if (nis_kan_save(handle_.get(), detail::text(options_json), options_json.size(), &out) != NIS_OK) {
            return detail::failed<std::string>();
        }
        return detail::take(out);
    }

    /** The C handle, still owned by this object. */
    const nis_kan_t *get() const noexcept { return handle_.get(); }

  private:
    struct Free {
        void operator()(nis_kan_t *h) const noexcept { nis_kan_free(h); }
    };
    explicit Kan(nis_kan_t *handle) : handle_(handle) {}
    std::unique_ptr<nis_kan_t, Free> handle_;
};

/** A differential equation that was solved, or fitted to data: values, derivatives, and how far to trust them. */
class Solution {
  public:
    /** Solves a problem; see nis_solve for both texts. `points` and `values` are `rows` rows of measured values. */
    static Result<Solution> solve(std::string_view problem_json, std::string_view options_json = "{}",
                                  Progress progress = {}, const Cancel *cancel = nullptr,
                                  const double *points = nullptr, const double *values = nullptr,
                                  std::size_t rows = 0) {
        detail::Call call(std::move(progress), cancel);
        nis_solution_t *handle = nullptr;
        const nis_status status =
            nis_solve(detail::text(problem_json), problem_json.size(), detail::text(options_json), options_json.size(),
                      points, values, rows, call.options(), &handle);
        call.rethrow();
        if (status != NIS_OK) {
            return detail::failed<Solution>();
        }
        return Solution(handle);
    }
    /** The solution that save() or another face of NIS wrote. */
    static Result<Solution> load(std::string_view json) {
        nis_solution_t *handle = nullptr;
        if (nis_solution_load(detail::text(json), json.size(), &handle) != NIS_OK) {
            return detail::failed<Solution>();
        }
        return Solution(handle);
    }

    /** All fields at `n` points (rows of coordinates), a row for each; `outside` allows points outside the domain. */
    Result<std::vector<double>> evaluate(const double *points, std::size_t n, bool outside = false) const {
        std::size_t fields = 0;
        if (nis_solution_size(handle_.get(), nullptr, &fields) != NIS_OK) {
            return detail::failed<std::vector<double>>();
        }
        std::vector<double> out(n * fields);
        if (nis_solution_evaluate(handle_.get(), points, n, outside ? 1 : 0, out.data(), out.size()) != NIS_OK) {
            return detail::failed<std::vector<double>>();
        }
        return out;
    }

    /** One derivative, for example "u_x", at `n` points. */
    Result<std::vector<double>> derivative(std::string_view name, const double *points, std::size_t n) const {
        std::vector<double> out(n);
        if (nis_solution_derivative(handle_.get(), detail::text(name), name.size(), points, n, out.data(),
                                    out.size()) != NIS_OK) {
            return detail::failed<std::vector<double>>();
        }
        return out;
    }

    /** Method, parameters, certificate and notes, as JSON. */
    Result<std::string> json() const {
        nis_buffer out{};
        if (nis_solution_json(handle_.get(), &out) != NIS_OK) {
            return detail::failed<std::string>();
        }
        return detail::take(out);
    }

    /** The whole solution as JSON, for load(). */
    Result<std::string> save() const {
        nis_buffer out{};
        if (nis_solution_save(handle_.get(), &out) != NIS_OK) {
            return detail::failed<std::string>();
        }
        return detail::take(out);
    }

    /** The C handle, still owned by this object. */
    const nis_solution_t *get() const noexcept { return handle_.get(); }

  private:
    struct Free {
        void operator()(nis_solution_t *h) const noexcept { nis_solution_free(h); }
    };
    explicit Solution(nis_solution_t *handle) : handle_(handle) {}
    std::unique_ptr<nis_solution_t, Free> handle_;
};

} // namespace nis

#include "nis_laplace.hpp"

#endif /* NIS_HPP */
