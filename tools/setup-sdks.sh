#!/usr/bin/env bash
# The official clients that tests/sdk tries against the gateway, in directories of our own: .tools/sdk-python and
# .tools/sdk-node for libraries, where `run` runs a script with them, and .tools/sdk-cli for programs, which `run` runs by
# name.
#
# Without an interpreter or a network the rest of the tests is still worth running, so nothing here is an error: the
# reason is said and kept in .tools/sdk-LANGUAGE.status, and the tests concerned are reported as skipped.
set -euo pipefail
cd "$(dirname "$0")/.."
mkdir -p .tools
tools=$PWD/.tools

# The interpreter belongs to what was installed: another one wants another installation.
state_of() { cat "$@" | cksum | tr ' ' -; }
is_ready() { [ "$(cat "$tools/sdk-$1.status" 2>/dev/null)" = "ready $2" ] && [ -x "$tools/sdk-$1/run" ]; }
ready() { printf 'ready %s\n' "$2" >"$tools/sdk-$1.status"; }
not_run() {
    printf 'not run: %s\n' "$2" >"$tools/sdk-$1.status"
    printf 'checks with the %s clients: not run: %s\n' "$1" "$2"
}
begin() {
    printf 'installing the %s clients\n' "$1"
    rm -rf "$tools/sdk-$1" "$tools/sdk-$1.status"
    mkdir "$tools/sdk-$1"
}
# Quotes a word for sh: a checkout may well be in a directory with a space in its name.
quoted() { printf "'%s'" "${1//\'/\'\\\'\'}"; }

python_client() {
    local home=$tools/sdk-python log=$tools/sdk-python.log version state interpreter
    version=$(python3 -c 'import sys; print("%d.%d.%d" % sys.version_info[:3])' 2>/dev/null) ||
        { not_run python 'python3 is missing'; return; }
    python3 -c 'import sys; sys.exit(sys.version_info < (3, 10))' ||
        { not_run python "the clients need Python 3.10 or later, this is $version"; return; }
    state=$(state_of tests/sdk/python/requirements.txt - <<<"$version $home")
    if is_ready python "$state"; then return; fi

    begin python
    local install=(-m pip install --quiet --disable-pip-version-check --retries 2 --requirement tests/sdk/python/requirements.txt)
    # Debian's Python has neither venv nor pip unless asked for; with pip alone a directory of packages does as well.
    if python3 -m venv "$home/venv" >"$log" 2>&1; then
        interpreter=$(quoted "$home/venv/bin/python")
        "$home/venv/bin/python" "${install[@]}" >>"$log" 2>&1 ||
            { not_run python "pip could not install them ($log)"; return; }
    elif python3 -m pip --version >>"$log" 2>&1; then
        rm -rf "$home/venv"
        interpreter="env PYTHONPATH=$(quoted "$home/packages") python3"
        python3 "${install[@]}" --target "$home/packages" >>"$log" 2>&1 ||
            { not_run python "pip could not install them ($log)"; return; }
    else
        not_run python 'Python has neither venv nor pip (Debian: apt install python3-venv)'
        return
    fi
    printf '#!/bin/sh\nexec %s "$@"\n' "$interpreter" >"$home/run"
    chmod +x "$home/run"
    ready python "$state"
}

# node_packages WHAT: installs tests/sdk/WHAT/package.json, and has `run` written by `run_WHAT`.
node_packages() {
    local what=$1 home=$tools/sdk-$1 log=$tools/sdk-$1.log version state
    if ! version=$(node --version 2>/dev/null) || ! command -v npm >/dev/null 2>&1; then
        not_run "$what" 'node or npm is missing'
        return
    fi
    [ "$(printf '%s' "${version#v}" | cut -d. -f1)" -ge 20 ] ||
        { not_run "$what" "the clients need Node.js 20 or later, this is $version"; return; }
    state=$(state_of "tests/sdk/$what/package.json" "tests/sdk/$what/package-lock.json" - <<<"$version $home")
    if is_ready "$what" "$state"; then return; fi

    begin "$what"
    cp "tests/sdk/$what/package.json" "tests/sdk/$what/package-lock.json" "$home/"
    (cd "$home" && npm ci --no-audit --no-fund --ignore-scripts --fetch-retries=1) >"$log" 2>&1 ||
        { not_run "$what" "npm could not install them ($log)"; return; }
    "run_$what" "$home" >"$home/run"
    chmod +x "$home/run"
    ready "$what" "$state"
}

# NODE_PATH, because the script lies elsewhere than its packages; only `require` heeds it.
# shellcheck disable=SC2317  # Called by node_packages.
run_node() { printf '#!/bin/sh\nexec env NODE_PATH=%s node "$@"\n' "$(quoted "$1/node_modules")"; }

# Claude Code is a binary of its own in a package for the platform, which its wrapper finds; the script that would copy
# it over the wrapper is not run here.
# shellcheck disable=SC2317  # Called by node_packages.
run_cli() {
    local modules
    modules=$(quoted "$1/node_modules")
    printf '%s\n' '#!/bin/sh' 'program=$1; shift' 'case $program in' \
        "claude) exec node $modules/@anthropic-ai/claude-code/cli-wrapper.cjs \"\$@\" ;;" \
        "gemini) exec $modules/.bin/gemini \"\$@\" ;;" \
        '*) echo "no program $program" >&2; exit 2 ;;' 'esac'
}

python_client
node_packages node
node_packages cli
