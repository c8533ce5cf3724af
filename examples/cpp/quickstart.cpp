// NIS from C++17: ask a question, analyze a record, print the dominant period.
//
//   cargo build -p nis-ffi
//   c++ -std=c++17 -Iinclude examples/cpp/quickstart.cpp -Ltarget/debug -lnis -o quickstart
//   LD_LIBRARY_PATH=... ./quickstart examples/data/sunspots.csv
#include <nis.hpp>

#include <cstdlib>
#include <iostream>
#include <string>

int main(int argc, char **argv) {
    const std::string path = argc > 1 ? argv[1] : "examples/data/sunspots.csv";
    try {
        const nis::Nis nis = nis::Nis::create();
        std::cout << nis.chat(R"({"message": "What is 2+2?"})") << '\n';

        unsigned steps = 0;
        const std::string report = nis.analyze(R"({"path": ")" + path + "\"}", [&](const nis::Step &) {
            ++steps;
            return true; // go on
        });
        // The modes stand in the order of their power: the first period is the dominant one. A real program
        // uses a JSON library.
        const std::string key = "\"period\":";
        const auto at = report.find(key);
        if (at == std::string::npos || report[at + key.size()] == 'n') {
            std::cerr << "the report has no period\n";
            return EXIT_FAILURE;
        }
        std::cout << "dominant period: " << std::stod(report.substr(at + key.size(), 32)) << " (after " << steps
                  << " reports of progress)\n";
        return EXIT_SUCCESS;
    } catch (const nis::Error &e) {
        std::cerr << "status " << e.code() << ": " << e.what() << '\n';
        return EXIT_FAILURE;
    }
}
