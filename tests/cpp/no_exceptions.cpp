// nis.hpp without exceptions (compiled with -fno-exceptions): every call gives a Result.
#include <nis.hpp>

#include <cstdio>
#include <cstdlib>

#define CHECK(condition)                                                                                     \
    do {                                                                                                     \
        if (!(condition)) {                                                                                  \
            std::fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                             \
            std::exit(1);                                                                                    \
        }                                                                                                    \
    } while (0)

int main() {
    nis::Result<nis::Nis> none = nis::Nis::create("{");
    CHECK(!none);
    CHECK(none.failure().code == NIS_ERR_PARSE && !none.failure().message.empty());

    nis::Result<nis::Nis> nis = nis::Nis::create("{}");
    CHECK(static_cast<bool>(nis));
    nis::Result<std::string> health = nis->health();
    CHECK(health && health->find("\"agents_registered\":14") != std::string::npos);
    nis::Result<std::string> reply = nis->chat(R"({"message": "What is 2+2?"})");
    CHECK(reply && reply->find('4') != std::string::npos);
    nis::Result<std::string> failed = nis->chat("[]");
    CHECK(!failed && failed.failure().code == NIS_ERR_INVALID_INPUT);

    nis::Result<nis::Cancel> cancel = nis::Cancel::create();
    CHECK(static_cast<bool>(cancel));
    cancel->set();
    nis::Result<std::string> stopped = nis->analyze(R"({"path": "examples/data/sunspots.csv"})", {}, &*cancel);
    CHECK(!stopped && stopped.failure().code == NIS_ERR_CANCELLED);
    nis::Nis owned = *std::move(nis);
    CHECK(owned.get() != nullptr);

    nis::Result<nis::Kan> kan = nis::Kan::create(R"({"inputs": ["a"], "outputs": ["b"]})");
    CHECK(static_cast<bool>(kan));
    const double row = 1.0;
    nis::Result<std::vector<double>> early = kan->predict(&row, 1);
    CHECK(!early && early.failure().code == NIS_ERR_INVALID_INPUT);
    nis::Result<bool> unfit = kan->fit(&row, nullptr, 1);
    CHECK(!unfit && unfit.failure().code == NIS_ERR_INVALID_INPUT);
    CHECK(!nis::Kan::load("{"));
    return 0;
}
