// The form's state in the address: in the fragment, which browsers send to nobody.

const LONGEST = 1_000_000; // browsers refuse addresses of more than about two million characters

/** Return what the address says of the form; what it leaves out is undefined. */
export function readState() {
  const found = new URLSearchParams(location.hash.slice(1));
  return {
    prompt: found.get("prompt") ?? undefined,
    models: found.has("model") ? found.getAll("model").filter(Boolean) : undefined,
    temperature: number(found.get("temperature")),
    max_tokens: number(found.get("max_tokens")),
    timeout: number(found.get("timeout")),
  };
}

/** Replace the query of the address by the form's state. */
export function writeState({ prompt, models, temperature, max_tokens, timeout }) {
  const state = new URLSearchParams();
  if (prompt) state.set("prompt", prompt);
  for (const model of models.length ? models : [""]) state.append("model", model);
  state.set("temperature", temperature);
  if (max_tokens != null) state.set("max_tokens", max_tokens);
  if (timeout != null) state.set("timeout", timeout);
  if (state.toString().length > LONGEST) state.delete("prompt");
  history.replaceState(null, "", `#${state}`);
}

function number(text) {
  const value = text ? Number(text) : Number.NaN;
  return Number.isFinite(value) ? value : undefined;
}
