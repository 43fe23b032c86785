"""What the scripts that try an official client over every backend share.

The environment says where: DITTO_URL (the gateway's root), DITTO_VK_TOKEN, and DITTO_MODELS, names of models separated
by commas, each served by another backend. Behind the gateway is the provider simulator, which does what the last
message tells it to (`[[say ...]]`, `[[call NAME {...}]]`), and fails as the header `x-simulator-fault` says.
Arguments choose cases by a part of what is printed: `CASE over MODEL`.
"""

import base64
import os
import struct
import sys
import zlib

URL = os.environ["DITTO_URL"].rstrip("/")
TOKEN = os.environ["DITTO_VK_TOKEN"]
MODELS = os.environ["DITTO_MODELS"].split(",")
WRONG_TOKEN = "vk-nobody-has-this"

SAYS = "Good morning, “Zoë”! Grüße, 你好, 🌊."
SAY = f"[[say {SAYS}]]"
CALL = '[[call weather {"city": "Köln"}]]'
BOTH_CALLS = '[[call weather {"city": "Köln"}]] [[call weather {"city": "Rome"}]]'
FAIL_AT_ONCE = {"x-simulator-fault": "status=429;header=retry-after:7"}
REFUSE = {"x-simulator-fault": "status=400"}
FAIL_LATER = {"x-simulator-fault": "error=8-503"}

# What a provider cannot do is refused by the name of the field that asks for it. GLM is not told a schema, nor made to
# call a tool: https://docs.z.ai/api-reference/llm/chat-completion (seen 2026-11). Cohere's tools answer in text:
# https://docs.cohere.com/reference/chat (seen 2026-11).
NO_SCHEMA = ("zhipu",)
NO_FORCED_TOOL = ("zhipu",)
NO_IMAGE_FROM_TOOL = ("cohere",)
# Who answers 400, and not 404, for a model that is not there.
UNKNOWN_IS_BAD_REQUEST = ("zhipu", "bedrock", "bedrock-claude")
# Who tells of it without its name.
UNKNOWN_IS_NAMELESS = ("azure", "azure-v1", *UNKNOWN_IS_BAD_REQUEST)

CASES = []


def missing(model):
    """A model that goes to the backend of this one, and that the backend does not have."""
    return f"{model}-missing"


def backend(model):
    """The name of the backend that serves a model."""
    return model.removeprefix("on-")


def refuses(backends, model, kind, field, call):
    """Whether the model's backend is one of these. If so, `call` must be refused with that class, naming the field."""
    if backend(model) not in backends:
        return False
    error = refused(kind, call)
    assert field in str(error), error
    return True


def case(function):
    """Lists a function of a model's name as a case."""
    CASES.append((function.__name__.replace("_", " "), function))
    return function


def refused(kinds, call):
    """The error, of one of exactly these classes, that `call` raises."""
    kinds = kinds if isinstance(kinds, tuple) else (kinds,)
    try:
        answer = call()
    except Exception as error:
        assert type(error) in kinds, f"{type(error).__name__}: {error}"
        assert WRONG_TOKEN not in str(error), "the token is repeated in the error"
        return error
    raise AssertionError(f"no error, but {answer!r}")


def png():
    """A small image."""
    chunk = lambda kind, data: struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    head = struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0)
    pixel = zlib.compress(b"\x00\xff\x00\x00")
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", pixel) + chunk(b"IEND", b"")


IMAGE = png()
IMAGE_BASE64 = base64.b64encode(IMAGE).decode()
SEEN = f"I see image/png {len(IMAGE)} bytes."


def run():
    """Runs all cases over all models, a line for each, and ends the process."""
    wanted = sys.argv[1:]
    passed = failed = 0
    for model in MODELS:
        for name, function in CASES:
            name = f"{name} over {model}"
            if wanted and not any(part in name for part in wanted):
                continue
            try:
                function(model)
            except Exception as problem:  # Whatever goes wrong, the other cases still have something to tell.
                failed += 1
                print(f"FAILED  {name}: {type(problem).__name__}: {problem}", flush=True)
            else:
                passed += 1
                print(f"ok      {name}", flush=True)
    print(f"{passed} passed, {failed} failed")
    # A run of nothing proves nothing.
    sys.exit(0 if passed and not failed else 1)
