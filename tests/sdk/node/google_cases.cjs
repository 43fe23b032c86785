// The official Google client over every backend; see `cases.cjs`.
"use strict";

const assert = require("node:assert/strict");
const { ApiError, FinishReason, GoogleGenAI, Type } = require("@google/genai");
const { z } = require("zod");
const { bothCalls, cities, collect, ...given } = require("./cases.cjs");

const weather = {
  name: "weather",
  description: "Of a city.",
  parameters: { type: Type.OBJECT, properties: { city: { type: Type.STRING } }, required: ["city"] },
};
const tools = [{ functionDeclarations: [weather] }];

// Without a bound a hung stream would hang the run.
const client = (apiKey = given.token) =>
  new GoogleGenAI({ apiKey, vertexai: false, httpOptions: { baseUrl: given.url, timeout: 30_000 } });
const official = client();
const generate = (asked) => official.models.generateContent(asked);
const stream = async (asked) => collect(await official.models.generateContentStream(asked));
const failing = (headers) => ({ httpOptions: { headers } });
const counts = ({ promptTokenCount, candidatesTokenCount, totalTokenCount }) => [
  promptTokenCount,
  candidatesTokenCount,
  totalTokenCount,
];

const cases = {
  async plain(model) {
    const config = { systemInstruction: "Be short.", maxOutputTokens: 200, temperature: 0.5 };
    const answer = await generate({ model, contents: given.say, config });
    assert.equal(answer.text, given.says);
    assert.equal(answer.candidates[0].finishReason, FinishReason.STOP);
    assert.ok(counts(answer.usageMetadata).every((count) => count > 0), JSON.stringify(answer.usageMetadata));
  },

  async streamed(model) {
    const chunks = await stream({ model, contents: given.say });
    const texts = chunks.map((chunk) => chunk.text ?? "");
    assert.equal(texts.join(""), given.says);
    assert.ok(texts.filter((text) => text).length > 1, "it did not come in pieces");
    assert.equal(chunks.at(-1).candidates[0].finishReason, FinishReason.STOP);
    const whole = await generate({ model, contents: given.say });
    assert.deepEqual(counts(chunks.at(-1).usageMetadata), counts(whole.usageMetadata));
  },

  async "tool loop"(model) {
    const answer = await generate({ model, contents: bothCalls, config: { tools } });
    await finishToolLoop(model, answer.candidates[0].content);
  },

  async "tool loop streamed"(model) {
    const chunks = await stream({ model, contents: bothCalls, config: { tools } });
    const parts = chunks.flatMap((chunk) => chunk.candidates?.[0].content?.parts ?? []);
    await finishToolLoop(model, { role: "model", parts });
  },

  async conversation(model) {
    const chat = official.chats.create({ model });
    assert.equal((await chat.sendMessage({ message: given.say })).text, given.says);
    assert.match((await chat.sendMessage({ message: "And now?" })).text, /3 messages/);
  },

  async image(model) {
    const inlineData = { mimeType: "image/png", data: given.image };
    const { text } = await generate({ model, contents: [{ inlineData }, { text: "What is this?" }] });
    assert.ok(text.includes(given.seen), text);
  },

  async "structured by a json schema"(model) {
    const config = { responseMimeType: "application/json", responseJsonSchema: z.toJSONSchema(given.Event) };
    await structured(model, config);
  },

  async "structured by a schema of its own"(model) {
    const guests = { type: Type.ARRAY, items: { type: Type.STRING } };
    const kind = { type: Type.STRING, enum: ["meeting", "party"], format: "enum" };
    const properties = { name: { type: Type.STRING }, kind, guests };
    const responseSchema = { type: Type.OBJECT, properties, required: ["name", "kind", "guests"] };
    await structured(model, { responseMimeType: "application/json", responseSchema });
  },

  async errors(model) {
    const hello = { model, contents: "Hello." };
    const refusal = (status, name, call) =>
      given.refused(ApiError, status, call).then((error) => assert.ok(error.message.includes(name), error.message));
    await refusal(401, "UNAUTHENTICATED", () => client(given.wrongToken).models.generateContent(hello));
    const bad = given.unknownIsBadRequest.includes(given.backend(model));
    const unknown = () => generate({ ...hello, model: given.missing(model) });
    await refusal(...(bad ? [400, "INVALID_ARGUMENT"] : [404, "NOT_FOUND"]), unknown);
    for (const call of [generate, stream]) {
      await refusal(429, "RESOURCE_EXHAUSTED", () => call({ ...hello, config: failing(given.failAtOnce) }));
      await refusal(400, "INVALID_ARGUMENT", () => call({ ...hello, config: failing(given.refuse) }));
    }
  },

  async "error in stream"(model) {
    const came = [];
    const asked = { model, contents: "say 50 words", config: failing(given.failLater) };
    const read = async () => collect(await official.models.generateContentStream(asked), came);
    const error = await given.refused(ApiError, undefined, read);
    // Other dialects tell no status in a stream, so that it can only be an error of the server.
    assert.ok([500, 503].includes(error.status), error.message);
    assert.ok(came.length, "nothing came before the error");
  },

  async "tokens are counted"(model) {
    const counted = await official.models.countTokens({ model, contents: "Hello, how many tokens are this?" });
    assert.ok(counted.totalTokens > 0);
  },

  async "models are listed"(model) {
    assert.ok((await collect(await official.models.list())).some((listed) => listed.name === `models/${model}`));
  },
};

async function structured(model, config) {
  const parse = () => generate({ model, contents: "An event.", config });
  if (await given.refuses(given.noSchema, model, ApiError, "responseJsonSchema", parse)) return;
  given.Event.parse(JSON.parse((await parse()).text));
}

async function finishToolLoop(model, turn) {
  const calls = turn.parts.flatMap((part) => part.functionCall ?? []);
  assert.deepEqual(calls.map((call) => call.args), cities);
  const parts = calls.map(({ id, name }, at) => ({
    functionResponse: { id, name, response: { output: `weather ${at}` } },
  }));
  const contents = [{ role: "user", parts: [{ text: bothCalls }] }, turn, { role: "user", parts }];
  const { text } = await generate({ model, contents, config: { tools } });
  assert.match(text, /The tool said:.*weather 0.* The tool said:.*weather 1/s);
}

given.run(cases);
