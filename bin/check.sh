#!/usr/bin/env bash
# Sets up what the tests need and runs all of them. Usage: bin/check.sh [--quick]
# --quick leaves out the counted gates (they need valgrind) and the long simulation: both build a
# second profile.
set -euo pipefail
cd "$(dirname "$0")/.."

quick=false
[ "${1:-}" = "--quick" ] && quick=true

step() { printf '\n== %s\n' "$*"; }

# A step that hangs fails under its name, long before whoever runs this loses patience.
within() { # within MINUTES COMMAND…
  local minutes=$1 status=0
  shift
  timeout --kill-after=10 "${minutes}m" "$@" || status=$?
  if [ "$status" = 124 ] || [ "$status" = 137 ]; then
    echo "not done within $minutes minutes: $*" >&2
  fi
  return "$status"
}

need() { # need COMMAND DEBIAN_PACKAGE
  command -v "$1" >/dev/null 2>&1 && return
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    step "installing $2"
    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "$2" >/dev/null
  else
    echo "missing: $1. Install it (Debian: sudo apt-get install $2) and run this again." >&2
    exit 5
  fi
}

need cc gcc
$quick || need valgrind valgrind

step "format"
cargo fmt --all --check

step "lint"
within 20 cargo clippy --workspace --all-targets -- -D warnings

step "tests"
within 25 cargo test --workspace --no-fail-fast

step "links, in every order that two threads may see"
RUSTFLAGS="--cfg loom" within 10 cargo test -p undertow-core --test ring_model --target-dir target/loom

step "benches, run once each"
within 15 cargo test -p undertow-benches --benches

if ! $quick; then
  step "gates: instructions and allocations per message, and their self-test"
  within 20 cargo run --release -p undertow-benches --bin gate
  within 20 cargo run --release -p undertow-benches --bin gate -- self-test

  step "simulator: a thousand seeds of the whole program, with faults"
  within 20 cargo build --release -p undertow
  within 10 cargo run --release -p undertow -- sim --seed 1 --seeds 1000
fi

step "all passed"
