// nis.hpp with exceptions: ownership moves, failures are thrown with their code, and what a callback throws
// comes out of the call.
#include <nis.hpp>

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

template <typename Call> nis_status code_of(Call call) {
    try {
        call();
    } catch (const nis::Error &e) {
        CHECK(!std::string(e.what()).empty());
        CHECK(e.details().find("\"kind\":") != std::string::npos);
        return e.code();
    }
    return NIS_OK;
}

int main() {
    const std::string sunspots = R"({"path": "examples/data/sunspots.csv"})";
    CHECK(nis::abi_matches());
    CHECK(!nis::version().empty());

    nis::Nis first = nis::Nis::create("{}");
    const nis_t *handle = first.get();
    nis::Nis nis = std::move(first);
    CHECK(nis.get() == handle && first.get() == nullptr);
    CHECK(code_of([&] { first.health(); }) == NIS_ERR_INVALID_INPUT); // moved from: refused, no crash

    CHECK(nis.health().find("\"agents_registered\":14") != std::string::npos);
    CHECK(nis.chat(R"({"message": "What is 2+2?"})").find('4') != std::string::npos);
    CHECK(code_of([&] { nis.chat("{"); }) == NIS_ERR_PARSE);
    CHECK(code_of([&] { nis.chat(std::string_view()); }) == NIS_ERR_PARSE);
    CHECK(code_of([] { nis::Nis::create("nonsense"); }) == NIS_ERR_PARSE);
    CHECK(code_of([] { nis::Nis::create(std::string_view()); }) == NIS_ERR_PARSE);

    unsigned steps = 0;
    const std::string report = nis.analyze(sunspots, [&](const nis::Step &step) {
        CHECK(!step.stage.empty());
        ++steps;
        return true;
    });
    CHECK(steps > 0 && report.find("\"findings\":[") != std::string::npos);

    CHECK(code_of([&] { nis.analyze(sunspots, [](const nis::Step &) { return false; }); }) == NIS_ERR_CANCELLED);
    struct Mine {};
    bool caught = false;
    try {
        nis.analyze(sunspots, [](const nis::Step &) -> bool { throw Mine(); });
    } catch (const Mine &) {
        caught = true;
    }
    CHECK(caught);

    const nis::Cancel cancel = nis::Cancel::create();
    cancel.set();
    CHECK(code_of([&] { nis.analyze(sunspots, {}, &cancel); }) == NIS_ERR_CANCELLED);

    // A network: fitted, asked, saved and loaded; it moves, and what a callback throws comes out.
    std::vector<double> x(60), y(60);
    for (int i = 0; i < 60; i++) {
        x[i] = -1.0 + i / 29.5;
        y[i] = std::sin(2.0 * x[i]);
    }
    nis::Kan made = nis::Kan::create(R"({"inputs": ["a"], "outputs": ["b"], "options": {"hidden": []}})");
    const nis::Kan kan = std::move(made);
    CHECK(made.get() == nullptr);
    CHECK(code_of([&] { kan.predict(x.data(), x.size()); }) == NIS_ERR_INVALID_INPUT); // not fitted yet
    CHECK(code_of([&] { kan.fit(x.data(), y.data(), x.size(), {}, &cancel); }) == NIS_ERR_CANCELLED);
    caught = false;
    try {
        kan.fit(x.data(), y.data(), x.size(), [](const nis::Step &) -> bool { throw Mine(); });
    } catch (const Mine &) {
        caught = true;
    }
    CHECK(caught);
    CHECK(kan.fit(x.data(), y.data(), x.size()));
    const std::vector<double> predicted = kan.predict(x.data(), x.size());
    CHECK(std::fabs(predicted[7] - y[7]) < 0.01);
    CHECK(kan.formula(x.data(), y.data(), x.size()).find("sin(2*a") != std::string::npos);
    CHECK(kan.describe().find("\"widths\":[1,1]") != std::string::npos);
    CHECK(nis::Kan::load(kan.save()).predict(x.data(), x.size()) == predicted);
    CHECK(kan.save(R"({"format": "c"})").find("kan_predict") != std::string::npos);
    CHECK(code_of([] { nis::Kan::load("nonsense"); }) == NIS_ERR_PARSE);
    CHECK(code_of([] { nis::Kan::load(std::string_view()); }) == NIS_ERR_PARSE);
    CHECK(code_of([] { nis::Kan::load_file("/no/such.json"); }) == NIS_ERR_IO);

    // A differential equation: solved, asked, saved and loaded.
    const char *decay = R"({"equations": ["u' = -u"], "domain": {"t": [0, 1]}, "conditions": ["u(0) = 1"]})";
    const nis::Solution solution = nis::Solution::solve(decay);
    const double at[] = {0.0, 0.5, 1.0};
    const std::vector<double> u = solution.evaluate(at, 3);
    CHECK(u.size() == 3 && std::fabs(u[2] - std::exp(-1.0)) < 1e-6);
    CHECK(std::fabs(solution.derivative("u'", at, 3)[1] + u[1]) < 1e-5);
    CHECK(solution.json().find("\"converged\":true") != std::string::npos);
    CHECK(nis::Solution::load(solution.save()).evaluate(at, 3) == u);
    CHECK(code_of([] { nis::Solution::load("nonsense"); }) == NIS_ERR_PARSE);
    const double beyond = 1.5;
    CHECK(code_of([&] { solution.evaluate(&beyond, 1); }) == NIS_ERR_INVALID_INPUT);
    CHECK(code_of([&] { nis::Solution::solve(decay, "{}", {}, &cancel); }) == NIS_ERR_CANCELLED);
    CHECK(code_of([&] { nis::Solution::solve(decay, R"({"metod": 1})"); }) == NIS_ERR_INVALID_INPUT);
    return 0;
}
