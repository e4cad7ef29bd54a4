// The API, as this page uses it. Addresses are relative, so that a path prefix does no harm.

const UNREACHABLE = "The server cannot be reached. Check that it is running, and try again.";

/** Return the models on offer; `all` adds those of the providers' own lists. Throws a sentence. */
export async function listModels({ all = false } = {}) {
  let response;
  try {
    response = await fetch(all ? "models?all=true" : "models");
  } catch {
    throw new Error(UNREACHABLE);
  }
  const body = await json(response);
  if (!response.ok || !Array.isArray(body?.models)) throw new Error(sentence(response, body));
  return body.models;
}

/**
 * Ask one model and return its row, whatever happens: what is no row (a problem, a proxy's page, no
 * connection) becomes one with that error. Only an abort is thrown.
 */
export async function ask(model, request, signal) {
  let response, body;
  try {
    response = await fetch(path(model), {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(request),
      signal,
    });
    body = await json(response);
  } catch {
    signal.throwIfAborted();
    return failure(model, UNREACHABLE);
  }
  if (typeof body?.response === "string" && typeof body.latency_ms === "number")
    return body.error ? { ...body, error: inWordsOfThePage(body.error) } : body;
  const wait = Number.parseInt(response.headers.get("Retry-After"), 10);
  return failure(model, sentence(response, body), wait >= 0 ? wait : null);
}

/** Return an error in the page's words: it has labelled fields where the API has parameters. */
function inWordsOfThePage(error) {
  return error
    .replace("allow more with timeout", "allow more with \u201cTime limit\u201d")
    .replace("max_tokens", "\u201cMax tokens\u201d");
}

/** Return the address of one model. The slashes of a provider's own name stay what they are. */
export function path(model) {
  return `chat/${model.split("/").map(encodeURIComponent).join("/")}`;
}

/** Return a body that is JSON, else undefined; a connection that breaks is thrown. */
async function json(response) {
  const text = await response.text();
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function sentence(response, body) {
  if (typeof body?.detail === "string" && body.detail) return body.detail;
  return `The server answered with status ${response.status} and without an explanation; try again.`;
}

function failure(model, error, wait = null) {
  return {
    model,
    response: "",
    tokens: null,
    latency_ms: null,
    error,
    upstream_model: null,
    note: null,
    finish_reason: null,
    retry_after_s: wait,
  };
}
