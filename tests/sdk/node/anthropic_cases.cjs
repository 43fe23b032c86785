// The official Anthropic client over every backend; see `cases.cjs`.
"use strict";

const assert = require("node:assert/strict");
const { default: Anthropic } = require("@anthropic-ai/sdk");
const { zodOutputFormat } = require("@anthropic-ai/sdk/helpers/zod");
const { bothCalls, cities, collect, ...given } = require("./cases.cjs");

const tool = {
  name: "weather",
  description: "Of a city.",
  input_schema: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
};

// A retry would hide the answer that a case is about; without a bound a hung stream would hang the run.
const client = (changes = {}) =>
  new Anthropic({ baseURL: given.url, apiKey: given.token, authToken: null, maxRetries: 0, timeout: 30_000, ...changes });
const official = client();
const create = (asked, headers) => official.messages.create(asked, { headers });
const asked = (model, content, more = {}) => ({
  model,
  max_tokens: 400,
  messages: [{ role: "user", content }],
  ...more,
});

const cases = {
  async plain(model) {
    const answer = await create(asked(model, given.say, { system: "Be short.", stop_sequences: ["never said"] }));
    assert.deepEqual(answer.content.map(({ type, text }) => [type, text]), [["text", given.says]]);
    assert.deepEqual([answer.role, answer.type, answer.stop_reason], ["assistant", "message", "end_turn"]);
    assert.ok(answer.usage.input_tokens > 0 && answer.usage.output_tokens > 0, JSON.stringify(answer.usage));
  },

  async "bearer instead of api key"(model) {
    const other = client({ apiKey: null, authToken: given.token });
    assert.equal((await other.messages.create(asked(model, given.say))).content[0].text, given.says);
  },

  async stream(model) {
    const stream = official.messages.stream(asked(model, given.say));
    const texts = [];
    stream.on("text", (text) => texts.push(text));
    const answer = await stream.finalMessage();
    assert.equal(texts.join(""), given.says);
    assert.equal(answer.content[0].text, given.says);
    assert.ok(texts.length > 1, "it did not come in pieces");
    assert.equal(answer.stop_reason, "end_turn");
    const { input_tokens, output_tokens } = (await create(asked(model, given.say))).usage;
    assert.deepEqual([answer.usage.input_tokens, answer.usage.output_tokens], [input_tokens, output_tokens]);
    const events = await collect(await create(asked(model, given.say, { stream: true })));
    assert.equal(events[0].type, "message_start");
    assert.deepEqual(events.slice(-2).map((event) => event.type), ["message_delta", "message_stop"]);
  },

  async "tool loop"(model) {
    const first = asked(model, bothCalls, { tools: [tool] });
    await finishToolLoop(first, await create(first));
  },

  async "tool loop streamed"(model) {
    const first = asked(model, bothCalls, { tools: [tool] });
    await finishToolLoop(first, await official.messages.stream(first).finalMessage());
  },

  async "forced tool"(model) {
    const choice = { tools: [tool], tool_choice: { type: "tool", name: "weather" } };
    const force = () => create(asked(model, "Hello.", choice));
    if (await given.refuses(given.noForcedTool, model, Anthropic.BadRequestError, "tool_choice", force)) return;
    const answer = await force();
    const names = answer.content.filter((block) => block.type === "tool_use").map((block) => block.name);
    assert.deepEqual(names, ["weather"]);
  },

  async image(model) {
    const source = { type: "base64", media_type: "image/png", data: given.image };
    const answer = await create(asked(model, [{ type: "image", source }, { type: "text", text: "What is this?" }]));
    assert.ok(answer.content[0].text.includes(given.seen), answer.content[0].text);
  },

  async "image from a tool"(model) {
    const first = asked(model, given.call, { tools: [tool] });
    const answer = await create(first);
    const { id } = answer.content.find((block) => block.type === "tool_use");
    const picture = { type: "image", source: { type: "base64", media_type: "image/png", data: given.image } };
    const result = { type: "tool_result", tool_use_id: id, content: [picture] };
    const turns = [{ role: "assistant", content: answer.content }, { role: "user", content: [result] }];
    const show = () => create({ ...first, messages: [...first.messages, ...turns] });
    if (await given.refuses(given.noImageFromTool, model, Anthropic.BadRequestError, "tool_result", show)) return;
    const { text } = (await show()).content[0];
    assert.ok(text.includes(given.seen.match(/image\/png \d+ bytes/)[0]), text);
  },

  async parsed(model) {
    const format = { output_config: { format: zodOutputFormat(given.Event) } };
    const parse = () => official.messages.parse(asked(model, "An event, please.", format));
    if (await given.refuses(given.noSchema, model, Anthropic.BadRequestError, "output_config.format", parse)) return;
    const answer = await parse();
    assert.deepEqual(given.Event.parse(answer.parsed_output), answer.parsed_output);
  },

  async errors(model) {
    const hello = asked(model, "Hello.");
    const kind = async (...expected) => (await given.refused(...expected)).error.error.type;
    const wrong = () => client({ apiKey: given.wrongToken }).messages.create(hello);
    assert.equal(await kind(Anthropic.AuthenticationError, 401, wrong), "authentication_error");
    const unknown = () => create({ ...hello, model: given.missing(model) });
    const bad = given.unknownIsBadRequest.includes(given.backend(model));
    const expected = bad ? [Anthropic.BadRequestError, 400] : [Anthropic.NotFoundError, 404];
    assert.equal(await kind(...expected, unknown), bad ? "invalid_request_error" : "not_found_error");
    for (const more of [{}, { stream: true }]) {
      const limited = () => create({ ...hello, ...more }, given.failAtOnce);
      const error = await given.refused(Anthropic.RateLimitError, 429, limited);
      assert.equal(error.headers.get("retry-after"), "7");
      assert.equal(error.error.error.type, "rate_limit_error");
      const bad = () => create({ ...hello, ...more }, given.refuse);
      assert.equal(await kind(Anthropic.BadRequestError, 400, bad), "invalid_request_error");
    }
  },

  async "error in stream"(model) {
    const came = [];
    const stream = await create(asked(model, "say 50 words", { stream: true }), given.failLater);
    // The class is told by the error's type, and else by the status, which was 200 by then.
    const kinds = [Anthropic.APIError, Anthropic.InternalServerError, Anthropic.OverloadedError];
    const error = await given.refused(kinds, undefined, () => collect(stream, came));
    assert.ok(error.error.error.message, error.message);
    assert.equal(came[0]?.type, "message_start");
  },

  async "tokens are counted"(model) {
    const { max_tokens, ...rest } = asked(model, "Hello, how many tokens are this?");
    assert.ok((await official.messages.countTokens(rest)).input_tokens > 0);
  },

  async "models are listed"(model) {
    assert.ok((await collect(official.models.list())).some((listed) => listed.id === model));
  },
};

async function finishToolLoop(first, answer) {
  assert.equal(answer.stop_reason, "tool_use");
  const calls = answer.content.filter((block) => block.type === "tool_use");
  assert.deepEqual(calls.map((call) => call.input), cities);
  const content = [
    { type: "tool_result", tool_use_id: calls[0].id, content: "rain" },
    { type: "tool_result", tool_use_id: calls[1].id, content: "no such city", is_error: true },
  ];
  const turns = [{ role: "assistant", content: answer.content }, { role: "user", content }];
  const final = await create({ ...first, messages: [...first.messages, ...turns] });
  assert.equal(final.stop_reason, "end_turn");
  assert.match(final.content[0].text, /The tool said: rain.*no such city/);
}

given.run(cases);
