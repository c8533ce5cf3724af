# What the scripts share: strict mode, headings with times, and the failing step's name. Source it.
# shellcheck shell=bash
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
ROOT=$PWD
TARGET=${CARGO_TARGET_DIR:-$ROOT/target}
BUILD=$ROOT/build
VENV=$ROOT/.venv
SECONDS=0
export CARGO_TERM_COLOR=${CARGO_TERM_COLOR:-auto}

CURRENT=
trap 'code=$?; [ $code -eq 0 ] || [ -z "$CURRENT" ] || echo "FAILED: $CURRENT (exit $code)" >&2' EXIT

# step NAME COMMAND...: a heading, the command, the time it took.
step() {
    CURRENT=$1
    shift
    printf '\n==> %s\n' "$CURRENT"
    local start=$SECONDS
    "$@"
    printf '    %s: %d s\n' "$CURRENT" $((SECONDS - start))
    CURRENT=
}
