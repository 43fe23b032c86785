"""The official Google client over every backend; see `cases`."""

from typing import Literal

from google import genai
from google.genai import errors as google_errors
from google.genai import types
from pydantic import BaseModel

import cases
from cases import backend, case, refused, refuses

WEATHER = types.Tool(
    function_declarations=[
        types.FunctionDeclaration(
            name="weather",
            description="Of a city.",
            parameters=types.Schema(
                type=types.Type.OBJECT, properties={"city": types.Schema(type=types.Type.STRING)}, required=["city"]
            ),
        )
    ]
)
# Otherwise the client calls the functions itself; that has a case of its own.
BY_HAND = types.AutomaticFunctionCallingConfig(disable=True)


class Event(BaseModel):
    """What is asked for as structured output."""

    name: str
    kind: Literal["meeting", "party"]
    guests: list[str]


def client(token=cases.TOKEN, headers=None):
    # Without a bound a hung stream would hang the run.
    options = types.HttpOptions(base_url=cases.URL, timeout=30_000, headers=headers)
    return genai.Client(api_key=token, vertexai=False, http_options=options)


CLIENT = client()
generate = CLIENT.models.generate_content
stream = CLIENT.models.generate_content_stream


def failing(headers):
    return types.GenerateContentConfig(http_options=types.HttpOptions(headers=headers))


@case
def plain(model):
    config = types.GenerateContentConfig(system_instruction="Be short.", max_output_tokens=200, temperature=0.5)
    answer = generate(model=model, contents=cases.SAY, config=config)
    assert answer.text == cases.SAYS, answer
    assert answer.candidates[0].finish_reason == types.FinishReason.STOP, answer
    usage = answer.usage_metadata
    assert usage.prompt_token_count > 0 and usage.candidates_token_count > 0, usage
    assert usage.total_token_count >= usage.prompt_token_count + usage.candidates_token_count, usage


@case
def streamed(model):
    chunks = list(stream(model=model, contents=cases.SAY))
    texts = [chunk.text or "" for chunk in chunks]
    assert "".join(texts) == cases.SAYS, texts
    assert len([text for text in texts if text]) > 1, "it did not come in pieces"
    assert chunks[-1].candidates[0].finish_reason == types.FinishReason.STOP, chunks[-1]
    whole, last = generate(model=model, contents=cases.SAY).usage_metadata, chunks[-1].usage_metadata
    counts = lambda usage: (usage.prompt_token_count, usage.candidates_token_count, usage.total_token_count)
    assert counts(last) == counts(whole), (last, whole)


@case
def tool_loop(model):
    config = types.GenerateContentConfig(tools=[WEATHER], automatic_function_calling=BY_HAND)
    answer = generate(model=model, contents=cases.BOTH_CALLS, config=config)
    finish_tool_loop(model, config, answer.candidates[0].content)


@case
def tool_loop_streamed(model):
    config = types.GenerateContentConfig(tools=[WEATHER], automatic_function_calling=BY_HAND)
    chunks = stream(model=model, contents=cases.BOTH_CALLS, config=config)
    contents = [chunk.candidates[0].content for chunk in chunks]
    parts = [part for content in contents if content for part in content.parts or []]
    finish_tool_loop(model, config, types.Content(role="model", parts=parts))


def finish_tool_loop(model, config, turn):
    calls = [part.function_call for part in turn.parts if part.function_call]
    assert [(call.name, call.args) for call in calls] == [("weather", {"city": "Köln"}), ("weather", {"city": "Rome"})]
    results = [
        types.Part(function_response=types.FunctionResponse(id=call.id, name=call.name, response={"output": weather}))
        for call, weather in zip(calls, ["rain", "sun"])
    ]
    asked = types.Content(role="user", parts=[types.Part(text=cases.BOTH_CALLS)])
    answer = generate(model=model, contents=[asked, turn, types.Content(role="user", parts=results)], config=config)
    assert "The tool said:" in answer.text and "rain" in answer.text and "sun" in answer.text, answer.text


@case
def functions_called_by_the_client(model):
    called = []

    def weather(city: str) -> str:
        """The weather in a city."""
        called.append(city)
        return f"rain in {city}"

    config = types.GenerateContentConfig(tools=[weather])
    answer = generate(model=model, contents=cases.CALL, config=config)
    assert called == ["Köln"], called
    assert "rain in Köln" in answer.text, answer.text


@case
def conversation(model):
    chat = CLIENT.chats.create(model=model)
    assert chat.send_message(cases.SAY).text == cases.SAYS
    assert "3 messages" in chat.send_message("And now?").text


@case
def image(model):
    parts = [types.Part.from_bytes(data=cases.IMAGE, mime_type="image/png"), "What is this?"]
    text = generate(model=model, contents=parts).text
    assert cases.SEEN in text, text


@case
def parsed(model):
    config = types.GenerateContentConfig(response_mime_type="application/json", response_schema=Event)
    parse = lambda: generate(model=model, contents="An event, please.", config=config)
    if refuses(cases.NO_SCHEMA, model, google_errors.ClientError, "responseJsonSchema", parse):
        return
    answer = parse()
    assert isinstance(answer.parsed, Event), answer


@case
def errors(model):
    hello = {"model": model, "contents": "Hello."}
    wrong = client(token=cases.WRONG_TOKEN)
    error = refused(google_errors.ClientError, lambda: wrong.models.generate_content(**hello))
    assert (error.code, error.status) == (401, "UNAUTHENTICATED"), error
    error = refused(google_errors.ClientError, lambda: generate(**hello | {"model": cases.missing(model)}))
    bad = backend(model) in cases.UNKNOWN_IS_BAD_REQUEST
    assert (error.code, error.status) == ((400, "INVALID_ARGUMENT") if bad else (404, "NOT_FOUND")), error
    for call in generate, lambda **asked: list(stream(**asked)):
        error = refused(google_errors.ClientError, lambda: call(**hello, config=failing(cases.FAIL_AT_ONCE)))
        assert (error.code, error.status) == (429, "RESOURCE_EXHAUSTED"), error
        assert error.response.headers["retry-after"] == "7", dict(error.response.headers)
        error = refused(google_errors.ClientError, lambda: call(**hello, config=failing(cases.REFUSE)))
        assert (error.code, error.status) == (400, "INVALID_ARGUMENT"), error


@case
def error_in_stream(model):
    came = []

    def read():
        came.extend(stream(model=model, contents="say 50 words", config=failing(cases.FAIL_LATER)))

    error = refused(google_errors.ServerError, read)
    # Other dialects tell no status in a stream, so that it can only be an error of the server.
    assert (error.code, error.status) in ((503, "UNAVAILABLE"), (500, "INTERNAL")), error
    assert came, "nothing came before the error"


@case
def tokens_are_counted(model):
    assert CLIENT.models.count_tokens(model=model, contents="Hello, how many tokens are this?").total_tokens > 0


@case
def models_are_listed(model):
    assert f"models/{model}" in [listed.name for listed in CLIENT.models.list()]


cases.run()
