/*
 * The Laplace engine for C++17; included by nis.hpp, whose rules hold: handles are classes that free themselves,
 * failures are nis::Error (or nis::Result without exceptions), JSON is text. Complex numbers are std::complex<double>.
 * What the options and the JSON hold is written at the C functions in nis.h.
 */
#ifndef NIS_LAPLACE_HPP
#define NIS_LAPLACE_HPP

#include "nis.hpp"

#include <complex>
#include <vector>

namespace nis {
namespace laplace {

using Real = std::vector<double>;
using Complex = std::vector<std::complex<double>>;

namespace detail {

using nis::detail::Call;
using nis::detail::failed;
using nis::detail::take;
using nis::detail::text;

/** Options: NULL, the defaults, where the text is empty. */
inline const char *optional(std::string_view json) { return json.empty() ? nullptr : json.data(); }

/** A complex array as the pairs of doubles that it is (C++17, 29.5, array-oriented access). */
inline const double *pairs(const Complex &v) { return reinterpret_cast<const double *>(v.data()); }
inline double *pairs(Complex &v) { return reinterpret_cast<double *>(v.data()); }

template <typename T> Result<T> finish(const Call &call, nis_status status, T &&value) {
    call.rethrow();
    if (status != NIS_OK) {
        return failed<T>();
    }
    return std::forward<T>(value);
}

inline Result<std::string> json(nis_status status, nis_buffer out) {
    return Call({}, nullptr).json(status, out);
}

} // namespace detail

/** Values of a transform at the points asked for, estimates of their errors, bounds of the part after the record. */
struct Transformed {
    Complex values;
    Real error;
    Real tail;

    explicit Transformed(std::size_t points) : values(points), error(points), tail(points) {}
};

/** nis_laplace_transform of the samples at t0, t0 + dt, .. at the points s. */
inline Result<Transformed> transform(const Real &x, double t0, double dt, const Complex &s,
                                     std::string_view options_json = {}, Progress progress = {},
                                     const Cancel *cancel = nullptr) {
    detail::Call call(std::move(progress), cancel);
    Transformed out(s.size());
    const nis_status status = nis_laplace_transform(
        x.data(), NIS_SAMPLES_F64, x.size(), t0, dt, detail::pairs(s), s.size(), detail::optional(options_json),
        options_json.size(), call.options(), detail::pairs(out.values), out.error.data(), out.tail.data());
    return detail::finish(call, status, std::move(out));
}

/** nis_laplace_transform_nonuniform of the samples at rising times; one time per sample. */
inline Result<Transformed> transform(const Real &times, const Real &x, const Complex &s,
                                     std::string_view options_json = {}, Progress progress = {},
                                     const Cancel *cancel = nullptr) {
    detail::Call call(std::move(progress), cancel);
    Transformed out(s.size());
    // The shorter length, so that the library reads no further than either; it refuses what does not fit.
    const std::size_t samples = times.size() < x.size() ? times.size() : x.size();
    const nis_status status = nis_laplace_transform_nonuniform(
        times.data(), x.data(), NIS_SAMPLES_F64, samples, detail::pairs(s), s.size(), detail::optional(options_json),
        options_json.size(), call.options(), detail::pairs(out.values), out.error.data(), out.tail.data());
    return detail::finish(call, status, std::move(out));
}

/** A plan for transforms on a line of points, made once for many records of the same length. */
class LinePlan {
  public:
    /** nis_line_plan_new: the points sigma + j (omega0 + k step), k = 0 .. points - 1. */
    static Result<LinePlan> create(std::size_t samples, double t0, double dt, double sigma, double omega0, double step,
                                   std::size_t points, std::string_view options_json = {}) {
        nis_line_plan_t *handle = nullptr;
        if (nis_line_plan_new(samples, t0, dt, sigma, omega0, step, points, detail::optional(options_json),
                              options_json.size(), &handle) != NIS_OK) {
            return detail::failed<LinePlan>();
        }
        return LinePlan(handle, points);
    }

    /** The transform of one record of the planned length. */
    Result<Transformed> transform(const Real &x, Progress progress = {}, const Cancel *cancel = nullptr) const {
        detail::Call call(std::move(progress), cancel);
        Transformed out(points_);
        const nis_status status =
            nis_line_plan_transform(handle_.get(), x.data(), NIS_SAMPLES_F64, x.size(), call.options(),
                                    detail::pairs(out.values), out.error.data(), out.tail.data());
        return detail::finish(call, status, std::move(out));
    }

    /** The C handle, still owned by this object. */
    const nis_line_plan_t *get() const noexcept { return handle_.get(); }

  private:
    struct Free {
        void operator()(nis_line_plan_t *h) const noexcept { nis_line_plan_free(h); }
    };
    LinePlan(nis_line_plan_t *handle, std::size_t points) : handle_(handle), points_(points) {}
    std::unique_ptr<nis_line_plan_t, Free> handle_;
    std::size_t points_;
};

/** Values of an inverse transform and estimates of their errors. */
struct Inverted {
    Real value;
    Real error;

