/* Linear systems for C++17; included by nis_laplace.hpp. Arrays are ordered output, input, time or frequency. */
#ifndef NIS_LAPLACE_SYSTEM_HPP
#define NIS_LAPLACE_SYSTEM_HPP

#include "nis_laplace.hpp"

namespace nis {
namespace laplace {

/** Magnitude, decibels and unwrapped phase (radians). */
struct Bode {
    Real magnitude;
    Real decibel;
    Real phase;

    explicit Bode(std::size_t n) : magnitude(n), decibel(n), phase(n) {}
};

/** A linear system. Several threads may use one object at the same time. */
class System {
  public:
    /** nis_laplace_system_new, for example {"zpk": {"zeros": [], "poles": [[-1, 0]], "gain": 1}}. */
    static Result<System> create(std::string_view spec_json) {
        nis_system_t *handle = nullptr;
        const nis_status status = nis_laplace_system_new(detail::text(spec_json), spec_json.size(), &handle);
        return made(status, handle);
    }

    /** The system in the form that `create` reads. */
    Result<std::string> json() const {
        nis_buffer out{};
        const nis_status status = nis_laplace_system_json(handle_.get(), &out);
        return detail::json(status, out);
    }

    std::size_t outputs() const noexcept { return size().first; }
    std::size_t inputs() const noexcept { return size().second; }

    /** Poles, zeros, stability and gain as JSON. */
    Result<std::string> zeros() const {
        nis_buffer out{};
        const nis_status status = nis_laplace_zeros(handle_.get(), &out);
        return detail::json(status, out);
    }

    /** H at angular frequencies. */
    Result<Complex> frequency_response(const Real &omega) const {
        Complex out(entries() * omega.size());
        const nis_status status = nis_laplace_frequency_response(handle_.get(), omega.data(), omega.size(),
                                                                 detail::pairs(out), 2 * out.size());
        return checked(status, std::move(out));
    }

    Result<Bode> bode(const Real &omega) const {
        Bode out(entries() * omega.size());
        const nis_status status =
            nis_laplace_bode(handle_.get(), omega.data(), omega.size(), out.magnitude.data(), out.decibel.data(),
                             out.phase.data(), out.phase.size());
        return checked(status, std::move(out));
    }

    /** Responses of every output to a unit step in every input at times from 0 on. */
    Result<Real> step(const Real &t) const {
        Real out(entries() * t.size());
        const nis_status status = nis_laplace_step(handle_.get(), t.data(), t.size(), out.data(), out.size());
        return checked(status, std::move(out));
    }

    Result<Real> impulse(const Real &t) const {
        Real out(entries() * t.size());
        const nis_status status = nis_laplace_impulse(handle_.get(), t.data(), t.size(), out.data(), out.size());
        return checked(status, std::move(out));
    }

    /** Outputs for the inputs u (input by input), straight or constant (`hold` 1 or 0) between the samples. */
    Result<Real> simulate(const Real &t, const Real &u, const Real &x0 = {}, std::uint32_t hold = 1) const {
        Real out(outputs() * t.size());
        const nis_status status = nis_laplace_simulate(handle_.get(), t.data(), t.size(), u.data(), u.size(),
                                                       x0.data(), x0.size(), hold, out.data(), out.size());
        return checked(status, std::move(out));
    }

    /** Times that show the response, as a JSON array. */
    Result<std::string> default_times() const { return grid(0); }
    /** Angular frequencies that show the response, as a JSON array. */
    Result<std::string> default_frequencies() const { return grid(1); }

    /** Stability margins under negative feedback as JSON. */
    Result<std::string> margins(Progress progress = {}, const Cancel *cancel = nullptr) const {
        detail::Call call(std::move(progress), cancel);
        nis_buffer out{};
        const nis_status status = nis_laplace_margins(handle_.get(), call.options(), &out);
        return call.json(status, out);
    }

    /** Balanced truncation, the result as JSON. */
    Result<std::string> reduce(std::string_view options_json = {}, Progress progress = {},
                               const Cancel *cancel = nullptr) const {
        detail::Call call(std::move(progress), cancel);
        nis_buffer out{};
        const nis_status status = nis_laplace_reduce(handle_.get(), detail::optional(options_json),
                                                     options_json.size(), call.options(), &out);
        return call.json(status, out);
    }

    /** The discrete system with sampling interval dt. */
    Result<System> discretize(double dt, std::string_view options_json = {}) const {
        nis_system_t *handle = nullptr;
        const nis_status status = nis_laplace_discretize(handle_.get(), dt, detail::optional(options_json),
                                                         options_json.size(), &handle);
        return made(status, handle);
    }

    /** This and another system joined: series, parallel, append, feedback or positive_feedback. */
    Result<System> connect(const System &other, std::string_view how) const {
        nis_system_t *handle = nullptr;
        const nis_status status =
            nis_laplace_connect(handle_.get(), other.get(), detail::text(how), how.size(), &handle);
        return made(status, handle);
    }

    Result<System> to_state_space() const { return convert(0, 0.0); }
    /** The pole-residue form; refused where it cannot agree within the tolerance. */
    Result<System> to_pole_residue(double tolerance) const { return convert(1, tolerance); }

    /** The C handle, still owned by this object. */
    const nis_system_t *get() const noexcept { return handle_.get(); }

  private:
    struct Free {
        void operator()(nis_system_t *h) const noexcept { nis_laplace_system_free(h); }
    };

    template <typename T> static Result<T> checked(nis_status status, T &&value) {
        if (status != NIS_OK) {
            return detail::failed<T>();
        }
        return std::forward<T>(value);
    }

    static Result<System> made(nis_status status, nis_system_t *handle) {
        if (status != NIS_OK) {
            return detail::failed<System>();
        }
        return System(handle);
    }

    Result<std::string> grid(std::uint32_t what) const {
        nis_buffer out{};
        const nis_status status = nis_laplace_grid(handle_.get(), what, &out);
        return detail::json(status, out);
    }

    Result<System> convert(std::uint32_t form, double tolerance) const {
        nis_system_t *handle = nullptr;
        const nis_status status = nis_laplace_convert(handle_.get(), form, tolerance, &handle);
        return made(status, handle);
    }

    /** Outputs and inputs; 0 of a system that was moved from, which every call then refuses. */
    std::pair<std::size_t, std::size_t> size() const noexcept {
        std::size_t outputs = 0;
        std::size_t inputs = 0;
        if (nis_laplace_system_size(handle_.get(), &outputs, &inputs) != NIS_OK) {
            return {0, 0};
        }
        return {outputs, inputs};
    }
    std::size_t entries() const noexcept {
        const auto both = size();
        return both.first * both.second;
    }

    explicit System(nis_system_t *handle) : handle_(handle) {}
    std::unique_ptr<nis_system_t, Free> handle_;
};

} // namespace laplace
} // namespace nis

#endif /* NIS_LAPLACE_SYSTEM_HPP */
