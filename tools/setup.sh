#!/bin/sh
# Everything needed to build, run and test: checks for what only the user can install, adds what rustup can add, and
# puts Envoy in place. Run it as often as you like: with everything there it takes well under a second.
set -eu
cd "$(dirname "$0")/.."

say() { printf 'setup: %s\n' "$*" >&2; }
have() { command -v "$1" >/dev/null 2>&1; }

# All that is missing in one line: nobody likes to learn of it piece by piece.
missing=
need() { missing="${missing:+$missing; }$1"; }
{ have cargo && have rustc; } || need 'Rust (https://rustup.rs)'
have python3 || need 'Python 3 (Debian: apt install python3 python3-pip; macOS: xcode-select --install)'
have cc || need 'a C compiler (Debian: apt install build-essential; macOS: xcode-select --install)'
have make || need 'make (Debian: apt install build-essential; macOS: xcode-select --install)'
if [ -n "$missing" ]; then
    say "please install: $missing"
    exit 1
fi

pin() { sed -n "s/^$1 *= *\"\(.*\)\"/\1/p" rust-toolchain.toml; }
channel=$(pin channel)
target=wasm32-wasip1

# What is there is read off the toolchain's own directory: asking rustup costs a process for each question, and a
# toolchain that rustup does not manage is judged the same way.
lacking() {
    lacks=
    root=$(rustc --print sysroot 2>/dev/null) || return 0
    [ -x "$root/bin/rustfmt" ] || lacks="$lacks rustfmt"
    [ -x "$root/bin/cargo-clippy" ] || lacks="$lacks clippy"
    [ -d "$root/lib/rustlib/$target/lib" ] || lacks="$lacks $target"
}

if have rustup; then
    # Explicit, because rustup can be told not to install what rust-toolchain.toml asks for (RUSTUP_AUTO_INSTALL=0).
    rustup toolchain list | grep -q "^$channel-" || {
        say "installing the pinned Rust $channel"
        rustup toolchain install "$channel" --profile minimal --component rustfmt --component clippy --target $target
    }
    lacking
    for piece in $lacks; do
        say "adding $piece to Rust $channel"
        case $piece in
        "$target") rustup target add --toolchain "$channel" "$target" ;;
        *) rustup component add --toolchain "$channel" "$piece" ;;
        esac
    done
else
    version=$(rustc --version | cut -d' ' -f2)
    [ "$version" = "$channel" ] ||
        say "warning: Rust is not managed by rustup; it is $version and the project is built with $channel"
    lacking
    if [ -n "$lacks" ]; then
        say "this Rust lacks:$lacks; install them, or install Rust with rustup (https://rustup.rs)"
        exit 1
    fi
fi

if ! rust=$(rustc --version 2>&1); then
    say "Rust $channel does not start: $rust"
    exit 1
fi
envoy=$(python3 tools/fetch-envoy.py)
say "ready: $(printf '%s' "$rust" | cut -d' ' -f1,2), Envoy at $envoy"