    explicit Inverted(std::size_t times) : value(times), error(times) {}
};

/** nis_laplace_invert of a formula in s at the times t > 0; the result as JSON. */
inline Result<std::string> invert(std::string_view formula, const Real &t, std::string_view options_json = {},
                                  Progress progress = {}, const Cancel *cancel = nullptr) {
    detail::Call call(std::move(progress), cancel);
    nis_buffer out{};
    const nis_status status =
        nis_laplace_invert(detail::text(formula), formula.size(), t.data(), t.size(), detail::optional(options_json),
                           options_json.size(), call.options(), &out);
    return call.json(status, out);
}

/** A transform of a real function. What it throws comes out of the call that it was given to. */
using Function = std::function<std::complex<double>(std::complex<double>)>;

/** nis_laplace_invert_function of F at the times t > 0; F is called on this thread. */
inline Result<Inverted> invert(const Function &F, const Real &t, std::string_view options_json = {},
                               Progress progress = {}, const Cancel *cancel = nullptr) {
    struct Given {
        const Function &F;
#ifndef NIS_NO_EXCEPTIONS
        std::exception_ptr thrown;
#endif
        static int call(const double *s, double *out, std::size_t n, void *self_pointer) {
            auto *self = static_cast<Given *>(self_pointer);
#ifndef NIS_NO_EXCEPTIONS
            try {
#endif
                for (std::size_t i = 0; i < n; ++i) {
                    const std::complex<double> f = self->F({s[2 * i], s[2 * i + 1]});
                    out[2 * i] = f.real();
                    out[2 * i + 1] = f.imag();
                }
                return 0;
#ifndef NIS_NO_EXCEPTIONS
            } catch (...) {
                self->thrown = std::current_exception();
                return 1;
            }
#endif
        }
    };
#ifdef NIS_NO_EXCEPTIONS
    Given given{F};
#else
    Given given{F, nullptr};
#endif
    detail::Call call(std::move(progress), cancel);
    Inverted out(t.size());
    const nis_status status =
        nis_laplace_invert_function(&Given::call, &given, t.data(), t.size(), detail::optional(options_json),
                                    options_json.size(), call.options(), out.value.data(), out.error.data(), nullptr);
#ifndef NIS_NO_EXCEPTIONS
    if (given.thrown) {
        std::rethrow_exception(given.thrown);
    }
#endif
    return detail::finish(call, status, std::move(out));
}

/** nis_laplace_invert_poles: the impulse response of a pole-residue form (JSON) at the times t > 0. */
inline Result<Inverted> invert_poles(std::string_view system_json, const Real &t) {
    detail::Call call({}, nullptr);
    Inverted out(t.size());
    const nis_status status = nis_laplace_invert_poles(detail::text(system_json), system_json.size(), t.data(),
                                                       t.size(), out.value.data(), out.error.data());
    return detail::finish(call, status, std::move(out));
}

/** nis_laplace_modes of the samples at t0, t0 + dt, ..; the result as JSON. */
inline Result<std::string> modes(const Real &x, double t0, double dt, std::string_view options_json = {},
                                 Progress progress = {}, const Cancel *cancel = nullptr) {
    detail::Call call(std::move(progress), cancel);
    nis_buffer out{};
    const nis_status status = nis_laplace_modes(x.data(), x.size(), t0, dt, detail::optional(options_json),
                                                options_json.size(), call.options(), &out);
    return call.json(status, out);
}

/** nis_laplace_shared_modes of `channels` channels of equal length, one after the other in x. */
inline Result<std::string> shared_modes(const Real &x, std::size_t channels, double t0, double dt,
                                        std::string_view options_json = {}, Progress progress = {},
                                        const Cancel *cancel = nullptr) {
    detail::Call call(std::move(progress), cancel);
    nis_buffer out{};
    const std::size_t samples = channels == 0 ? 0 : x.size() / channels;
    const nis_status status =
        nis_laplace_shared_modes(x.data(), NIS_SAMPLES_F64, channels, samples, t0, dt, detail::optional(options_json),
                                 options_json.size(), call.options(), &out);
    return call.json(status, out);
}

/** nis_laplace_fit_response of responses [point][output][input] at the points s; the result as JSON. No weights: 1. */
inline Result<std::string> fit_response(const Complex &s, const Complex &response, std::size_t outputs,
                                        std::size_t inputs, const Real &weights = {},
                                        std::string_view options_json = {}, Progress progress = {},
                                        const Cancel *cancel = nullptr) {
    detail::Call call(std::move(progress), cancel);
    nis_buffer out{};
    // As many points as the responses hold, so that nothing is read beyond them.
    const std::size_t each = outputs * inputs;
    const std::size_t held = each == 0 ? 0 : response.size() / each;
    const nis_status status = nis_laplace_fit_response(
        detail::pairs(s), s.size() < held ? s.size() : held, detail::pairs(response), outputs, inputs,
        weights.empty() ? nullptr : weights.data(), weights.size(), detail::optional(options_json),
        options_json.size(), call.options(), &out);
    return call.json(status, out);
}

/** nis_laplace_passivity of a pole-residue form (JSON), "scattering" or "immittance"; the result as JSON. */
inline Result<std::string> passivity(std::string_view system_json, std::string_view representation,
                                     Progress progress = {}, const Cancel *cancel = nullptr) {
    detail::Call call(std::move(progress), cancel);
    nis_buffer out{};
    const nis_status status =
        nis_laplace_passivity(detail::text(system_json), system_json.size(), detail::text(representation),
                              representation.size(), call.options(), &out);
    return call.json(status, out);
}

/** nis_laplace_enforce_passivity; the result as JSON. */
inline Result<std::string> enforce_passivity(std::string_view system_json, std::string_view representation,
                                             std::string_view options_json = {}, Progress progress = {},
                                             const Cancel *cancel = nullptr) {
    detail::Call call(std::move(progress), cancel);
    nis_buffer out{};
    const nis_status status = nis_laplace_enforce_passivity(
        detail::text(system_json), system_json.size(), detail::text(representation), representation.size(),
        detail::optional(options_json), options_json.size(), call.options(), &out);
    return call.json(status, out);
}

/** A container of compressed samples, and the report (JSON) of what was reached. */
struct Compressed {
    std::vector<std::uint8_t> bytes;
    std::string report;
};

/** nis_laplace_compress of samples taken every dt time units. */
inline Result<Compressed> compress(const Real &x, double dt, std::string_view options_json = {},
                                   Progress progress = {}, const Cancel *cancel = nullptr) {
    detail::Call call(std::move(progress), cancel);
    nis_buffer bytes{};
    nis_buffer report{};
    const nis_status status = nis_laplace_compress(x.data(), x.size(), dt, detail::optional(options_json),
                                                   options_json.size(), call.options(), &bytes, &report);
    const std::string held = detail::take(bytes);
    Compressed out{{held.begin(), held.end()}, detail::take(report)};
    return detail::finish(call, status, std::move(out));
}

/** nis_laplace_decompress; more samples than max_samples are refused. */
inline Result<Real> decompress(const std::vector<std::uint8_t> &bytes, std::size_t max_samples = std::size_t{1} << 27,
                               Progress progress = {}, const Cancel *cancel = nullptr) {
    detail::Call call(std::move(progress), cancel);
    Real out;
    std::size_t samples = 0;
    nis_status status =
        nis_laplace_decompress(bytes.data(), bytes.size(), nullptr, 0, call.options(), &samples);
    if (status == NIS_OK) {
        // Room for one sample at least: without values the call would only count.
        out.resize(samples < max_samples ? samples + 1 : max_samples + 1);
        status = nis_laplace_decompress(bytes.data(), bytes.size(), out.data(), out.size() - 1, call.options(),
                                        &samples);
        out.resize(status == NIS_OK ? samples : 0);
    }
    return detail::finish(call, status, std::move(out));
}

/** nis_laplace_compressed_describe: what a container holds, as JSON. */
inline Result<std::string> describe(const std::vector<std::uint8_t> &bytes) {
    nis_buffer out{};
    const nis_status status = nis_laplace_compressed_describe(bytes.data(), bytes.size(), &out);
    return detail::json(status, out);
}

/** Decodes a container that comes in pieces. */
class Decoder {
  public:
    static Result<Decoder> create() {
        nis_decoder_t *handle = nullptr;
        if (nis_decoder_new(&handle) != NIS_OK) {
            return detail::failed<Decoder>();
        }
        return Decoder(handle);
    }

