#!/usr/bin/env bash
# Sets up what `make test` needs beyond rustup's Rust: Debian packages (only those whose command is missing)
# and a Python environment in .venv with the pinned requirements. Does nothing when all is there.
source "$(dirname "$0")/lib.sh"

PYTHON=${PYTHON:-python3}

install_missing() {
    local missing=()
    # COMMAND:PACKAGE
    for pair in gcc:gcc g++:g++ make:make nm:binutils valgrind:valgrind "$PYTHON:python3"; do
        command -v "${pair%%:*}" >/dev/null || missing+=("${pair##*:}")
    done
    # Debian's python3 comes without what makes environments.
    if command -v "$PYTHON" >/dev/null && ! "$PYTHON" -c 'import ensurepip, venv' 2>/dev/null; then
        missing+=(python3-venv)
    fi
    [ ${#missing[@]} -eq 0 ] && return
    echo "missing Debian packages: ${missing[*]}"
    local as_root=()
    if [ "$(id -u)" -ne 0 ]; then
        if ! command -v sudo >/dev/null; then
            echo "not root and no sudo: install them by hand, then run this again:" >&2
            echo "    apt-get install ${missing[*]}" >&2
            return 1
        fi
        as_root=(sudo)
    fi
    if ! command -v apt-get >/dev/null; then
        echo "no apt-get here: install the equivalent of these packages by hand: ${missing[*]}" >&2
        return 1
    fi
    "${as_root[@]}" apt-get update -q
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "${missing[@]}"
}

check_versions() {
    if ! command -v cargo >/dev/null; then
        echo "no cargo: install Rust with rustup, https://rustup.rs" >&2
        return 1
    fi
    "$PYTHON" - <<'P'
import sys
if sys.version_info < (3, 11):
    sys.exit(f"Python 3.11 or newer is needed, this is {sys.version.split()[0]}; name another with PYTHON=")
P
}

environment() {
    local stamp=$VENV/.requirements
    if [ -x "$VENV/bin/python" ] && cmp -s scripts/requirements.txt "$stamp"; then
        return
    fi
    "$PYTHON" -m venv --clear "$VENV"
    "$VENV/bin/pip" install -q --disable-pip-version-check -r scripts/requirements.txt
    cp scripts/requirements.txt "$stamp"
}

step "Debian packages" install_missing
step "versions" check_versions
step "Python environment" environment
