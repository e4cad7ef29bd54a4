// One model's card: its clock while it works, then its answer or its error.

import { ask } from "./api.js";
import { copy } from "./copy.js";
import { el, unseen, withLinks } from "./dom.js";
import { duration, listed, speed } from "./format.js";
import { asText, layOut, LONGEST } from "./markdown.js";

const MOST_NAMED = 3;

/** A card that asks its model at once; `onChange(card)` is called whenever its state is another. */
export class Card {
  /** "waiting", "answered", "failed" or "stopped". */
  state = "waiting";
  /** The row, once there is one. */
  row;
  #request;
  #onChange;
  #abort;
  #started;
  #raw = false;
  #clock = el("span", { class: "clock" });
  #body = el("div", { class: "body" });
  #facts = el("dl", { class: "facts" });
  #notes = el("ul", { class: "notes" });
  #actions = el("div", { class: "buttons" });

  constructor(model, request, onChange) {
    this.model = model;
    this.#request = request;
    this.#onChange = onChange;
    const title = `card-${model.id}`;
    this.element = el("article", { class: `card ${model.hue}`, "aria-labelledby": title },
      el("header", {},
        el("span", { class: "dot", "aria-hidden": "true" }),
        el("h3", { id: title }, el("bdi", {}, model.name)),
        this.#clock,
        el("p", { class: "meta" }, [model.provider, model.cost].filter(Boolean).join(" · "))),
      this.#body, this.#notes, this.#facts, this.#actions);
    this.element.dataset.model = model.id;
    this.start();
  }

  /** Ask the model, again or for the first time. */
  async start() {
    this.#abort = new AbortController();
    this.#started = performance.now();
    this.row = undefined;
    this.#become("waiting");
    const { signal } = this.#abort;
    try {
      this.row = await ask(this.model.id, this.#request, signal);
      if (!signal.aborted) this.#become(this.row.error === null ? "answered" : "failed");
    } catch (error) {
      if (!signal.aborted) throw error;
      this.#become("stopped");
    }
  }

  /** Give up waiting; the server then cancels the call. */
  stop() {
    this.#abort.abort();
  }

  /** Show the time since the model's call began. */
  tick(now) {
    this.#clock.textContent = `${((now - this.#started) / 1000).toFixed(1)} s`;
  }

  /** Say with whom the answer agrees. */
  agree(group) {
    this.#notes.querySelector(".agrees")?.remove();
    if (!group) return;
    const others = group.cards.filter((card) => card !== this).map(({ model }) => model.name);
    const how = group.exact ? "Agrees with" : "Nearly agrees with";
    const whom = others.length > MOST_NAMED ? `${others.length} others` : listed(others);
    this.#notes.prepend(el("li", { class: "agrees" }, `${how} ${whom}`));
  }

  #become(state) {
    const focused = this.element.contains(document.activeElement);
    this.state = state;
    this.element.dataset.state = state;
    this.element.toggleAttribute("aria-busy", state === "waiting");
    if (state === "waiting") this.tick(performance.now());
    else this.#clock.textContent = this.row?.latency_ms == null ? "" : duration(this.row.latency_ms);
    this.#showBody();
    this.#showNotes();
    this.#showFacts();
    this.#showActions();
    // The button that had the focus is gone: the keyboard stays where it was.
    if (focused) this.#actions.querySelector("button")?.focus();
    this.#onChange(this);
  }

  #showBody() {
    const { row } = this;
    if (this.state === "waiting") {
      this.#body.replaceChildren(unseen("Waiting for the answer."),
        el("span", { class: "line" }), el("span", { class: "line" }), el("span", { class: "line" }));
    } else if (this.state === "answered") {
      this.#body.replaceChildren(this.#raw ? asText(row.response) : layOut(row.response));
    } else {
      const sentence = this.state === "stopped" ? ["Stopped before there was an answer."]
        : withLinks(row.error);
      this.#body.replaceChildren(el("p", { class: "error" }, ...sentence));
    }
    // Long answers scroll inside of their card, by keyboard too.
    if (this.state === "answered") {
      this.#body.tabIndex = 0;
      this.#body.setAttribute("role", "region");
      this.#body.setAttribute("aria-label", `Answer of ${this.model.name}`);
    } else {
      for (const name of ["tabindex", "role", "aria-label"]) this.#body.removeAttribute(name);
    }
  }

  #showNotes() {
    const { row } = this;
    const notes = [];
    if (row?.note) notes.push(["note", row.note]);
    if (row?.finish_reason === "length")
      notes.push(["cut", "Cut off: the answer reached the limit of max tokens."]);
    if (row?.finish_reason === "content_filter")
      notes.push(["cut", "Cut off by the provider's content filter."]);
    if (row?.response.length > LONGEST)
      notes.push(["cut", "Shown as plain text: it is too long to be laid out."]);
    if (row?.retry_after_s) {
      const time = new Date(Date.now() + row.retry_after_s * 1000).toLocaleTimeString();
      notes.push(["wait", `Worth another try from ${time}.`]);
    }
    this.#notes.replaceChildren(
      ...notes.map(([kind, text]) => el("li", { class: kind }, text)));
  }

  #showFacts() {
    const { row } = this;
    const facts = [
      ["Tokens", row?.tokens],
      ["Speed", row && speed(row)],
      ["Model", row?.upstream_model && el("bdi", {}, row.upstream_model)],
    ].filter(([, value]) => value != null);
    this.#facts.hidden = !facts.length;
    this.#facts.replaceChildren(
      ...facts.map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value))));
  }

  #showActions() {
    const button = (text, click, more = {}) =>
      el("button", {
        type: "button", class: "quiet", "aria-label": `${text}: ${this.model.name}`, click, ...more,
      }, text);
    if (this.state === "waiting") {
      this.#actions.replaceChildren(button("Stop", () => this.stop()));
    } else if (this.state === "answered") {
      this.#actions.replaceChildren(
        button("Copy", ({ currentTarget }) => copy(this.row.response, currentTarget)),
        button("Raw", ({ currentTarget }) => this.#toggleRaw(currentTarget),
          { "aria-pressed": String(this.#raw) }));
    } else {
      this.#actions.replaceChildren(button("Retry", () => this.start()));
    }
  }

  #toggleRaw(button) {
    this.#raw = !this.#raw;
    button.setAttribute("aria-pressed", String(this.#raw));
    this.#showBody();
  }
}