    /** The samples of the segments that these bytes complete, in order. */
    Result<Real> push(const std::uint8_t *bytes, std::size_t length) {
        Real out;
        while (length > 0) {
            std::size_t used = 0;
            std::size_t ready = 0;
            if (nis_decoder_push(handle_.get(), bytes, length, &used, &ready) != NIS_OK) {
                return detail::failed<Real>();
            }
            bytes += used;
            length -= used;
            const std::size_t at = out.size();
            out.resize(at + ready);
            std::size_t samples = 0;
            if (nis_decoder_next(handle_.get(), out.data() + at, ready, &samples, nullptr) != NIS_OK) {
                return detail::failed<Real>();
            }
            out.resize(at + samples);
        }
        return out;
    }

    /** The number of samples; a failure where the end of the container is missing. */
    Result<std::uint64_t> finish() const {
        std::uint64_t samples = 0;
        if (nis_decoder_finish(handle_.get(), &samples) != NIS_OK) {
            return detail::failed<std::uint64_t>();
        }
        return samples;
    }

    /** The C handle, still owned by this object. */
    const nis_decoder_t *get() const noexcept { return handle_.get(); }

  private:
    struct Free {
        void operator()(nis_decoder_t *h) const noexcept { nis_decoder_free(h); }
    };
    explicit Decoder(nis_decoder_t *handle) : handle_(handle) {}
    std::unique_ptr<nis_decoder_t, Free> handle_;
};

} // namespace laplace
} // namespace nis

#include "nis_laplace_system.hpp"

#endif /* NIS_LAPLACE_HPP */
