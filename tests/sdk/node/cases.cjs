// What the scripts that try an official client over every backend share.
//
// The environment says where: DITTO_URL (the gateway's root), DITTO_VK_TOKEN, and DITTO_MODELS, names of models separated
// by commas, each served by another backend. Behind the gateway is the provider simulator, which does what the last
// message tells it to (`[[say ...]]`, `[[call NAME {...}]]`), and fails as the header `x-simulator-fault` says.
// Arguments choose cases by a part of what is printed: `CASE over MODEL`.
//
// CommonJS, because `require` finds packages through NODE_PATH and `import` does not.
"use strict";

const assert = require("node:assert/strict");
const { z } = require("zod");

const says = "Good morning, “Zoë”! Grüße, 你好, 🌊.";
// One pixel, red.
const image =
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGP4z8AAAAMBAQDJ/pLvAAAAAElFTkSuQmCC";
const wrongToken = "vk-nobody-has-this";

// The error, of one of exactly these classes, that `call` rejects with.
async function refused(kinds, status, call) {
  const error = await call().then(
    (answer) => assert.fail(`no error, but ${JSON.stringify(answer)}`),
    (problem) => problem,
  );
  assert.ok([kinds].flat().includes(error.constructor), `${error.constructor.name}: ${error.message}`);
  if (status) assert.equal(error.status, status, error.message);
  assert.ok(!error.message.includes(wrongToken), "the token is repeated in the error");
  return error;
}

// The name of the backend that serves a model.
const backend = (model) => model.replace(/^on-/, "");

// Whether the model's backend is one of these. If so, `call` must be refused with that class and status 400, naming the
// field.
async function refuses(backends, model, kind, field, call) {
  if (!backends.includes(backend(model))) return false;
  const error = await refused(kind, 400, call);
  assert.ok(error.message.includes(field), error.message);
  return true;
}

// Who answers 400, and not 404, for a model that is not there.
const unknownIsBadRequest = ["zhipu", "bedrock", "bedrock-claude"];

// Reads to the end, and gives what came even when an error comes then.
async function collect(stream, items = []) {
  for await (const item of stream) items.push(item);
  return items;
}

// Runs all cases over all models, a line for each, and ends the process.
async function run(cases) {
  const wanted = process.argv.slice(2);
  let [passed, failed] = [0, 0];
  for (const model of process.env.DITTO_MODELS.split(",")) {
    for (const [title, test] of Object.entries(cases)) {
      const name = `${title} over ${model}`;
      if (wanted.length && !wanted.some((part) => name.includes(part))) continue;
      try {
        await test(model);
        passed += 1;
        console.log(`ok      ${name}`);
      } catch (problem) {
        failed += 1;
        console.log(`FAILED  ${name}: ${problem.name}: ${problem.message}`);
      }
    }
  }
  console.log(`${passed} passed, ${failed} failed`);
  // A run of nothing proves nothing. Connections kept open for reuse must not keep the process.
  process.exit(passed && !failed ? 0 : 1);
}

module.exports = {
  backend,
  collect,
  image,
  refused,
  refuses,
  run,
  says,
  wrongToken,
  url: process.env.DITTO_URL.replace(/\/$/, ""),
  token: process.env.DITTO_VK_TOKEN,
  say: `[[say ${says}]]`,
  call: '[[call weather {"city": "Köln"}]]',
  bothCalls: '[[call weather {"city": "Köln"}]] [[call weather {"city": "Rome"}]]',
  cities: [{ city: "Köln" }, { city: "Rome" }],
  seen: `I see image/png ${Buffer.from(image, "base64").length} bytes.`,
  failAtOnce: { "x-simulator-fault": "status=429;header=retry-after:7" },
  refuse: { "x-simulator-fault": "status=400" },
  failLater: { "x-simulator-fault": "error=8-503" },
  // What is asked for as structured output.
  Event: z.object({ name: z.string(), kind: z.enum(["meeting", "party"]), guests: z.array(z.string()) }),
  // What a provider cannot do is refused by the name of the field that asks for it. GLM is not told a schema, nor made to
  // call a tool: https://docs.z.ai/api-reference/llm/chat-completion (seen 2026-11). Cohere's tools answer in text:
  // https://docs.cohere.com/reference/chat (seen 2026-11).
  noSchema: ["zhipu"],
  noForcedTool: ["zhipu"],
  noImageFromTool: ["cohere"],
  unknownIsBadRequest,
  // Who tells of it without its name.
  unknownIsNameless: ["azure", "azure-v1", ...unknownIsBadRequest],
  // A model that goes to the backend of this one, and that the backend does not have.
  missing: (model) => `${model}-missing`,
};
