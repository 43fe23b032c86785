// What the official JavaScript client makes of the gateway's answers: one named check for each promise.
//
// The environment says where: DITTO_BASE_URL (ends in /v1), DITTO_VK_TOKEN, and, where the defaults do not fit,
// DITTO_MODEL and the like (below). Behind the gateway is the provider simulator; the header `x-simulator-fault` makes
// it fail on purpose. Arguments choose checks by a part of their name.
//
// CommonJS, because `require` finds packages through NODE_PATH and `import` does not.
"use strict";

const assert = require("node:assert/strict");
const { createHash } = require("node:crypto");
const { default: OpenAI, toFile } = require("openai");

const BASE_URL = process.env.DITTO_BASE_URL.replace(/\/$/, "");
const TOKEN = process.env.DITTO_VK_TOKEN;
const MODEL = process.env.DITTO_MODEL ?? "gpt-4o-mini";
const EMBEDDING_MODEL = process.env.DITTO_EMBEDDING_MODEL ?? "text-embedding-3-small";
const SPEECH_MODEL = process.env.DITTO_SPEECH_MODEL ?? "tts-1";
const TRANSCRIPTION_MODEL = process.env.DITTO_TRANSCRIPTION_MODEL ?? "whisper-1";

const messages = [{ role: "user", content: "Say hello to the gateway." }];
const weather = {
  type: "function",
  function: {
    name: "weather",
    description: "The weather in a city",
    parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
  },
};

// A retry would hide the answer that a check is about; without a bound a hung stream would hang the run.
const client = (changes = {}) =>
  new OpenAI({ baseURL: BASE_URL, apiKey: TOKEN, maxRetries: 0, timeout: 30_000, ...changes });
const failing = (fault) => ({ headers: { "x-simulator-fault": fault } });
const collect = async (stream) => {
  const items = [];
  for await (const item of stream) items.push(item);
  return items;
};
const textOf = (chunks) => chunks.map((chunk) => chunk.choices[0]?.delta.content ?? "").join("");
// What the simulator says of the messages that reached it: the start of a hash over their compact JSON.
const digest = (asked) => createHash("sha256").update(JSON.stringify(asked)).digest("hex").slice(0, 8);

// The error of exactly the class `kind` that `call` rejects with.
async function refused(kind, status, call, { withBody = true } = {}) {
  const error = await call().then(
    () => assert.fail(`no error, where ${kind.name} was expected`),
    (problem) => problem,
  );
  assert.equal(error.constructor, kind, `${error.constructor.name}, not ${kind.name}: ${error.message}`);
  assert.equal(error.status, status);
  assert.ok(!withBody || error.error?.message, `the error has no readable body: ${error.message}`);
  return error;
}

