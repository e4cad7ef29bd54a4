// Two answers, compared word by word.

import { byId, el, unseen } from "./dom.js";
import { diffWords } from "./libraries.js";

const PATIENCE_MS = 1000;

/** The part of the page that shows what two answers do not have in common. */
export class Differences {
  #place = byId("differences");
  #left = this.#select("First answer");
  #right = this.#select("Second answer");
  #text = el("div", {
    class: "diff", dir: "auto", tabindex: "0", role: "region", "aria-label": "Both answers in one",
  });
  #summary = el("p", { class: "legend", role: "status" });
  #answered = [];
  #pair; // the ids that the user chose

  constructor() {
    this.#place.append(
      el("h2", { id: "differences-title" }, "Differences"),
      el("div", { class: "pair" }, this.#left, el("span", { "aria-hidden": "true" }, "→"), this.#right),
      this.#summary, this.#text);
  }

  /** Let two of these cards be compared: first, until the user says otherwise, two that differ. */
  show(answered, agreeing) {
    this.#answered = answered;
    this.#place.hidden = answered.length < 2;
    if (answered.length < 2) {
      this.#pair = undefined;
      return;
    }
    const ids = answered.map(({ model }) => model.id);
    const kept = this.#pair?.every((id) => ids.includes(id));
    const [left, right] = kept ? this.#pair : unlike(answered, agreeing);
    for (const [select, chosen] of [[this.#left, left], [this.#right, right]]) {
      select.replaceChildren(
        ...answered.map(({ model, fullName }) => el("option", { value: model.id }, fullName)));
      select.value = chosen;
    }
    this.#compare();
  }

  #select(label) {
    return el("select", {
      "aria-label": label,
      change: () => {
        this.#pair = [this.#left.value, this.#right.value];
        this.#compare();
      },
    });
  }

  #compare() {
    const [left, right] = [this.#left, this.#right].map((select) =>
      this.#answered.find(({ model }) => model.id === select.value));
    const changes = diffWords(left.row.response, right.row.response, {
      intlSegmenter: new Intl.Segmenter(undefined, { granularity: "word" }),
      timeout: PATIENCE_MS,
    });
    this.#text.hidden = !changes;
    if (!changes) {
      this.#summary.textContent = "These answers are too long and too different to be compared.";
      return;
    }
    const differ = changes.some(({ added, removed }) => added || removed);
    this.#summary.replaceChildren(
      ...(differ
        ? [el("del", {}, "only in the first"), " ", el("ins", {}, "only in the second")]
        : ["Word for word the same."]));
    this.#text.replaceChildren(...changes.map(piece));
  }
}

function piece({ value, added, removed }) {
  if (removed) return el("del", {}, unseen("[only in the first: "), value, unseen("]"));
  if (added) return el("ins", {}, unseen("[only in the second: "), value, unseen("]"));
  return value;
}

/** Return the ids of the first answer and of the first other that does not agree with it. */
function unlike([first, ...others], agreeing) {
  const group = agreeing.find(({ cards }) => cards.includes(first))?.cards ?? [first];
  const other = others.find((card) => !group.includes(card)) ?? others[0];
  return [first.model.id, other.model.id];
}
