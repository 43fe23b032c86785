#!/usr/bin/env bash
# The official clients that tests/sdk tries against the gateway, in directories of our own: .tools/sdk-python and
# .tools/sdk-node. `.tools/sdk-LANGUAGE/run` runs a script with them.
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
    printf 'checks with the %s client: not run: %s\n' "$1" "$2"
}
begin() {
    printf 'installing the %s client\n' "$1"
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
        { not_run python "the client needs Python 3.10 or later, this is $version"; return; }
    state=$(state_of tests/sdk/python/requirements.txt - <<<"$version $home")
    if is_ready python "$state"; then return; fi

    begin python
    local install=(-m pip install --quiet --disable-pip-version-check --retries 2 --requirement tests/sdk/python/requirements.txt)
    # Debian's Python has neither venv nor pip unless asked for; with pip alone a directory of packages does as well.
    if python3 -m venv "$home/venv" >"$log" 2>&1; then
        interpreter=$(quoted "$home/venv/bin/python")
        "$home/venv/bin/python" "${install[@]}" >>"$log" 2>&1 ||
            { not_run python "pip could not install it ($log)"; return; }
    elif python3 -m pip --version >>"$log" 2>&1; then
        rm -rf "$home/venv"
        interpreter="env PYTHONPATH=$(quoted "$home/packages") python3"
        python3 "${install[@]}" --target "$home/packages" >>"$log" 2>&1 ||
            { not_run python "pip could not install it ($log)"; return; }
    else
        not_run python 'Python has neither venv nor pip (Debian: apt install python3-venv)'
        return
    fi
    printf '#!/bin/sh\nexec %s "$@"\n' "$interpreter" >"$home/run"
    chmod +x "$home/run"
    ready python "$state"
}

node_client() {
    local home=$tools/sdk-node log=$tools/sdk-node.log version state
    if ! version=$(node --version 2>/dev/null) || ! command -v npm >/dev/null 2>&1; then
        not_run node 'node or npm is missing'
        return
    fi
    [ "$(printf '%s' "${version#v}" | cut -d. -f1)" -ge 20 ] ||
        { not_run node "the client needs Node.js 20 or later, this is $version"; return; }
    state=$(state_of tests/sdk/node/package.json tests/sdk/node/package-lock.json - <<<"$version $home")
    if is_ready node "$state"; then return; fi

    begin node
    cp tests/sdk/node/package.json tests/sdk/node/package-lock.json "$home/"
    (cd "$home" && npm ci --no-audit --no-fund --ignore-scripts --fetch-retries=1) >"$log" 2>&1 ||
        { not_run node "npm could not install it ($log)"; return; }
    # NODE_PATH, because the script lies elsewhere than its packages; only `require` heeds it.
    printf '#!/bin/sh\nexec env NODE_PATH=%s node "$@"\n' "$(quoted "$home/node_modules")" >"$home/run"
    chmod +x "$home/run"
    ready node "$state"
}

python_client
node_client
