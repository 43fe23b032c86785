"""What the official Python client makes of the gateway's answers: one named check for each promise.

The environment says where: DITTO_BASE_URL (ends in /v1), DITTO_VK_TOKEN, and, where the defaults do not fit,
DITTO_MODEL and the like (below). Behind the gateway is the provider simulator; the header `x-simulator-fault` makes
it fail on purpose. Arguments choose checks by a part of their name.
"""

import asyncio
import hashlib
import io
import json
import os
import sys

import openai
from openai import AsyncOpenAI, OpenAI

BASE_URL = os.environ["DITTO_BASE_URL"].rstrip("/")
TOKEN = os.environ["DITTO_VK_TOKEN"]
MODEL = os.environ.get("DITTO_MODEL", "gpt-4o-mini")
EMBEDDING_MODEL = os.environ.get("DITTO_EMBEDDING_MODEL", "text-embedding-3-small")
SPEECH_MODEL = os.environ.get("DITTO_SPEECH_MODEL", "tts-1")
TRANSCRIPTION_MODEL = os.environ.get("DITTO_TRANSCRIPTION_MODEL", "whisper-1")

HELLO = [{"role": "user", "content": "Say hello to the gateway."}]
WEATHER = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "The weather in a city",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}

CHECKS = []


def check(function):
    CHECKS.append((function.__name__.replace("_", " "), function))
    return function


def client(**changes):
    # A retry would hide the answer that a check is about; without a bound a hung stream would hang the run.
    return OpenAI(**{"base_url": BASE_URL, "api_key": TOKEN, "max_retries": 0, "timeout": 30, **changes})


def failing(fault):
    return {"x-simulator-fault": fault}


def refused(kind, status, call, with_body=True):
    """The error of class `kind`, exactly, that `call` raises."""
    try:
        call()
    except openai.APIStatusError as error:
        assert type(error) is kind, f"{type(error).__name__} ({error.status_code}), not {kind.__name__}: {error}"
        assert error.status_code == status, error.status_code
        if with_body:
            assert isinstance(error.body, dict), f"the error has no readable body: {error.body!r}"
            assert error.body.get("message"), f"the error has no message: {error.body}"
        return error
    raise AssertionError(f"no error, where {kind.__name__} was expected")


def text_of(chunks):
    return "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)


