#!/usr/bin/env bash
# Every check, in the order in which a mistake is found soonest. `tools/test.sh lint` stops after the lints;
# `tools/test.sh build` only builds what the tests start, for running single ones by hand.
#
# A step prints its name and time; what it had to say is shown only when it fails, and then nothing more is run. The
# test runner speaks for itself, and its own summary is the last line.
set -euo pipefail
cd "$(dirname "$0")/.."

logs=target/test-logs
mkdir -p "$logs"
rm -f "$logs"/*

# Built and tested natively, everything but the empty filter: that one is only a wasm module, with no code to test.
native=(--workspace --exclude ditto-empty-filter --all-features)
# The crates that also run inside Envoy must be clean there: whole branches are compiled for wasm only.
wasm=(-p ditto-filter -p ditto-empty-filter -p ditto-ledger -p ditto-llm -p ditto-policy -p ditto-pricing -p ditto-proto
    -p ditto-translate --target wasm32-wasip1)

# step NAME COMMAND...
# A function as COMMAND has to chain what it does with &&: `set -e` does not reach into it from here.
step() {
    local name=$1 log="$logs/${1// /-}.log" began=$SECONDS status=0
    shift
    printf '%-28s' "$name"
    "$@" >"$log" 2>&1 || status=$?
    if [ "$status" -ne 0 ]; then
        printf 'FAILED after %ss\n\n' $((SECONDS - began))
        cat "$log"
        printf '\nfailed step: %s (%s)\n' "$name" "$*"
        exit "$status"
    fi
    printf 'ok %5ss\n' $((SECONDS - began))
}

# beside LOG COMMAND...: runs it next to what follows; `awaited` waits for it. The native build has stretches that one core
# does alone, and so have the filters; what is fetched takes no core at all.
beside() {
    local log="$logs/$1.log"
    shift
    "$@" >"$log" 2>&1 &
    beside_pid=$!
}

awaited() { wait "$1" || { cat "$logs/$2.log" && false; }; }

# The filter, and before it the module in which a request header can provoke a trap. Cargo gives both the same file
# name, so the faulty one is put aside at once, and the plain one comes last, at the usual place.
filters() {
    # shellcheck disable=SC2317  # Called through `step`.
    local build=(cargo build --locked --release -p ditto-filter --target wasm32-wasip1)
    # shellcheck disable=SC2317
    "${build[@]}" --features fault-injection &&
        mkdir -p target/fault &&
        cp target/wasm32-wasip1/release/ditto_filter.wasm target/fault/ditto_filter.wasm.new &&
        mv target/fault/ditto_filter.wasm.new target/fault/ditto_filter.wasm &&
        "${build[@]}"
}

documentation() {
    # shellcheck disable=SC2317  # Called through `step`.
    RUSTDOCFLAGS='-D warnings' cargo doc --locked --no-deps -p ditto-ledger -p ditto-llm -p ditto-policy \
        -p ditto-pricing -p ditto-proto -p ditto-translate
}

# Not compiled here when absent: that takes longer than all the rest.
dependencies() {
    if ! command -v cargo-deny >/dev/null 2>&1; then
        echo 'cargo deny: not installed, skipped'
        return
    fi
    step 'cargo deny' cargo deny --locked --offline check bans licenses sources
    # The database of advisories is elsewhere: without a network its absence is no verdict on our dependencies.
    if cargo deny fetch db >"$logs/cargo-deny-fetch.log" 2>&1; then
        step 'cargo deny advisories' cargo deny --locked check --disable-fetch advisories
    else
        echo 'cargo deny advisories: the database cannot be reached, skipped'
    fi
}

lints() {
    # All targets at once: the programs that the tests start, and the tests, with the same features and so only once.
    step 'clippy and build' env "${clippy[@]}" cargo build --locked "${native[@]}" --all-targets
    step 'clippy for wasm' cargo clippy --locked "${wasm[@]}" -- -D warnings
    dependencies
    step 'cargo doc' documentation
}

# What tests start and ask that is not ours.
others() {
    # shellcheck disable=SC2317  # Called through `beside`.
    tools/setup-sdks.sh && tools/setup-redis.sh && tools/fetch-prices.py
}

tests() {
    ENVOY_BIN=$(tools/fetch-envoy.py)
    REDIS_BIN=$(tools/setup-redis.sh)
    LITELLM_PRICES=$(tools/fetch-prices.py)
    export ENVOY_BIN REDIS_BIN LITELLM_PRICES
    local status=0 summary
    if command -v cargo-nextest >/dev/null 2>&1; then
        # nextest leaves these out.
        step 'doc tests' env "${clippy[@]}" cargo test --locked --doc "${native[@]}"
        # One more than there are cores: tests of limits and outages wait for much of their time.
        env "${clippy[@]}" cargo nextest run --locked "${native[@]}" --test-threads $(($(nproc) + 1)) 2>&1 | tee "$logs/tests.log" || status=$?
        # Colours are for the eye; the line is looked for without them.
        summary=$(plain "$logs/tests.log" | grep -E '^ *Summary \[' | tail -1) || true
    else
        env "${clippy[@]}" cargo test --locked "${native[@]}" --no-fail-fast 2>&1 | tee "$logs/tests.log" || status=$?
        # Each test program has a line of its own; added up they are the summary of the run.
        summary=$(plain "$logs/tests.log" | awk '/^test result:/ { passed += $4; failed += $6; skipped += $8; seen = 1 }
            END { if (seen) printf "%d passed, %d failed, %d skipped", passed, failed, skipped }')
    fi
    # After a failure the runner goes on to list what failed; the count is said once more so that it stands last.
    if [ -n "$summary" ] && [ "$(plain "$logs/tests.log" | tail -1)" != "$summary" ]; then
        printf '%s\n' "$summary"
    fi
    printf '%s\n' "$summary" >"$logs/summary"
    return "$status"
}

plain() { sed $'s/\x1b\\[[0-9;]*m//g' "$1"; }

tools/setup.sh

# What is built natively is linted as it is compiled: `cargo clippy` would check each dependency that is built anyway.
# What ships is built without this. The form of CLIPPY_ARGS is that of `cargo clippy`.
clippy=("RUSTC_WORKSPACE_WRAPPER=$(rustc --print sysroot)/bin/clippy-driver"
    'CLIPPY_ARGS=-D__CLIPPY_HACKERY__warnings__CLIPPY_HACKERY__')

case "${1:-all}" in
all)
    step 'cargo fmt' cargo fmt --all --check
    beside filters filters
    filters_pid=$beside_pid
    beside others others
    others_pid=$beside_pid
    trap 'kill "$filters_pid" "$others_pid" 2>/dev/null || true' EXIT
    lints
    step 'build the filters' awaited "$filters_pid" filters
    step 'clients, Redis and prices' awaited "$others_pid" others
    grep -h '^checks with' "$logs/others.log" || true
    tests
    ;;
lint)
    step 'cargo fmt' cargo fmt --all --check
    lints
    ;;
build)
    # Without clippy, as `cargo test` by hand does it.
    step 'build programs and tests' cargo build --locked "${native[@]}" --all-targets
    step 'build the filters' filters
    step 'clients, Redis and prices' others
    ;;
*)
    echo "usage: tools/test.sh [lint|build]" >&2
    exit 2
    ;;
esac
