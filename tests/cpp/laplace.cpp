// The Laplace classes of nis.hpp, with exceptions and (-fno-exceptions) without: closed forms, ownership, refusals.
#include <nis.hpp>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>

#define CHECK(condition)                                                                                     \
    do {                                                                                                     \
        if (!(condition)) {                                                                                  \
            std::fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                             \
            std::exit(1);                                                                                    \
        }                                                                                                    \
    } while (0)

namespace la = nis::laplace;

#ifdef NIS_NO_EXCEPTIONS
template <typename T> T must(nis::Result<T> result) {
    if (!result) {
        std::fprintf(stderr, "%s\n", result.failure().message.c_str());
        std::exit(1);
    }
    return *std::move(result);
}
template <typename Call> nis_status code_of(Call call) { return call().failure().code; }
#else
template <typename T> T must(T value) { return value; }
template <typename Call> nis_status code_of(Call call) {
    try {
        (void)call();
    } catch (const nis::Error &e) {
        return e.code();
    }
    return NIS_OK;
}
#endif

static bool near(double a, double b, double tolerance) { return std::fabs(a - b) <= tolerance; }
static bool holds(const std::string &text, const char *part) { return text.find(part) != std::string::npos; }

static void forward() {
    // e^{-t} over [0, 4]: (1 - e^{-4 (s + 1)})/(s + 1).
    la::Real t, x;
    for (int k = 0; k <= 400; ++k) {
        t.push_back(0.01 * k);
        x.push_back(std::exp(-0.01 * k));
    }
    const la::Complex s = {{0.5, 0.0}, {0.1, 3.0}};
    const auto exact = [](std::complex<double> at) { return (1.0 - std::exp(-4.0 * (at + 1.0))) / (at + 1.0); };
    const la::Transformed even = must(la::transform(x, 0.0, 0.01, s));
    const la::Transformed uneven = must(la::transform(t, x, s));
    for (std::size_t i = 0; i < s.size(); ++i) {
        CHECK(std::abs(even.values[i] - exact(s[i])) <= 1e-8 && even.error[i] <= 1e-6);
        CHECK(std::abs(uneven.values[i] - exact(s[i])) <= 1e-8);
    }
    la::LinePlan first = must(la::LinePlan::create(x.size(), 0.0, 0.01, 0.5, 0.0, 1.5, 3));
    const la::LinePlan plan = std::move(first);
    CHECK(first.get() == nullptr && plan.get() != nullptr);
    const la::Transformed line = must(plan.transform(x));
    CHECK(line.values.size() == 3 && std::abs(line.values[2] - exact({0.5, 3.0})) <= 1e-8);
    CHECK(code_of([&] { return plan.transform({1.0, 2.0}); }) == NIS_ERR_INVALID_INPUT);
    CHECK(code_of([&] { return first.transform(x); }) == NIS_ERR_INVALID_INPUT);
    CHECK(code_of([&] { return la::transform(x, 0.0, -1.0, s); }) == NIS_ERR_INVALID_INPUT);
}

static void inverse() {
    const la::Real t = {0.5, 2.0};
    CHECK(holds(must(la::invert("exp(-s)/(s + 1)", t)), "\"delays\":[1.0]"));
    const la::Function F = [](std::complex<double> s) { return 1.0 / (s + 1.0); };
    const la::Inverted found = must(la::invert(F, t));
    for (std::size_t i = 0; i < t.size(); ++i) {
        CHECK(near(found.value[i], std::exp(-t[i]), 1e-12) && found.error[i] <= 1e-11);
    }
    const la::Inverted step = must(la::invert([](std::complex<double> s) { return std::exp(-s) / s; }, t));
    CHECK(near(step.value[0], 0.0, 1e-11) && near(step.value[1], 1.0, 1e-11));
    const char *pole = R"({"outputs": 1, "inputs": 1, "terms": [{"pole": [-2.0, 0.0], "residue": [[1.0, 0.0]]}]})";
    CHECK(near(must(la::invert_poles(pole, t)).value[0], std::exp(-1.0), 1e-15));
    CHECK(code_of([&] { return la::invert("1/(s", t); }) == NIS_ERR_PARSE);
    CHECK(code_of([&] { return la::invert(F, {-1.0}); }) == NIS_ERR_INVALID_INPUT);
    CHECK(code_of([&] { return la::invert(F, t, R"({"method": "best"})"); }) == NIS_ERR_INVALID_INPUT);
#ifndef NIS_NO_EXCEPTIONS
    struct Mine {};
    bool caught = false;
    try {
        (void)la::invert([](std::complex<double>) -> std::complex<double> { throw Mine(); }, t);
    } catch (const Mine &) {
        caught = true;
    }
    CHECK(caught);
#endif
}

