#!/usr/bin/env bash
# Builds the Python package as released and runs benches/peers/pinn.py beside the peers: `make bench-pinn`.
# The peers' environment takes some 7 GB: PyPI's torch comes with the libraries for GPUs.
source "$(dirname "$0")/lib.sh"

PYTHON=${PYTHON:-python3}
peers=$BUILD/peers-pinn
stamp=$peers/.requirements
if ! cmp -s benches/peers/requirements-pinn.txt "$stamp"; then
    step "Python environment of the peers" bash -c "
        '$PYTHON' -m venv --clear '$peers' &&
        '$peers/bin/pip' install -q --disable-pip-version-check -r benches/peers/requirements-pinn.txt &&
        cp benches/peers/requirements-pinn.txt '$stamp'"
fi
export PATH="$peers/bin:$PATH"
step "wheel, as released" maturin build -q --locked --release --interpreter "$peers/bin/python" --out "$BUILD/peers-pinn-wheel"
step "install" pip install -q --disable-pip-version-check --force-reinstall --no-deps "$BUILD"/peers-pinn-wheel/*.whl
step "kernel steps" cargo build -q --locked --release -p nis-benches --bin pinn_kernel
PINN_KERNEL=$TARGET/release/pinn_kernel python benches/peers/pinn.py "$@"
