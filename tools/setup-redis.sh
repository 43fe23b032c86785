#!/usr/bin/env bash
# Make sure a Redis server for the tests is there and print its path (the only thing written to stdout).
#
# Tried in this order:
#   1. $REDIS_BIN, when set: used or refused, never passed over;
#   2. .tools/redis/redis-server, put there by an earlier run;
#   3. `redis-server` or `valkey-server` on the PATH, when recent enough;
#   4. Debian's packages, unpacked to .tools/redis. Nothing is installed: no root, no service, nothing changed elsewhere.
set -euo pipefail
cd "$(dirname "$0")/.."
home=$PWD/.tools/redis

# The oldest that the gateway supports: its scripts use what 6.2 brought. Valkey began at 7.2.
oldest=6.2
otherwise="install Redis $oldest or later, or Valkey (Debian: apt install redis-server; macOS: brew install redis), or set REDIS_BIN to one"

say() { printf 'redis: %s\n' "$*" >&2; }
refuse() {
    say "$*"
    exit 1
}

# `Redis server v=7.0.15 sha=…`; Valkey says the same with its own name.
version_of() { "$1" --version 2>/dev/null | sed -n 's/.* v=\([0-9]*\.[0-9]*\.[0-9]*\).*/\1/p'; }
supported() { [ -n "$1" ] && [ "$(printf '%s\n%s\n' "$oldest" "$1" | sort -V | head -1)" = "$oldest" ]; }

# The packages that were named, into $home/packages, by the machine's own lists. Where those are missing or out of date,
# by lists of our own: only root may fetch the machine's.
download() {
    (cd "$home/packages" && apt-get download "$@") && return
    mkdir -p "$home/apt/lists/partial"
    local own=(-o "Dir::State::Lists=$home/apt/lists" -o "Dir::Cache=$home/apt")
    apt-get "${own[@]}" update && (cd "$home/packages" && apt-get "${own[@]}" download "$@")
}

unpack() {
    local package
    for package in "$home"/packages/*.deb; do
        dpkg -x "$package" "$home/root" || return
    done
}

# Which libraries the server needs that are not there; nothing when it starts.
lacks() { ldd "$home/root/usr/bin/redis-server" | sed -n 's/^\s*\(\S*\) => not found.*/\1/p'; }

# The packages of libraries that the server depends on and this machine does not have.
missing_packages() {
    local package
    # Alternatives stand behind a bar; the first is what Debian would take.
    dpkg-deb --field "$home"/packages/redis-tools_*.deb Depends | tr ',' '\n' | sed 's/[|(].*//; s/\s//g' |
        grep -E '^(lib|lua)' | while read -r package; do
        dpkg-query -W -f '${db:Status-Status}\n' "$package" 2>/dev/null | grep -qx installed || printf '%s\n' "$package"
    done
}

fetch() {
    rm -rf "$home"
    mkdir -p "$home/packages" "$home/root"
    # The program itself is in redis-tools, and redis-server has only a link to it.
    download redis-server redis-tools && unpack || return
    if [ -n "$(lacks)" ]; then
        local packages
        packages=$(missing_packages)
        # shellcheck disable=SC2086  # One word each.
        download $packages && unpack || return
    fi
    cat >"$home/redis-server.new" <<'END'
#!/bin/sh
# The libraries were unpacked beside the program.
here=$(dirname "$0")
LD_LIBRARY_PATH=$(echo "$here"/root/usr/lib/*-linux-*) exec "$here/root/usr/bin/redis-server" "$@"
END
    chmod +x "$home/redis-server.new"
    supported "$(version_of "$home/redis-server.new")" || return
    rm -rf "$home/packages" "$home/apt"
    # The last step: whoever looks sees a server that works or none.
    mv "$home/redis-server.new" "$home/redis-server"
}

if [ -n "${REDIS_BIN:-}" ]; then
    found=$(command -v "$REDIS_BIN") || refuse "REDIS_BIN is $REDIS_BIN, which is not an executable file"
    version=$(version_of "$found")
    supported "$version" || refuse "REDIS_BIN is of version '$version'; $oldest or later is needed"
    printf '%s\n' "$found"
    exit
fi
for found in "$home/redis-server" "$(command -v redis-server)" "$(command -v valkey-server)"; do
    if [ -x "$found" ] && supported "$(version_of "$found")"; then
        printf '%s\n' "$found"
        exit
    fi
done

if ! command -v apt-get >/dev/null 2>&1 || ! command -v dpkg-deb >/dev/null 2>&1; then
    refuse "there is none: $otherwise"
fi
say "unpacking Debian's redis-server into .tools/redis"
log=$PWD/.tools/redis.log
mkdir -p .tools
if ! fetch >"$log" 2>&1; then
    tail -3 "$log" >&2
    refuse "that failed ($log): $otherwise"
fi
printf '%s\n' "$home/redis-server"