def digest(messages):
    """What the simulator says of the messages that reached it: the start of a hash over their compact JSON."""
    compact = json.dumps(messages, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(compact.encode()).hexdigest()[:8]


@check
def chat():
    answer = client().chat.completions.create(model=MODEL, messages=HELLO)
    assert answer.object == "chat.completion", answer.object
    assert answer.choices[0].message.role == "assistant"
    assert answer.choices[0].message.content, "no content"
    assert answer.choices[0].finish_reason == "stop", answer.choices[0].finish_reason
    usage = answer.usage
    assert usage.prompt_tokens > 0 and usage.completion_tokens > 0, usage
    assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens, usage


@check
def chat_stream_without_usage():
    chunks = list(client().chat.completions.create(model=MODEL, messages=HELLO, stream=True))
    assert len(chunks) > 1, "it did not come in pieces"
    whole = client().chat.completions.create(model=MODEL, messages=HELLO)
    assert text_of(chunks) == whole.choices[0].message.content, "the pieces do not make up the whole"
    assert chunks[-1].choices[0].finish_reason == "stop", chunks[-1]
    # A usage that was not asked for arrives with no choices, which many programs do not expect.
    assert all(chunk.usage is None and chunk.choices for chunk in chunks), "usage, which nobody asked for"


@check
def chat_stream_with_usage():
    asked = {"include_usage": True}
    chunks = list(client().chat.completions.create(model=MODEL, messages=HELLO, stream=True, stream_options=asked))
    assert text_of(chunks), "no content"
    last = chunks[-1]
    assert last.choices == [], last
    assert last.usage.total_tokens == last.usage.prompt_tokens + last.usage.completion_tokens > 0, last.usage
    assert all(chunk.usage is None for chunk in chunks[:-1]), "usage before the end"


@check
def chat_stream_left_early():
    session = client()
    with session.chat.completions.create(model=MODEL, messages=HELLO, stream=True) as stream:
        next(iter(stream))
    # The same client has to be served after it hung up on a stream.
    assert session.chat.completions.create(model=MODEL, messages=HELLO).choices


@check
def chat_with_text_beyond_ascii():
    messages = [{"role": "user", "content": "Grüße, 你好, 🌊, \u2028"}]
    create = client().chat.completions.create
    answer = create(model=MODEL, messages=messages)
    assert digest(messages) in answer.choices[0].message.content, "the messages arrived changed"
    streamed = create(model=MODEL, messages=messages, stream=True)
    assert digest(messages) in text_of(list(streamed)), "the messages arrived changed"


@check
def tool_call():
    answer = client().chat.completions.create(
        model=MODEL, messages=HELLO, tools=[WEATHER], tool_choice={"type": "function", "function": {"name": "weather"}}
    )
    assert answer.choices[0].finish_reason in ("tool_calls", "stop"), answer.choices[0].finish_reason
    call = answer.choices[0].message.tool_calls[0]
    assert call.id and call.type == "function" and call.function.name == "weather", call
    assert isinstance(json.loads(call.function.arguments), dict), call.function.arguments


@check
def tool_call_stream():
    # The helper assembles the call from its pieces, and refuses a stream that does not add up.
    asked = {"model": MODEL, "messages": HELLO, "tools": [WEATHER], "tool_choice": "required"}
    with client().chat.completions.stream(**asked) as stream:
        stream.until_done()
        answer = stream.get_final_completion()
    call = answer.choices[0].message.tool_calls[0]
    assert call.id and call.function.name == "weather", call
    assert isinstance(json.loads(call.function.arguments), dict), call.function.arguments


@check
def embeddings():
    # Unless told otherwise the client asks for base64 and decodes it itself.
    answer = client().embeddings.create(model=EMBEDDING_MODEL, input=["one", "two"])
    assert [item.index for item in answer.data] == [0, 1], answer.data
    assert all(item.embedding and isinstance(item.embedding[0], float) for item in answer.data)
    plain = client().embeddings.create(model=EMBEDDING_MODEL, input="one", encoding_format="float")
    assert len(plain.data[0].embedding) == len(answer.data[0].embedding)
    close = zip(plain.data[0].embedding, answer.data[0].embedding)
    assert all(abs(left - right) < 1e-5 for left, right in close), "base64 and numbers differ"


@check
def models():
    listed = [model.id for model in client().models.list()]
    assert MODEL in listed, listed
    assert client().models.retrieve(MODEL).id == MODEL


@check
def files():
    content = bytes(range(256)) * 300
    session = client()
    made = session.files.create(file=("sample.bin", io.BytesIO(content)), purpose="user_data")
    assert made.id and made.bytes == len(content) and made.filename == "sample.bin", made
    assert session.files.retrieve(made.id).id == made.id
    assert session.files.content(made.id).read() == content, "the file came back changed"
    assert made.id in [file.id for file in session.files.list()]
    assert session.files.delete(made.id).deleted
    refused(openai.NotFoundError, 404, lambda: session.files.retrieve(made.id))


@check
def speech():
    asked = {"model": SPEECH_MODEL, "voice": "alloy", "input": "Hello."}
    whole = client().audio.speech.create(**asked)
    assert whole.response.headers["content-type"].startswith("audio/"), whole.response.headers["content-type"]
    assert whole.read(), "no sound"
    with client().audio.speech.with_streaming_response.create(**asked) as stream:
        assert b"".join(stream.iter_bytes()) == whole.read(), "streamed, it differs"


@check
def transcription():
    answer = client().audio.transcriptions.create(model=TRANSCRIPTION_MODEL, file=("hello.wav", b"RIFF" + bytes(4000)))
    assert answer.text, answer


@check
def responses():
    answer = client().responses.create(model=MODEL, input="Say hello to the gateway.")
    assert answer.status == "completed" and answer.output_text, answer
    assert answer.usage.total_tokens == answer.usage.input_tokens + answer.usage.output_tokens > 0, answer.usage
    events = list(client().responses.create(model=MODEL, input="Say hello to the gateway.", stream=True))
    assert events[0].type == "response.created" and events[-1].type == "response.completed", events
    assert events[-1].response.output_text == answer.output_text


@check
def bad_key():
    call = client(api_key="vk-nobody-has-this").chat.completions.create
    error = refused(openai.AuthenticationError, 401, lambda: call(model=MODEL, messages=HELLO))
    assert error.code == "invalid_api_key", error.body
    assert "vk-nobody-has-this" not in str(error), "the token is repeated in the error"
    # A stream that is refused is an ordinary error.
    refused(openai.AuthenticationError, 401, lambda: call(model=MODEL, messages=HELLO, stream=True))


@check
def rate_limit_of_the_provider():
    call = client().chat.completions.create
    headers = failing("status=429;header=retry-after:7")
    error = refused(openai.RateLimitError, 429, lambda: call(model=MODEL, messages=HELLO, extra_headers=headers))
    assert error.response.headers["retry-after"] == "7", dict(error.response.headers)


@check
def server_error_of_the_provider():
    call = client().chat.completions.create
    headers = failing("status=503")
    refused(openai.InternalServerError, 503, lambda: call(model=MODEL, messages=HELLO, extra_headers=headers))


@check
def bad_request():
    call = client().chat.completions.create
    error = refused(openai.BadRequestError, 400, lambda: call(model=MODEL, messages=[]))
    assert error.type == "invalid_request_error", error.body
    # Not JSON at all: nobody but the gateway itself can answer that.
    post = client().post
    options = {"headers": {"content-type": "application/json"}}
    refused(
        openai.BadRequestError,
        400,
        lambda: post("/chat/completions", cast_to=object, content=b'{"model": ', options=options),
    )


@check
def unknown_model():
    call = client().chat.completions.create
    error = refused(openai.NotFoundError, 404, lambda: call(model="no-such-model", messages=HELLO))
    assert error.code == "model_not_found", error.body


@check
def unknown_path():
    refused(openai.NotFoundError, 404, lambda: client().get("/nowhere", cast_to=object))
    # Outside the API there is nobody to say more than the status.
    root = client(base_url=BASE_URL.removesuffix("/v1"))
    refused(openai.NotFoundError, 404, lambda: root.get("/nowhere", cast_to=object), with_body=False)


@check
def request_id():
    answer = client().chat.completions.create(model=MODEL, messages=HELLO)
    assert answer._request_id, "no x-request-id on an answer"
    other = client().chat.completions.create(model=MODEL, messages=HELLO)
    assert other._request_id != answer._request_id, "two requests have one id"
    named = client().chat.completions.create(model=MODEL, messages=HELLO, extra_headers={"x-request-id": "sdk-check"})
    assert named._request_id == "sdk-check", named._request_id
    call = client(api_key="vk-nobody-has-this").models.list
    assert refused(openai.AuthenticationError, 401, call).request_id, "no x-request-id on an error"


@check
def base_url_without_v1():
    short = client(base_url=BASE_URL.removesuffix("/v1"))
    assert short.chat.completions.create(model=MODEL, messages=HELLO).choices
    assert text_of(list(short.chat.completions.create(model=MODEL, messages=HELLO, stream=True)))
    assert MODEL in [model.id for model in short.models.list()]


@check
def async_client():
    async def conversation():
        async with AsyncOpenAI(base_url=BASE_URL, api_key=TOKEN, max_retries=0, timeout=30) as session:
            create = session.chat.completions.create

            async def ask(number):
                messages = [{"role": "user", "content": f"question {number}"}]
                answer = await create(model=MODEL, messages=messages)
                assert digest(messages) in answer.choices[0].message.content, "an answer to another question"

            await asyncio.gather(*(ask(number) for number in range(20)))
            stream = await create(model=MODEL, messages=HELLO, stream=True)
            assert text_of([chunk async for chunk in stream]), "no content"

    asyncio.run(conversation())


def main():
    wanted = sys.argv[1:]
    passed = failed = 0
    for name, function in CHECKS:
        if wanted and not any(part in name for part in wanted):
            continue
        try:
            function()
        except Exception as problem:  # Whatever goes wrong, the other checks still have something to tell.
            failed += 1
            print(f"FAILED  {name}: {type(problem).__name__}: {problem}", flush=True)
        else:
            passed += 1
            print(f"ok      {name}", flush=True)
    print(f"{passed} passed, {failed} failed")
    # A run of nothing proves nothing.
    return 0 if passed and not failed else 1


if __name__ == "__main__":
    sys.exit(main())
