# The commands that a newcomer needs. Each works in a fresh clone, and twice in a row.
.PHONY: help demo test setup bench bench-laplace bench-kan bench-pinn docs header clean

help:
	@echo "make demo    builds nis and analyses three real records; prints where the report pages are"
	@echo "make test    sets up what it needs and runs every test: Rust, C, C++, Python"
	@echo "make setup   only the set-up of make test: Debian packages by name, .venv"
	@echo "make bench   runs the benchmarks (on an idle machine)"
	@echo "make bench-laplace  the Laplace engine beside its peers, in one table (on an idle machine)"
	@echo "make bench-kan  Kolmogorov-Arnold networks beside their peers, in one table (on an idle machine; 6 GB)"
	@echo "make bench-pinn  differential equations: DeepXDE and classical solvers beside ours (on an idle machine; 7 GB)"
	@echo "make docs    builds the documentation of the Rust crates; prints where it is"
	@echo "make header  writes include/nis.h anew after a change of nis-ffi"
	@echo "make clean   removes what was built"
	@echo "scripts/test.sh lint|rust|docs|c|python runs a part of the tests"

demo:
	@scripts/demo.sh

setup:
	@scripts/setup.sh

test:
	@scripts/setup.sh
	@scripts/test.sh

bench:
	cargo bench -p nis-benches --locked

bench-laplace:
	@scripts/bench_laplace.sh

bench-kan:
	@scripts/bench_kan.sh

bench-pinn:
	@scripts/bench_pinn.sh

docs:
	cargo doc --workspace --no-deps --locked
	@echo "file://$${CARGO_TARGET_DIR:-$(CURDIR)/target}/doc/nis_core/index.html"

header:
	NIS_UPDATE_HEADER=1 cargo test -p nis-ffi --test header

clean:
	cargo clean
	rm -rf build .venv