static void fitting() {
    la::Real x;
    for (int k = 0; k < 500; ++k) {
        x.push_back(std::exp(-0.01 * k) * std::cos(0.5 * k));
    }
    CHECK(holds(must(la::modes(x, 0.0, 1.0)), "\"frequency\""));
    la::Real both = x;
    both.insert(both.end(), x.begin(), x.end());
    CHECK(holds(must(la::shared_modes(both, 2, 0.0, 1.0)), "\"residues\""));
    const nis::Cancel cancel = must(nis::Cancel::create());
    cancel.set();
    CHECK(code_of([&] { return la::modes(x, 0.0, 1.0, {}, {}, &cancel); }) == NIS_ERR_CANCELLED);

    la::Complex s, h;
    for (int k = 1; k <= 60; ++k) {
        s.emplace_back(0.0, 0.1 * k);
        h.push_back(0.4 / (s.back() + 1.0) + 0.1);
    }
    CHECK(holds(must(la::fit_response(s, h, 1, 1, {}, R"({"order": 1})")), "\"order\":1"));
    const char *passive =
        R"({"outputs": 1, "inputs": 1, "terms": [{"pole": [-1.0, 0.0], "residue": [[0.4, 0.0]]}], "direct": [0.1]})";
    const char *active =
        R"({"outputs": 1, "inputs": 1, "terms": [{"pole": [-1.0, 0.0], "residue": [[1.4, 0.0]]}], "direct": [0.1]})";
    CHECK(holds(must(la::passivity(passive, "scattering")), "\"passive\":true"));
    CHECK(holds(must(la::passivity(active, "scattering")), "\"passive\":false"));
    CHECK(holds(must(la::enforce_passivity(active, "scattering")), "\"enforced\":true"));
    CHECK(code_of([&] { return la::passivity(passive, "neither"); }) == NIS_ERR_INVALID_INPUT);
}

static void systems() {
    const char *spec = R"({"zpk": {"zeros": [], "poles": [[-1.0, 0.0]], "gain": 1.0}})";
    la::System first = must(la::System::create(spec));
    const la::System lag = std::move(first);
    CHECK(lag.outputs() == 1 && lag.inputs() == 1 && first.outputs() == 0);
    CHECK(!must(lag.json()).empty() && holds(must(lag.zeros()), "\"stable\":true"));
    CHECK(std::abs(must(lag.frequency_response({1.0}))[0] - 1.0 / std::complex<double>(1.0, 1.0)) <= 1e-14);
    const la::Bode bode = must(lag.bode({1.0}));
    CHECK(near(bode.magnitude[0], std::sqrt(0.5), 1e-14) && near(bode.phase[0], -std::atan(1.0), 1e-14));
    CHECK(near(must(lag.step({0.0, 1.0}))[1], 1.0 - std::exp(-1.0), 1e-13));
    CHECK(near(must(lag.impulse({0.0, 1.0}))[1], std::exp(-1.0), 1e-13));
    CHECK(near(must(lag.simulate({0.0, 1.0}, {1.0, 1.0}))[1], 1.0 - std::exp(-1.0), 1e-13));
    CHECK(must(lag.default_times()).size() > 10 && must(lag.default_frequencies()).size() > 10);
    CHECK(holds(must(lag.margins()), "\"closed_loop_stable\":true"));
    CHECK(holds(must(lag.reduce(R"({"order": 1})")), "\"error_bound\""));
    const la::System sampled = must(lag.discretize(0.1));
    CHECK(near(must(sampled.step({0.0, 0.1}))[1], 1.0 - std::exp(-0.1), 1e-13));
    const la::System twice = must(lag.connect(lag, "parallel"));
    CHECK(near(must(twice.step({0.0, 1.0}))[1], 2.0 * (1.0 - std::exp(-1.0)), 1e-12));
    const la::System residues = must(must(lag.to_state_space()).to_pole_residue(1e-9));
    CHECK(near(must(residues.step({0.0, 1.0}))[1], 1.0 - std::exp(-1.0), 1e-12));
    CHECK(code_of([&] { return first.step({0.0}); }) == NIS_ERR_INVALID_INPUT);
    CHECK(code_of([] { return la::System::create("{"); }) == NIS_ERR_PARSE);
    CHECK(code_of([&] { return lag.connect(lag, "sideways"); }) == NIS_ERR_INVALID_INPUT);
}

static void compression() {
    la::Real x;
    for (int k = 0; k < 3000; ++k) {
        x.push_back(std::exp(-1e-3 * k) * std::cos(0.2 * k));
    }
    const la::Compressed c = must(la::compress(x, 1.0, R"({"target": {"max_error": 1e-4}})"));
    CHECK(c.bytes.size() < x.size() && holds(c.report, "\"ratio\""));
    const la::Real back = must(la::decompress(c.bytes));
    CHECK(back.size() == x.size());
    for (std::size_t i = 0; i < x.size(); ++i) {
        CHECK(near(back[i], x[i], 1e-4));
    }
    CHECK(holds(must(la::describe(c.bytes)), "\"segments\""));
    la::Decoder decoder = must(la::Decoder::create());
    la::Real pieces;
    for (std::size_t i = 0; i < c.bytes.size(); i += 7) {
        const la::Real part = must(decoder.push(&c.bytes[i], std::min<std::size_t>(7, c.bytes.size() - i)));
        pieces.insert(pieces.end(), part.begin(), part.end());
    }
    CHECK(must(decoder.finish()) == x.size() && pieces == back);
    CHECK(code_of([&] { return la::decompress(c.bytes, 10); }) == NIS_ERR_LIMIT);
    CHECK(code_of([] { return la::decompress({1, 2, 3}); }) == NIS_ERR_INVALID_INPUT);
    CHECK(code_of([&] { return must(la::Decoder::create()).finish(); }) == NIS_ERR_INVALID_INPUT);
}

int main() {
    forward();
    inverse();
    fitting();
    systems();
    compression();
    return 0;
}
