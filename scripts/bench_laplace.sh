#!/usr/bin/env bash
# Builds the Python package as released and runs benches/peers/laplace.py beside the peers: `make bench-laplace`.
source "$(dirname "$0")/lib.sh"

PYTHON=${PYTHON:-python3}
peers=$BUILD/peers
stamp=$peers/.requirements
if ! cmp -s benches/peers/requirements.txt "$stamp"; then
    step "Python environment of the peers" bash -c "
        '$PYTHON' -m venv --clear '$peers' &&
        '$peers/bin/pip' install -q --disable-pip-version-check -r benches/peers/requirements.txt &&
        cp benches/peers/requirements.txt '$stamp'"
fi
export PATH="$peers/bin:$PATH"
step "wheel, as released" maturin build -q --locked --release --interpreter "$peers/bin/python" --out "$BUILD/peers-wheel"
step "install" pip install -q --disable-pip-version-check --force-reinstall --no-deps "$BUILD"/peers-wheel/*.whl
python benches/peers/laplace.py "$@"
