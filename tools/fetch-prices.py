#!/usr/bin/env python3
"""Make sure LiteLLM's price file is there and print its path (the only thing written to stdout).

The tests load it whole, as an operator would with `--pricing-litellm`. Tried in this order: $LITELLM_PRICES, when set;
.tools/litellm-prices-VERSION.json, put there by an earlier run; the pinned wheel `litellm`, which has a copy.
"""

import json
import os
import sys
import tempfile
from pathlib import Path

from wheels import Refused, download, unpack

# To move the pin: `pip download --no-deps --only-binary=:all: --python-version 3.12 --platform TAG litellm==VERSION`.
VERSION = "1.109.1"
# Its prices are the same for every machine, so every machine takes this one.
TAG = "manylinux_2_28_x86_64"
SHA256 = "1c8b4dd671fa0cd0850aa751678704ff77e595fb1e6085b2dc3be39ee19bdaaf"
MEMBER = "litellm/model_prices_and_context_window_backup.json"

HOME = Path(__file__).resolve().parent.parent / ".tools"
PRICES = HOME / f"litellm-prices-{VERSION}.json"


def say(line):
    print(f"prices: {line}", file=sys.stderr, flush=True)


def given():
    named = os.environ.get("LITELLM_PRICES")
    if not named:
        return None
    if not Path(named).is_file():
        raise Refused(f"LITELLM_PRICES is {named}, which is not a file")
    return Path(named).resolve()


def fetch():
    HOME.mkdir(exist_ok=True)
    # Made beside its destination, so that the last step is a rename: whoever looks sees a whole file or none.
    with tempfile.TemporaryDirectory(dir=HOME, prefix="prices-") as scratch:
        say(f"downloading LiteLLM {VERSION} for its price file (about 40 MB)")
        wheel = download(f"litellm=={VERSION}", TAG, SHA256, Path(scratch), say)
        fresh = Path(scratch) / "prices.json"
        unpack(wheel, MEMBER, fresh)
        models = len(json.loads(fresh.read_text(encoding="utf-8")))
        # Whoever looks for the file without knowing the version finds one.
        for former in HOME.glob("litellm-prices-*.json"):
            former.unlink()
        os.replace(fresh, PRICES)
    say(f"{models} models are in {PRICES}")
    return PRICES


def main():
    try:
        print(given() or (PRICES if PRICES.is_file() else fetch()))
    except Refused as problem:
        say(f"{problem}; LITELLM_PRICES may name the file")
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
