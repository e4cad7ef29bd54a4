// What can be copied: an answer, all of them, and the call that asks for them.

import { byId } from "./dom.js";
import { count, duration, speed } from "./format.js";

const SHOWN_MS = 1600;

/** Put a text on the clipboard, and say so on the button for a moment. */
export async function copy(text, button) {
  const label = button.dataset.label ?? button.textContent;
  button.dataset.label = label;
  button.textContent = (await written(text)) ? "Copied" : "Not copied";
  byId("said").textContent = button.textContent;
  clearTimeout(Number(button.dataset.timer));
  button.dataset.timer = setTimeout(() => {
    button.textContent = label;
    byId("said").textContent = "";
  }, SHOWN_MS);
}

/** Return the command that asks the same of all models at once. */
export function curl({ models, request }) {
  const quoted = (text) => `'${text.replaceAll("'", `'\\''`)}'`;
  const address = new URL("chat", location.href).href;
  return [
    `curl -X POST ${quoted(address)}`,
    "-H 'Content-Type: application/json'",
    `-d ${quoted(JSON.stringify({ ...request, models }, null, 2))}`,
  ].join(" \\\n  ");
}

/** Return every answer as one markdown document. */
export function markdown(prompt, answers) {
  const quote = (text) => text.replace(/^/gm, "> ");
  const parts = answers.map(({ name, model, row }) => {
    const facts = [
      row.latency_ms != null && duration(row.latency_ms),
      row.tokens != null && `${count(row.tokens)} tokens`,
      speed(row),
      row.upstream_model && `\`${row.upstream_model}\``,
    ].filter(Boolean);
    return [
      `## ${name} (\`${model.id}\`)`,
      facts.length ? `*${facts.join(" · ")}*` : null,
      row.note,
      row.error ? `**Error:** ${row.error}` : row.response,
    ].filter(Boolean).join("\n\n");
  });
  return `${[quote(prompt), ...parts].join("\n\n")}\n`;
}

async function written(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return writtenByCommand(text);
  }
}

/** Copy the old way: the clipboard's interface is missing where the page came over plain http. */
function writtenByCommand(text) {
  const before = document.activeElement;
  const area = document.createElement("textarea");
  area.value = text;
  area.className = "unseen";
  document.body.append(area);
  area.select();
  const done = document.execCommand("copy");
  area.remove();
  before?.focus();
  return done;
}