const checks = {
  async chat() {
    const answer = await client().chat.completions.create({ model: MODEL, messages });
    assert.equal(answer.object, "chat.completion");
    assert.ok(answer.choices[0].message.content);
    assert.equal(answer.choices[0].finish_reason, "stop");
    assert.equal(answer.usage.total_tokens, answer.usage.prompt_tokens + answer.usage.completion_tokens);
  },

  async "chat stream without usage"() {
    const chunks = await collect(await client().chat.completions.create({ model: MODEL, messages, stream: true }));
    const whole = await client().chat.completions.create({ model: MODEL, messages });
    assert.ok(chunks.length > 1, "it did not come in pieces");
    assert.equal(textOf(chunks), whole.choices[0].message.content);
    assert.equal(chunks.at(-1).choices[0].finish_reason, "stop");
    // A usage that was not asked for arrives with no choices, which many programs do not expect.
    assert.ok(chunks.every((chunk) => !chunk.usage && chunk.choices.length), "usage, which nobody asked for");
  },

  async "chat stream with usage"() {
    const chunks = await collect(
      await client().chat.completions.create({
        model: MODEL,
        messages,
        stream: true,
        stream_options: { include_usage: true },
      }),
    );
    assert.ok(textOf(chunks));
    assert.deepEqual(chunks.at(-1).choices, []);
    assert.ok(chunks.at(-1).usage.total_tokens > 0);
    assert.ok(chunks.slice(0, -1).every((chunk) => !chunk.usage), "usage before the end");
  },

  async "chat stream left early"() {
    const session = client();
    for await (const chunk of await session.chat.completions.create({ model: MODEL, messages, stream: true })) {
      assert.ok(chunk.id);
      break;
    }
    // The same client has to be served after it hung up on a stream.
    assert.ok((await session.chat.completions.create({ model: MODEL, messages })).choices.length);
  },

  async "chat with text beyond ascii"() {
    const asked = { model: MODEL, messages: [{ role: "user", content: "Grüße, 你好, 🌊, \u2028" }] };
    const answer = await client().chat.completions.create(asked);
    assert.ok(answer.choices[0].message.content.includes(digest(asked.messages)), "the messages arrived changed");
    const chunks = await collect(await client().chat.completions.create({ ...asked, stream: true }));
    assert.ok(textOf(chunks).includes(digest(asked.messages)), "the messages arrived changed");
  },

  async "tool call"() {
    const answer = await client().chat.completions.create({
      model: MODEL,
      messages,
      tools: [weather],
      tool_choice: { type: "function", function: { name: "weather" } },
    });
    const [call] = answer.choices[0].message.tool_calls;
    assert.ok(call.id);
    assert.equal(call.function.name, "weather");
    assert.equal(typeof JSON.parse(call.function.arguments), "object");
  },

  async "tool call stream"() {
    // The helper assembles the call from its pieces, and refuses a stream that does not add up.
    const stream = client().chat.completions.stream({
      model: MODEL,
      messages,
      tools: [weather],
      tool_choice: "required",
    });
    const [call] = (await stream.finalChatCompletion()).choices[0].message.tool_calls;
    assert.ok(call.id);
    assert.equal(call.function.name, "weather");
    assert.equal(typeof JSON.parse(call.function.arguments), "object");
  },

  async embeddings() {
    // Unless told otherwise the client asks for base64 and decodes it itself.
    const answer = await client().embeddings.create({ model: EMBEDDING_MODEL, input: ["one", "two"] });
    assert.deepEqual(answer.data.map((item) => item.index), [0, 1]);
    const plain = await client().embeddings.create({ model: EMBEDDING_MODEL, input: "one", encoding_format: "float" });
    const [left, right] = [plain.data[0].embedding, answer.data[0].embedding];
    assert.equal(left.length, right.length);
    assert.ok(left.every((number, at) => Math.abs(number - right[at]) < 1e-5), "base64 and numbers differ");
  },

  async models() {
    const listed = (await collect(client().models.list())).map((model) => model.id);
    assert.ok(listed.includes(MODEL), `${listed}`);
    assert.equal((await client().models.retrieve(MODEL)).id, MODEL);
  },

  async files() {
    const content = Buffer.from(Array.from({ length: 76_800 }, (_, at) => at % 256));
    const session = client();
    const made = await session.files.create({ file: await toFile(content, "sample.bin"), purpose: "user_data" });
    assert.equal(made.bytes, content.length);
    assert.equal(made.filename, "sample.bin");
    assert.equal((await session.files.retrieve(made.id)).id, made.id);
    const back = Buffer.from(await (await session.files.content(made.id)).arrayBuffer());
    assert.ok(back.equals(content), "the file came back changed");
    assert.ok((await session.files.delete(made.id)).deleted);
    await refused(OpenAI.NotFoundError, 404, () => session.files.retrieve(made.id));
  },

  async speech() {
    const answer = await client().audio.speech.create({ model: SPEECH_MODEL, voice: "alloy", input: "Hello." });
    assert.match(answer.headers.get("content-type"), /^audio\//);
    assert.ok((await answer.arrayBuffer()).byteLength > 0, "no sound");
  },

  async transcription() {
    const file = await toFile(Buffer.alloc(4000), "hello.wav");
    assert.ok((await client().audio.transcriptions.create({ model: TRANSCRIPTION_MODEL, file })).text);
  },

  async responses() {
    const asked = { model: MODEL, input: "Say hello to the gateway." };
    const answer = await client().responses.create(asked);
    assert.equal(answer.status, "completed");
    assert.ok(answer.output_text);
    const events = await collect(await client().responses.create({ ...asked, stream: true }));
    assert.equal(events[0].type, "response.created");
    assert.equal(events.at(-1).type, "response.completed");
  },

  async "bad key"() {
    const create = (more) =>
      client({ apiKey: "vk-nobody-has-this" }).chat.completions.create({ model: MODEL, messages, ...more });
    const error = await refused(OpenAI.AuthenticationError, 401, () => create({}));
    assert.equal(error.code, "invalid_api_key");
    assert.ok(!error.message.includes("vk-nobody-has-this"), "the token is repeated in the error");
    // A stream that is refused is an ordinary error.
    await refused(OpenAI.AuthenticationError, 401, () => create({ stream: true }));
  },

  async "rate limit of the provider"() {
    const fault = failing("status=429;header=retry-after:7");
    const error = await refused(OpenAI.RateLimitError, 429, () =>
      client().chat.completions.create({ model: MODEL, messages }, fault),
    );
    assert.equal(error.headers.get("retry-after"), "7");
  },

  async "server error of the provider"() {
    await refused(OpenAI.InternalServerError, 503, () =>
      client().chat.completions.create({ model: MODEL, messages }, failing("status=503")),
    );
  },

  async "bad request"() {
    const error = await refused(OpenAI.BadRequestError, 400, () =>
      client().chat.completions.create({ model: MODEL, messages: [] }),
    );
    assert.equal(error.type, "invalid_request_error");
    // Not JSON at all: nobody but the gateway itself can answer that.
    const broken = { body: Buffer.from('{"model": '), headers: { "content-type": "application/json" } };
    await refused(OpenAI.BadRequestError, 400, () => client().post("/chat/completions", broken));
  },

  async "unknown model"() {
    const error = await refused(OpenAI.NotFoundError, 404, () =>
      client().chat.completions.create({ model: "no-such-model", messages }),
    );
    assert.equal(error.code, "model_not_found");
  },

  async "unknown path"() {
    await refused(OpenAI.NotFoundError, 404, () => client().get("/nowhere"));
    // Outside the API there is nobody to say more than the status.
    const root = client({ baseURL: BASE_URL.replace(/\/v1$/, "") });
    await refused(OpenAI.NotFoundError, 404, () => root.get("/nowhere"), { withBody: false });
  },

  async "request id"() {
    const answer = await client().chat.completions.create({ model: MODEL, messages });
    assert.ok(answer._request_id, "no x-request-id on an answer");
    const named = await client().chat.completions.create(
      { model: MODEL, messages },
      { headers: { "x-request-id": "sdk-check" } },
    );
    assert.equal(named._request_id, "sdk-check");
    const error = await refused(OpenAI.AuthenticationError, 401, () => client({ apiKey: "vk-nobody" }).models.list());
    assert.ok(error.requestID, "no x-request-id on an error");
  },

  async "base url without v1"() {
    const short = client({ baseURL: BASE_URL.replace(/\/v1$/, "") });
    assert.ok((await short.chat.completions.create({ model: MODEL, messages })).choices.length);
    assert.ok(textOf(await collect(await short.chat.completions.create({ model: MODEL, messages, stream: true }))));
    assert.ok((await collect(short.models.list())).some((model) => model.id === MODEL));
  },

  async "many at once"() {
    const session = client();
    const ask = async (content) => {
      const asked = [{ role: "user", content }];
      const answer = await session.chat.completions.create({ model: MODEL, messages: asked });
      assert.ok(answer.choices[0].message.content.includes(digest(asked)), "an answer to another question");
    };
    await Promise.all(Array.from({ length: 20 }, (_, at) => ask(`question ${at}`)));
  },
};

async function main() {
  const wanted = process.argv.slice(2);
  let [passed, failed] = [0, 0];
  for (const [name, run] of Object.entries(checks)) {
    if (wanted.length && !wanted.some((part) => name.includes(part))) continue;
    try {
      await run();
      passed += 1;
      console.log(`ok      ${name}`);
    } catch (problem) {
      failed += 1;
      console.log(`FAILED  ${name}: ${problem.name}: ${problem.message}`);
    }
  }
  console.log(`${passed} passed, ${failed} failed`);
  // A run of nothing proves nothing. Connections kept open for reuse must not keep the process.
  process.exit(passed && !failed ? 0 : 1);
}

main();
