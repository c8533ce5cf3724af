#!/usr/bin/env bash
# Runs every test of the repository: `make test`. Stops at the first step that fails and names it.
# One step alone: scripts/test.sh NAME (rust, c, python, lint, docs).
source "$(dirname "$0")/lib.sh"
export PATH="$VENV/bin:$PATH"

lint() {
    step "cargo fmt" cargo fmt --all --check
    step "cargo clippy" cargo clippy --workspace --all-targets --locked -- -D warnings
    step "cargo clippy, numerics only" cargo clippy -p nis-core --no-default-features --lib --locked -- -D warnings
}

docs() {
    step "cargo doc" env RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --locked
}

rust() {
    # All targets in one build: `cargo test` alone would not leave libnis.so and libnis.a behind.
    step "cargo build" cargo build --workspace --all-targets --locked
    step "cargo test (holds the check of include/nis.h)" cargo test --workspace --locked
}

CFLAGS=(-std=c11 -D_XOPEN_SOURCE=700 -pedantic)
CXXFLAGS=(-std=c++17 -pedantic)
WARN=(-Wall -Wextra -Werror -g -O1 -Iinclude)
STATIC_LIBS=(-lpthread -ldl -lm -lgcc_s)

# The library where the loader looks for it: under its SONAME.
lay_out_library() {
    mkdir -p "$BUILD/c"
    [ -f "$TARGET/debug/libnis.so" ] || cargo build -p nis-ffi --locked
    ln -sf "$TARGET/debug/libnis.so" "$BUILD/c/libnis.so"
    ln -sf "$TARGET/debug/libnis.so" "$BUILD/c/libnis.so.0"
    ln -sf "$TARGET/debug/libnis.a" "$BUILD/c/libnis.a"
}

