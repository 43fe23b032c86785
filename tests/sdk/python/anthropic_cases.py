"""The official Anthropic client over every backend; see `cases`."""

from typing import Literal

import anthropic
from anthropic import Anthropic
from pydantic import BaseModel

import cases
from cases import backend, case, refused, refuses

TOOL = {
    "name": "weather",
    "description": "Of a city.",
    "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}


class Event(BaseModel):
    """What is asked for as structured output."""

    name: str
    kind: Literal["meeting", "party"]
    guests: list[str]


def client(**changes):
    # A retry would hide the answer that a case is about; without a bound a hung stream would hang the run.
    return Anthropic(**({"base_url": cases.URL, "api_key": cases.TOKEN, "max_retries": 0, "timeout": 30} | changes))


CLIENT = client()


def asked(model, content, **more):
    return {"model": model, "max_tokens": 400, "messages": [{"role": "user", "content": content}], **more}


@case
def plain(model):
    answer = CLIENT.messages.create(**asked(model, cases.SAY, system="Be short.", stop_sequences=["never said"]))
    [block] = answer.content
    assert (block.type, block.text) == ("text", cases.SAYS), answer
    assert (answer.role, answer.type, answer.stop_reason) == ("assistant", "message", "end_turn"), answer
    assert answer.usage.input_tokens > 0 and answer.usage.output_tokens > 0, answer.usage


@case
def bearer_instead_of_api_key(model):
    other = client(api_key=None, auth_token=cases.TOKEN)
    assert other.messages.create(**asked(model, cases.SAY)).content[0].text == cases.SAYS


@case
def stream(model):
    with CLIENT.messages.stream(**asked(model, cases.SAY)) as stream:
        texts = list(stream.text_stream)
        answer = stream.get_final_message()
    assert "".join(texts) == answer.content[0].text == cases.SAYS, texts
    assert len(texts) > 1, "it did not come in pieces"
    assert answer.stop_reason == "end_turn", answer
    whole = CLIENT.messages.create(**asked(model, cases.SAY)).usage
    assert (answer.usage.input_tokens, answer.usage.output_tokens) == (whole.input_tokens, whole.output_tokens), answer
    kinds = [event.type for event in CLIENT.messages.create(**asked(model, cases.SAY), stream=True)]
    assert kinds[0] == "message_start" and kinds[-2:] == ["message_delta", "message_stop"], kinds


@case
def tool_loop(model):
    first = asked(model, cases.BOTH_CALLS, tools=[TOOL])
    finish_tool_loop(first, CLIENT.messages.create(**first))


@case
def tool_loop_streamed(model):
    first = asked(model, cases.BOTH_CALLS, tools=[TOOL])
    with CLIENT.messages.stream(**first) as stream:
        finish_tool_loop(first, stream.get_final_message())


def finish_tool_loop(first, answer):
    assert answer.stop_reason == "tool_use", answer
    calls = [block for block in answer.content if block.type == "tool_use"]
    assert [call.input for call in calls] == [{"city": "Köln"}, {"city": "Rome"}], answer
    results = [
        {"type": "tool_result", "tool_use_id": calls[0].id, "content": "rain"},
        {"type": "tool_result", "tool_use_id": calls[1].id, "content": "no such city", "is_error": True},
    ]
    turns = [{"role": "assistant", "content": answer.content}, {"role": "user", "content": results}]
    answer = CLIENT.messages.create(**first | {"messages": first["messages"] + turns})
    assert answer.stop_reason == "end_turn", answer
    text = answer.content[0].text
    assert "The tool said: rain" in text and "no such city" in text, text


@case
def forced_tool(model):
    choice = asked(model, "Hello.", tools=[TOOL], tool_choice={"type": "tool", "name": "weather"})
    create = lambda: CLIENT.messages.create(**choice)
    if refuses(cases.NO_FORCED_TOOL, model, anthropic.BadRequestError, "tool_choice", create):
        return
    answer = create()
    assert [block.name for block in answer.content if block.type == "tool_use"] == ["weather"], answer


@case
def image(model):
    source = {"type": "base64", "media_type": "image/png", "data": cases.IMAGE_BASE64}
    content = [{"type": "image", "source": source}, {"type": "text", "text": "What is this?"}]
    text = CLIENT.messages.create(**asked(model, content)).content[0].text
    assert cases.SEEN in text, text


@case
def image_from_a_tool(model):
    first = asked(model, cases.CALL, tools=[TOOL])
    answer = CLIENT.messages.create(**first)
    call = next(block for block in answer.content if block.type == "tool_use")
    picture = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": cases.IMAGE_BASE64}}
    result = {"type": "tool_result", "tool_use_id": call.id, "content": [picture]}
    turns = [{"role": "assistant", "content": answer.content}, {"role": "user", "content": [result]}]
    create = lambda: CLIENT.messages.create(**first | {"messages": first["messages"] + turns})
    if refuses(cases.NO_IMAGE_FROM_TOOL, model, anthropic.BadRequestError, "tool_result", create):
        return
    text = create().content[0].text
    assert f"image/png {len(cases.IMAGE)} bytes" in text, text


@case
def parsed(model):
    parse = lambda: CLIENT.messages.parse(**asked(model, "An event, please."), output_format=Event)
    if refuses(cases.NO_SCHEMA, model, anthropic.BadRequestError, "output_config.format", parse):
        return
    answer = parse()
    assert isinstance(answer.parsed_output, Event), answer


@case
def errors(model):
    hello = asked(model, "Hello.")
    create = CLIENT.messages.create
    error = refused(anthropic.AuthenticationError, lambda: client(api_key=cases.WRONG_TOKEN).messages.create(**hello))
    assert error.body["error"]["type"] == "authentication_error", error.body
    bad = backend(model) in cases.UNKNOWN_IS_BAD_REQUEST
    kind, name = (anthropic.BadRequestError, "invalid_request") if bad else (anthropic.NotFoundError, "not_found")
    error = refused(kind, lambda: create(**hello | {"model": cases.missing(model)}))
    assert error.body["error"]["type"] == f"{name}_error", error.body
    for more in {}, {"stream": True}:
        error = refused(anthropic.RateLimitError, lambda: create(**hello, **more, extra_headers=cases.FAIL_AT_ONCE))
        assert error.response.headers["retry-after"] == "7", dict(error.response.headers)
        assert error.body["error"]["type"] == "rate_limit_error", error.body
        error = refused(anthropic.BadRequestError, lambda: create(**hello, **more, extra_headers=cases.REFUSE))
        assert error.body["error"]["type"] == "invalid_request_error", error.body


@case
def error_in_stream(model):
    came = []

    def read():
        came.extend(CLIENT.messages.create(**asked(model, "say 50 words"), stream=True, extra_headers=cases.FAIL_LATER))

    # The class is told by the status, which was 200 by then.
    error = refused(STREAM_ERRORS, read)
    assert error.body["type"] == "error" and error.body["error"]["message"], error.body
    assert came and came[0].type == "message_start", came


STREAM_ERRORS = (anthropic.APIStatusError, anthropic.InternalServerError, anthropic.OverloadedError)


@case
def tokens_are_counted(model):
    hello = asked(model, "Hello, how many tokens are this?")
    del hello["max_tokens"]
    assert CLIENT.messages.count_tokens(**hello).input_tokens > 0


@case
def models_are_listed(model):
    assert model in [listed.id for listed in CLIENT.models.list()]


cases.run()
