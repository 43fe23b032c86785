// The official OpenAI client over every backend, by chat completions and by responses; see `cases.cjs`.
"use strict";

const assert = require("node:assert/strict");
const { default: OpenAI } = require("openai");
const { zodResponseFormat, zodTextFormat } = require("openai/helpers/zod");
const { bothCalls, cities, collect, ...given } = require("./cases.cjs");

const parameters = {
  type: "object",
  properties: { city: { type: "string" } },
  required: ["city"],
  additionalProperties: false,
};
const chatTool = { type: "function", function: { name: "weather", description: "Of a city.", parameters } };
const tool = { type: "function", name: "weather", description: "Of a city.", parameters, strict: true };
const imageUrl = `data:image/png;base64,${given.image}`;

// A retry would hide the answer that a case is about; without a bound a hung stream would hang the run.
const client = (changes = {}) =>
  new OpenAI({ baseURL: `${given.url}/v1`, apiKey: given.token, maxRetries: 0, timeout: 30_000, ...changes });
const official = client();
const chat = (asked, headers) => official.chat.completions.create(asked, { headers });
const respond = (asked, headers) => official.responses.create(asked, { headers });
const said = (content) => [{ role: "user", content }];

const cases = {
  async "chat plain"(model) {
    const messages = [{ role: "developer", content: "Be short." }, ...said(given.say)];
    const answer = await chat({ model, messages, max_completion_tokens: 200, temperature: 0.5 });
    assert.equal(answer.choices.length, 1);
    assert.equal(answer.choices[0].message.content, given.says);
    assert.equal(answer.choices[0].finish_reason, "stop");
    assert.ok(answer.usage.prompt_tokens > 0 && answer.usage.completion_tokens > 0, JSON.stringify(answer.usage));
  },

  async "chat stream"(model) {
    const asked = { model, messages: said(given.say) };
    const chunks = await collect(await chat({ ...asked, stream: true, stream_options: { include_usage: true } }));
    const texts = chunks.flatMap((chunk) => chunk.choices.map((choice) => choice.delta.content ?? ""));
    assert.equal(texts.join(""), given.says);
    assert.ok(texts.filter((text) => text).length > 1, "it did not come in pieces");
    assert.equal(chunks.flatMap((chunk) => chunk.choices).at(-1).finish_reason, "stop");
    assert.deepEqual(chunks.at(-1).usage, (await chat(asked)).usage);
    const without = await collect(await chat({ ...asked, stream: true }));
    // Azure begins with what its filter says, which passes.
    const choice = (chunk) => chunk.choices.length || chunk.prompt_filter_results;
    assert.ok(without.every((chunk) => !chunk.usage && choice(chunk)), "usage, which nobody asked for");
  },

  async "chat tool loop"(model) {
    const messages = said(bothCalls);
    const answer = await chat({ model, messages, tools: [chatTool] });
    await finishChatToolLoop(model, messages, answer.choices[0]);
  },

  async "chat tool loop streamed"(model) {
    const messages = said(bothCalls);
    const stream = official.chat.completions.stream({ model, messages, tools: [chatTool] });
    await finishChatToolLoop(model, messages, (await stream.finalChatCompletion()).choices[0]);
  },

  async "chat tools run by the client"(model) {
    const called = [];
    const weather = ({ city }) => {
      called.push(city);
      return `rain in ${city}`;
    };
    const tools = [{ type: "function", function: { ...chatTool.function, function: weather, parse: JSON.parse } }];
    const runner = official.chat.completions.runTools({ model, messages: said(bothCalls), tools });
    assert.match(await runner.finalContent(), /rain in Köln.*rain in Rome/);
    assert.deepEqual(called, ["Köln", "Rome"]);
  },

  async "chat image"(model) {
    const content = [
      { type: "text", text: "What is this?" },
      { type: "image_url", image_url: { url: imageUrl } },
    ];
    const text = (await chat({ model, messages: said(content) })).choices[0].message.content;
    assert.ok(text.includes(given.seen), text);
  },

  async "chat parsed"(model) {
    const response_format = zodResponseFormat(given.Event, "event");
    const asked = { model, messages: said("An event, please."), response_format };
    const parse = () => official.chat.completions.parse(asked);
    if (await given.refuses(given.noSchema, model, OpenAI.BadRequestError, "response_format", parse)) return;
    const answer = await parse();
    assert.deepEqual(given.Event.parse(answer.choices[0].message.parsed), answer.choices[0].message.parsed);
  },

  async "chat errors"(model) {
    const messages = said("Hello.");
    // These have errors of their own, which pass.
    const typed = !["azure", "azure-v1"].includes(given.backend(model));
    const create = (session, more, headers) =>
      session.chat.completions.create({ model, messages, ...more }, { headers });
    await errors(create, typed);
    await unknownModel(model, (unknown) => chat({ model: unknown, messages }));
    await given.refused(OpenAI.BadRequestError, 400, () => chat({ model, messages: [] }));
  },

  async "chat error in stream"(model) {
    const came = [];
    const stream = await chat({ model, messages: said("say 50 words"), stream: true }, given.failLater);
    const error = await given.refused(OpenAI.APIError, undefined, () => collect(stream, came));
    assert.ok(error.message);
    assert.ok(came.length, "nothing came before the error");
  },

  async "responses plain"(model) {
    const answer = await respond({ model, instructions: "Be short.", input: given.say, max_output_tokens: 200 });
    assert.equal(answer.status, "completed");
    assert.equal(answer.output_text, given.says);
    assert.ok(answer.usage.input_tokens > 0 && answer.usage.output_tokens > 0, JSON.stringify(answer.usage));
  },

  async "responses stream"(model) {
    const events = await collect(await respond({ model, input: given.say, stream: true }));
    assert.deepEqual([events[0].type, events.at(-1).type], ["response.created", "response.completed"]);
    assert.ok(events.every((event, at) => !at || event.sequence_number > events[at - 1].sequence_number), "out of order");
    const texts = events.filter((event) => event.type === "response.output_text.delta").map((event) => event.delta);
    assert.equal(texts.join(""), given.says);
    assert.ok(texts.length > 1, "it did not come in pieces");
    assert.deepEqual(events.at(-1).response.usage, (await respond({ model, input: given.say })).usage);
  },

  async "responses tool loop"(model) {
    const input = said(bothCalls);
    await finishToolLoop(model, input, await respond({ model, input, tools: [tool], store: false }));
  },

  async "responses tool loop streamed"(model) {
    const input = said(bothCalls);
    const stream = official.responses.stream({ model, input, tools: [tool], store: false });
    await finishToolLoop(model, input, await stream.finalResponse());
  },

  async "responses image"(model) {
    const content = [
      { type: "input_text", text: "What is this?" },
      { type: "input_image", detail: "auto", image_url: imageUrl },
    ];
    const text = (await respond({ model, input: said(content) })).output_text;
    assert.ok(text.includes(given.seen), text);
  },

  async "responses parsed"(model) {
    const text = { format: zodTextFormat(given.Event, "event") };
    const parse = () => official.responses.parse({ model, input: "An event, please.", text });
    if (await given.refuses(given.noSchema, model, OpenAI.BadRequestError, "text.format", parse)) return;
    const answer = await parse();
    assert.deepEqual(given.Event.parse(answer.output_parsed), answer.output_parsed);
  },

  async "responses errors"(model) {
    const typed = given.backend(model) !== "azure-v1";
    const create = (session, more, headers) =>
      session.responses.create({ model, input: "Hello.", ...more }, { headers });
    await errors(create, typed);
    await unknownModel(model, (unknown) => respond({ model: unknown, input: "Hello." }));
  },

  async "responses error in stream"(model) {
    // This dialect tells of it in an event of its own, and the client hands it on as such.
    const events = await collect(await respond({ model, input: "say 50 words", stream: true }, given.failLater));
    assert.ok(["response.failed", "error"].includes(events.at(-1).type), JSON.stringify(events.at(-1)));
  },

  async "models are listed"(model) {
    assert.ok((await collect(official.models.list())).some((listed) => listed.id === model));
  },
};

