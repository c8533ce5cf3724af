#!/usr/bin/env bash
# The main job on three real records: `make demo`. Needs Rust only.
source "$(dirname "$0")/lib.sh"

build() { cargo build --release --locked -p nis-example; }

analyze() {
    local name=$1
    shift
    "$TARGET/release/nis" analyze "examples/data/$name.csv" "$@" --html "$BUILD/demo/$name.html"
}

mkdir -p "$BUILD/demo"
step "build nis (release)" build
step "sunspots: what periods are in 309 years of sunspot numbers?" analyze sunspots
step "planets: what law ties the period to the distance from the sun?" analyze planets --law
step "hare and lynx: do they follow the Lotka-Volterra equations?" analyze hare_lynx \
    --equation "hare' = a*hare - b*hare*lynx; lynx' = -c*lynx + d*hare*lynx"
printf '\nThe reports as pages:\n'
for name in sunspots planets hare_lynx; do
    echo "    file://$BUILD/demo/$name.html"
done