# Only nis_* leaves the shared library, and it carries its SONAME.
symbols() {
    # Into files first: `nm | grep -q` under pipefail fails by SIGPIPE (141) where grep stops reading before nm is
    # done, which depends on the load of the machine.
    local names="$BUILD/c/symbols.txt" header="$BUILD/c/headers.txt"
    nm -D --defined-only "$BUILD/c/libnis.so" | awk '{print $3}' >"$names"
    objdump -p "$BUILD/c/libnis.so" >"$header"
    if grep -v '^nis_' "$names" >&2; then
        echo "exported besides nis_*: the names above" >&2
        return 1
    fi
    grep -q 'SONAME *libnis.so.0$' "$header"
    # Each function of the header is there, and is called by a test in C.
    local name
    for name in $(grep -oE '\bnis_[a-z_]+\(' include/nis.h | tr -d '(' | sort -u); do
        [ "$name" = nis_check_abi ] || grep -qx "$name" "$names" ||
            { echo "$name is not exported" >&2; return 1; }
        grep -q "\b$name(" tests/c/*.c || { echo "no test in C calls $name" >&2; return 1; }
    done
}

compile_c() {
    local l=(-L"$BUILD/c" -lnis -Wl,-rpath,"$BUILD/c" -pthread)
    gcc "${CFLAGS[@]}" "${WARN[@]}" examples/c/quickstart.c "${l[@]}" -o "$BUILD/c/quickstart_c"
    g++ "${CXXFLAGS[@]}" "${WARN[@]}" examples/cpp/quickstart.cpp "${l[@]}" -o "$BUILD/c/quickstart_cpp"
    local source
    for source in tests/c/*.c; do
        gcc "${CFLAGS[@]}" "${WARN[@]}" "$source" "${l[@]}" -lm -o "$BUILD/c/$(basename "$source" .c)"
    done
    g++ "${CXXFLAGS[@]}" "${WARN[@]}" tests/cpp/raii.cpp "${l[@]}" -o "$BUILD/c/raii"
    g++ "${CXXFLAGS[@]}" "${WARN[@]}" -fno-exceptions tests/cpp/no_exceptions.cpp "${l[@]}" -o "$BUILD/c/no_exceptions"
    g++ "${CXXFLAGS[@]}" "${WARN[@]}" tests/cpp/laplace.cpp "${l[@]}" -o "$BUILD/c/laplace"
    g++ "${CXXFLAGS[@]}" "${WARN[@]}" -fno-exceptions tests/cpp/laplace.cpp "${l[@]}" -o "$BUILD/c/laplace_no_exceptions"
    # The header alone, as C and as C++; and the static library.
    echo '#include <nis.h>' | gcc "${CFLAGS[@]}" "${WARN[@]}" -x c -fsyntax-only -
    echo '#include <nis.h>' | g++ -std=c++17 "${WARN[@]}" -x c++ -fsyntax-only -
    gcc "${CFLAGS[@]}" "${WARN[@]}" examples/c/quickstart.c "$BUILD/c/libnis.a" "${STATIC_LIBS[@]}" -o "$BUILD/c/quickstart_static"
}

# The environment of the caller (keys, addresses) must not decide what these tests see.
clean() {
    env -i PATH="$PATH" HOME="$HOME" LANG=C.UTF-8 "$@"
}

# No suppressions: after nis_free nothing of the runtime is left.
under_valgrind() {
    clean valgrind --quiet --leak-check=full --error-exitcode=1 \
        --errors-for-leak-kinds=definite,indirect,possible --show-leak-kinds=definite,indirect,possible "$@"
}

expect_period() {
    # NAME COMMAND...: what the example prints holds the answer and a period between 10.5 and 11.2 years.
    local name=$1 output
    shift
    output=$("$@")
    echo "$output"
    grep -q '\b4\b' <<<"$output" || { echo "$name: no answer" >&2; return 1; }
    awk -v name="$name" '/dominant period: / { p = $3; found = 1 }
        END { if (!found || !(p > 10.5 && p < 11.2)) { print name ": period " p > "/dev/stderr"; exit 1 } }' <<<"$output"
}

# The programs under valgrind, at once: it is slow, and each uses one core.
all_under_valgrind() {
    local data=examples/data/sunspots.csv name failed=0
    local -A job
    for name in quickstart_c quickstart_cpp; do
        expect_period "$name" under_valgrind "$BUILD/c/$name" $data >"$BUILD/c/$name.log" 2>&1 &
        job[$name]=$!
    done
    for name in $(basename -s .c tests/c/*.c) raii no_exceptions laplace laplace_no_exceptions; do
        under_valgrind "$BUILD/c/$name" >"$BUILD/c/$name.log" 2>&1 &
        job[$name]=$!
    done
    for name in "${!job[@]}"; do
        if wait "${job[$name]}"; then
            echo "    $name: no error, no leak"
        else
            echo "$name under valgrind:" >&2
            cat "$BUILD/c/$name.log" >&2
            failed=1
        fi
    done
    return $failed
}

c_tests() {
    step "libnis" lay_out_library
    step "symbols of libnis.so" symbols
    step "compile C and C++" compile_c
    local data=examples/data/sunspots.csv
    step "C example, linked to libnis.so" expect_period quickstart_c clean "$BUILD/c/quickstart_c" $data
    step "C example, linked to libnis.a" expect_period quickstart_static clean "$BUILD/c/quickstart_static" $data
    step "C++ example" expect_period quickstart_cpp clean "$BUILD/c/quickstart_cpp" $data
    step "C and C++ examples and tests under valgrind" all_under_valgrind
}

wheel() {
    rm -rf "$BUILD/wheels"
    maturin build -q --locked --profile dev --interpreter "$VENV/bin/python" --out "$BUILD/wheels"
    pip install -q --disable-pip-version-check --force-reinstall --no-deps "$BUILD"/wheels/*.whl
    # abi3 from 3.11 on, as the name says.
    ls "$BUILD"/wheels/*-cp311-abi3-*.whl
}

python_tests() {
    step "wheel" wheel
    step "mypy --strict" mypy --strict
    step "stubs against the module" python -m mypy.stubtest nis_core._native
    step "pytest" clean python -m pytest
    step "doctests" clean python -m pytest --doctest-modules --pyargs nis_core
    step "Python example" clean python examples/python/quickstart.py examples/data/sunspots.csv
}

case ${1:-all} in
all)
    lint
    rust
    docs
    c_tests
    python_tests
    printf '\nAll tests passed in %d s.\n' "$SECONDS"
    ;;
lint) lint ;;
rust) rust ;;
docs) docs ;;
c) c_tests ;;
python) python_tests ;;
*)
    echo "no such step: $1 (lint, rust, docs, c, python)" >&2
    exit 2
    ;;
esac
