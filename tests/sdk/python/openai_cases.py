"""The official OpenAI client over every backend, by chat completions and by responses; see `cases`."""

import json
from typing import Literal

import openai
from openai import OpenAI
from pydantic import BaseModel

import cases
from cases import backend, case, refused, refuses

PARAMETERS = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}
CHAT_TOOL = {"type": "function", "function": {"name": "weather", "description": "Of a city.", "parameters": PARAMETERS}}
TOOL = {"type": "function", "name": "weather", "description": "Of a city.", "parameters": PARAMETERS, "strict": True}
IMAGE_URL = f"data:image/png;base64,{cases.IMAGE_BASE64}"


class Event(BaseModel):
    """What is asked for as structured output."""

    name: str
    kind: Literal["meeting", "party"]
    guests: list[str]


def client(**changes):
    # A retry would hide the answer that a case is about; without a bound a hung stream would hang the run.
    return OpenAI(**({"base_url": f"{cases.URL}/v1", "api_key": cases.TOKEN, "max_retries": 0, "timeout": 30} | changes))


CLIENT = client()
chat = CLIENT.chat.completions.create
respond = CLIENT.responses.create


def said(text):
    return [{"role": "user", "content": text}]


@case
def chat_plain(model):
    messages = [{"role": "developer", "content": "Be short."}] + said(cases.SAY)
    answer = chat(model=model, messages=messages, max_completion_tokens=200, temperature=0.5)
    [choice] = answer.choices
    assert choice.message.content == cases.SAYS, choice
    assert choice.finish_reason == "stop", choice
    assert answer.usage.prompt_tokens > 0 and answer.usage.completion_tokens > 0, answer.usage
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens, answer.usage


@case
def chat_stream(model):
    asked = {"model": model, "messages": said(cases.SAY)}
    chunks = list(chat(**asked, stream=True, stream_options={"include_usage": True}))
    texts = [choice.delta.content or "" for chunk in chunks for choice in chunk.choices]
    assert "".join(texts) == cases.SAYS, texts
    assert len([text for text in texts if text]) > 1, "it did not come in pieces"
    assert [choice.finish_reason for chunk in chunks for choice in chunk.choices][-1] == "stop", chunks[-2:]
    assert chunks[-1].usage and chunks[-1].usage == chat(**asked).usage, chunks[-1]
    for chunk in chat(**asked, stream=True):
        # A usage that was not asked for arrives with no choices, which many programs do not expect. Azure begins with
        # what its filter says, which passes.
        assert not chunk.usage, "usage, which nobody asked for"
        assert chunk.choices or "prompt_filter_results" in chunk.model_extra, chunk


@case
def chat_tool_loop(model):
    messages = said(cases.BOTH_CALLS)
    answer = chat(model=model, messages=messages, tools=[CHAT_TOOL])
    finish_chat_tool_loop(model, messages, answer.choices[0])


@case
def chat_tool_loop_streamed(model):
    messages = said(cases.BOTH_CALLS)
    with CLIENT.chat.completions.stream(model=model, messages=messages, tools=[CHAT_TOOL]) as stream:
        for _ in stream:
            pass
        finish_chat_tool_loop(model, messages, stream.get_final_completion().choices[0])


def finish_chat_tool_loop(model, messages, choice):
    assert choice.finish_reason == "tool_calls", choice
    calls = choice.message.tool_calls
    assert [call.function.name for call in calls] == ["weather", "weather"], calls
    assert [json.loads(call.function.arguments) for call in calls] == [{"city": "Köln"}, {"city": "Rome"}], calls
    assert len({call.id for call in calls}) == 2, calls
    turn = {"role": "assistant", "content": choice.message.content, "tool_calls": [
        {"id": call.id, "type": "function", "function": {"name": "weather", "arguments": call.function.arguments}}
        for call in calls
    ]}
    results = [
        {"role": "tool", "tool_call_id": call.id, "content": f"{weather} in {json.loads(call.function.arguments)['city']}"}
        for call, weather in zip(calls, ["rain", "sun"])
    ]
    answer = chat(model=model, messages=messages + [turn] + results, tools=[CHAT_TOOL])
    text = answer.choices[0].message.content
    assert "The tool said: rain in Köln" in text and "The tool said: sun in Rome" in text, text
    assert answer.choices[0].finish_reason == "stop", answer


@case
def chat_image(model):
    content = [{"type": "text", "text": "What is this?"}, {"type": "image_url", "image_url": {"url": IMAGE_URL}}]
    text = chat(model=model, messages=said(content)).choices[0].message.content
    assert cases.SEEN in text, text


@case
def chat_parsed(model):
    asked = {"model": model, "messages": said("An event, please."), "response_format": Event}
    parse = lambda: CLIENT.chat.completions.parse(**asked)
    if refuses(cases.NO_SCHEMA, model, openai.BadRequestError, "response_format", parse):
        return
    answer = parse()
    assert isinstance(answer.choices[0].message.parsed, Event), answer


@case
def chat_parsed_from_stream(model):
    def final():
        with CLIENT.chat.completions.stream(model=model, messages=said("An event."), response_format=Event) as stream:
            for _ in stream:
                pass
            return stream.get_final_completion()

    if not refuses(cases.NO_SCHEMA, model, openai.BadRequestError, "response_format", final):
        assert isinstance(final().choices[0].message.parsed, Event)