async function finishChatToolLoop(model, messages, choice) {
  assert.equal(choice.finish_reason, "tool_calls");
  const calls = choice.message.tool_calls;
  assert.deepEqual(calls.map((call) => JSON.parse(call.function.arguments)), cities);
  assert.notEqual(calls[0].id, calls[1].id);
  const results = calls.map((call, at) => ({ role: "tool", tool_call_id: call.id, content: `weather ${at}` }));
  const turn = { role: "assistant", content: choice.message.content, tool_calls: calls };
  const answer = await chat({ model, messages: [...messages, plainTurn(turn), ...results], tools: [chatTool] });
  assert.match(answer.choices[0].message.content, /The tool said: weather 0.* The tool said: weather 1/);
  assert.equal(answer.choices[0].finish_reason, "stop");
}

// A turn without what the client's helpers add for their own use.
const plainTurn = ({ role, content, tool_calls }) => ({
  role,
  content,
  tool_calls: tool_calls.map(({ id, type, function: { name, arguments: text } }) => ({
    id,
    type,
    function: { name, arguments: text },
  })),
});

async function finishToolLoop(model, input, answer) {
  const calls = answer.output.filter((item) => item.type === "function_call");
  assert.deepEqual(calls.map((call) => JSON.parse(call.arguments)), cities);
  const turn = calls.map(({ type, call_id, name, arguments: text }) => ({ type, call_id, name, arguments: text }));
  const results = calls.map(({ call_id }, at) => ({ type: "function_call_output", call_id, output: `weather ${at}` }));
  const final = await respond({ model, input: [...input, ...turn, ...results], tools: [tool], store: false });
  assert.match(final.output_text, /The tool said: weather 0.* The tool said: weather 1/);
}

// What is said of a model that the backend does not have.
async function unknownModel(model, call) {
  const bad = given.unknownIsBadRequest.includes(given.backend(model));
  const kind = bad ? [OpenAI.BadRequestError, 400] : [OpenAI.NotFoundError, 404];
  const { message } = await given.refused(...kind, () => call(given.missing(model)));
  assert.match(message, /model|deployment/);
  const nameless = given.unknownIsNameless.includes(given.backend(model));
  assert.ok(nameless || message.includes(given.missing(model)), message);
}

// What every endpoint says of a wrong key, a limit and a bad request; `typed` if errors have OpenAI's types.
async function errors(call, typed) {
  const wrong = () => call(client({ apiKey: given.wrongToken }), {}, {});
  assert.equal((await given.refused(OpenAI.AuthenticationError, 401, wrong)).code, "invalid_api_key");
  for (const more of [{}, { stream: true }]) {
    const limited = await given.refused(OpenAI.RateLimitError, 429, () => call(official, more, given.failAtOnce));
    assert.equal(limited.headers.get("retry-after"), "7");
    const bad = await given.refused(OpenAI.BadRequestError, 400, () => call(official, more, given.refuse));
    if (typed) assert.equal(bad.type, "invalid_request_error");
    assert.ok(bad.message);
  }
}

given.run(cases);
