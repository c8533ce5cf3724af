#!/usr/bin/env bash
# Builds the Python package as released and runs benches/peers/kan.py beside the peers: `make bench-kan`.
# The peers' environment takes some 6 GB: PyPI's torch comes with the libraries for GPUs.
source "$(dirname "$0")/lib.sh"

PYTHON=${PYTHON:-python3}
peers=$BUILD/peers-kan
stamp=$peers/.requirements
if ! cmp -s benches/peers/requirements-kan.txt "$stamp"; then
    step "Python environment of the peers" bash -c "
        '$PYTHON' -m venv --clear '$peers' &&
        '$peers/bin/pip' install -q --disable-pip-version-check -r benches/peers/requirements-kan.txt &&
        cp benches/peers/requirements-kan.txt '$stamp'"
fi
export PATH="$peers/bin:$PATH"
step "wheel, as released" maturin build -q --locked --release --interpreter "$peers/bin/python" --out "$BUILD/peers-kan-wheel"
step "install" pip install -q --disable-pip-version-check --force-reinstall --no-deps "$BUILD"/peers-kan-wheel/*.whl
python benches/peers/kan.py "$@"