@case
def chat_errors(model):
    # These have errors of their own, which pass.
    typed = backend(model) not in ("azure", "azure-v1")
    errors(lambda create, **more: create.chat.completions.create(model=model, messages=said("Hello."), **more), typed)
    unknown_model(model, lambda unknown: chat(model=unknown, messages=said("Hello.")))
    refused(openai.BadRequestError, lambda: chat(model=model, messages=[]))


@case
def chat_error_in_stream(model):
    asked = {"model": model, "messages": said("say 50 words"), "stream": True, "extra_headers": cases.FAIL_LATER}
    error_in_stream(chat(**asked), lambda chunk: chunk.choices[0].delta.content)


@case
def responses_plain(model):
    answer = respond(model=model, instructions="Be short.", input=cases.SAY, max_output_tokens=200)
    assert answer.status == "completed", answer
    assert answer.output_text == cases.SAYS, answer
    assert answer.usage.input_tokens > 0 and answer.usage.output_tokens > 0, answer.usage


@case
def responses_stream(model):
    events = list(respond(model=model, input=cases.SAY, stream=True))
    assert [events[0].type, events[-1].type] == ["response.created", "response.completed"], events
    assert [event.sequence_number for event in events] == sorted({event.sequence_number for event in events}), events
    texts = [event.delta for event in events if event.type == "response.output_text.delta"]
    assert "".join(texts) == events[-1].response.output_text == cases.SAYS, texts
    assert len(texts) > 1, "it did not come in pieces"
    assert events[-1].response.usage == respond(model=model, input=cases.SAY).usage, events[-1]


@case
def responses_tool_loop(model):
    asked = said(cases.BOTH_CALLS)
    finish_tool_loop(model, asked, respond(model=model, input=asked, tools=[TOOL], store=False))


@case
def responses_tool_loop_streamed(model):
    asked = said(cases.BOTH_CALLS)
    with CLIENT.responses.stream(model=model, input=asked, tools=[TOOL], store=False) as stream:
        for _ in stream:
            pass
        finish_tool_loop(model, asked, stream.get_final_response())


def finish_tool_loop(model, asked, answer):
    calls = [item for item in answer.output if item.type == "function_call"]
    assert [json.loads(call.arguments) for call in calls] == [{"city": "Köln"}, {"city": "Rome"}], answer
    turn = [
        {"type": "function_call", "call_id": call.call_id, "name": call.name, "arguments": call.arguments}
        for call in calls
    ]
    results = [
        {"type": "function_call_output", "call_id": call.call_id, "output": f"weather of {call.call_id}"}
        for call in calls
    ]
    answer = respond(model=model, input=asked + turn + results, tools=[TOOL], store=False)
    for call in calls:
        assert f"The tool said: weather of {call.call_id}" in answer.output_text, answer.output_text


@case
def responses_image(model):
    content = [{"type": "input_text", "text": "What is this?"}, {"type": "input_image", "image_url": IMAGE_URL}]
    answer = respond(model=model, input=said(content))
    assert cases.SEEN in answer.output_text, answer.output_text


@case
def responses_parsed(model):
    parse = lambda: CLIENT.responses.parse(model=model, input="An event, please.", text_format=Event)
    if refuses(cases.NO_SCHEMA, model, openai.BadRequestError, "text.format", parse):
        return
    answer = parse()
    assert isinstance(answer.output_parsed, Event), answer


@case
def responses_errors(model):
    typed = backend(model) != "azure-v1"
    errors(lambda create, **more: create.responses.create(model=model, input="Hello.", **more), typed)
    unknown_model(model, lambda unknown: respond(model=unknown, input="Hello."))


@case
def responses_error_in_stream(model):
    # This dialect tells of it in an event of its own, and the client hands it on as such.
    events = list(respond(model=model, input="say 50 words", stream=True, extra_headers=cases.FAIL_LATER))
    assert events[-1].type in ("response.failed", "error"), events[-1]


@case
def models_are_listed(model):
    assert model in [listed.id for listed in CLIENT.models.list()]


def unknown_model(model, call):
    """What is said of a model that the backend does not have."""
    bad = backend(model) in cases.UNKNOWN_IS_BAD_REQUEST
    error = refused(openai.BadRequestError if bad else openai.NotFoundError, lambda: call(cases.missing(model)))
    assert "model" in error.body["message"] or "deployment" in error.body["message"], error.body
    assert backend(model) in cases.UNKNOWN_IS_NAMELESS or cases.missing(model) in error.body["message"], error.body


def errors(call, typed):
    """What every endpoint says of a wrong key, a limit and a bad request; `typed` if errors have OpenAI's types."""
    error = refused(openai.AuthenticationError, lambda: call(client(api_key=cases.WRONG_TOKEN)))
    assert error.code == "invalid_api_key", error.body
    for more in {}, {"stream": True}:
        error = refused(openai.RateLimitError, lambda: call(CLIENT, extra_headers=cases.FAIL_AT_ONCE, **more))
        assert error.response.headers["retry-after"] == "7", dict(error.response.headers)
        assert error.body["message"], error.body
        error = refused(openai.BadRequestError, lambda: call(CLIENT, extra_headers=cases.REFUSE, **more))
        assert error.type == "invalid_request_error" or not typed, error.body
        assert error.body["message"], error.body


def error_in_stream(stream, text_of):
    """What came before the error is read, and the error is the client's own, not a broken connection."""
    came = []

    def read():
        came.extend(stream)

    error = refused(openai.APIError, read)
    assert error.message, error.body
    assert came, "nothing came before the error"


cases.run()
