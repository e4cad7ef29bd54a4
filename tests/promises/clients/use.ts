// Uses the generated client as a program would: use.js DEMO KEYLESS, the addresses of a demo in
// which Groq is rate limited, and of a server without any key.
import assert from "node:assert/strict";
import createClient from "openapi-fetch";
import type { components, paths } from "./schema.js";

type Row = components["schemas"]["ModelResponse"];
type Problem = components["schemas"]["Problem"];

const [demo, keyless] = process.argv.slice(2);
const api = createClient<paths>({ baseUrl: demo! });
const locked = createClient<paths>({ baseUrl: keyless! });
const prompt = "What is 2+2?";

function isProblem(error: object): error is Problem {
  return "detail" in error;
}

/** What a program does with a row: every code is handled, or this does not compile. */
function advice(row: Row): "read" | "wait" | "operator" | "caller" | "report" {
  switch (row.error_code) {
    case null:
      return "read";
    case "rate_limited":
    case "timeout":
    case "connection_failed":
    case "overloaded":
    case "upstream_error":
    case "empty_response":
    case "invalid_response":
      return "wait";
    case "not_configured":
    case "authentication_failed":
    case "quota_exhausted":
    case "model_unavailable":
      return "operator";
    case "bad_request":
    case "too_large":
    case "content_blocked":
    case "unknown_model":
      return "caller";
    case "plugin_fault":
      return "report";
  }
}

async function lists(): Promise<void> {
  const { data: health } = await api.GET("/health");
  assert.equal(health?.status, "ok");
  assert.ok(!Number.isNaN(Date.parse(health.timestamp)));

  const { data, response } = await api.GET("/models", { params: { query: { all: true } } });
  assert.ok(data);
  const gemini = data.models.find((model) => model.id === "gemini");
  assert.equal(gemini?.available, true);
  assert.equal(gemini.reason, null);
  assert.ok(data.models.some((model) => model.id.startsWith("groq:")));
  assert.match(response.headers.get("X-Request-ID") ?? "", /^[0-9a-f]{16}$/);

  const { data: found } = await api.GET("/plugins");
  const groq = found?.plugins.find((plugin) => plugin.name === "groq");
  assert.equal(groq?.state, "ready");
  assert.deepEqual(groq.models, ["llama-70b", "llama-8b", "mixtral"]);
}

async function manyModels(): Promise<void> {
  const { data, error } = await api.POST("/chat", {
    body: { prompt, models: ["gemini", "llama-70b", "no-such-model"], max_tokens: 64 },
  });
  assert.equal(error, undefined);
  assert.deepEqual([data.succeeded, data.failed], [1, 2]);
  const [answered, limited, unknown] = data.responses;
  assert.ok(answered && limited && unknown);
  assert.equal(advice(answered), "read");
  assert.match(answered.response, /2 \+ 2 = 4/);
  assert.equal(answered.substituted, true);
  assert.equal(answered.note?.includes(answered.upstream_model ?? "?"), true);
  assert.equal(answered.usage.output_tokens, answered.tokens);
  assert.equal(limited.error_code, "rate_limited");
  assert.equal(advice(limited), "wait");
  assert.deepEqual([limited.response, limited.tokens], ["", null]);
  assert.equal(unknown.error_code, "unknown_model");
}

async function oneModel(): Promise<void> {
  const path = { model_id: "groq:openai/gpt-oss-120b" };
  const { data, error, response } = await api.POST("/chat/{model_id}", {
    params: { path },
    body: { prompt },
  });
  assert.equal(data, undefined);
  assert.equal(response.status, 500);
  assert.ok(!isProblem(error), "a row, although the status is an error");
  assert.equal(error.error_code, "rate_limited");
  assert.equal(error.model, path.model_id);
}

async function problems(): Promise<void> {
  const nobody = await api.POST("/chat/{model_id}", {
    params: { path: { model_id: "no-such-model" } },
    body: { prompt },
  });
  assert.ok(nobody.error && isProblem(nobody.error));
  assert.equal(nobody.error.type, "urn:coro:problem:unknown-model");
  assert.equal(nobody.error.status, 404);

  const invalid = await api.POST("/chat", { body: { prompt, models: ["gemini"], temperature: 3 } });
  assert.ok(invalid.error && isProblem(invalid.error));
  assert.equal(invalid.error.status, 422);
  assert.deepEqual(
    invalid.error.errors.map((it) => it.field),
    ["temperature"],
  );
  assert.equal(invalid.error.request_id, invalid.response.headers.get("X-Request-ID"));
}

async function withoutKeys(): Promise<void> {
  const { error, response } = await locked.POST("/chat", { body: { prompt, models: ["gemini"] } });
  assert.equal(response.status, 503);
  assert.ok(error && !isProblem(error));
  assert.equal(error.responses[0]?.error_code, "not_configured");
  assert.equal(error.responses[0].upstream_model, null);
}

/** What the types refuse; never called. */
export function refused(): void {
  // @ts-expect-error: the prompt is required
  void api.POST("/chat", { body: { models: ["gemini"] } });
  // @ts-expect-error: absent, never null
  void api.POST("/chat", { body: { prompt, models: ["gemini"], timeout: null } });
  // @ts-expect-error: one of two
  void api.POST("/chat", { body: { prompt, models: ["gemini"], on_retired: "maybe" } });
}

for (const use of [lists, manyModels, oneModel, problems, withoutKeys]) {
  await use();
  console.log(use.name);
}
