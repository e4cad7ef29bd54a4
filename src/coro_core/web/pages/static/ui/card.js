// One model's card: its clock while it works, then its answer or its error.

import { ask } from "./api.js";
import { copy } from "./copy.js";
import { el, unseen, withLinks } from "./dom.js";
import { count, duration, label, listed, speed, terms } from "./format.js";
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
  #title = el("h3");
  #clock = el("span", { class: "clock" });
  #body = el("div", { class: "body" });
  #facts = el("dl", { class: "facts" });
  #notes = el("ul", { class: "notes" });
  #actions = el("div", { class: "buttons" });
  #sized = new ResizeObserver(() => this.#reach());

  constructor(model, request, onChange) {
    this.model = model;
    this.#request = request;
    this.#onChange = onChange;
    this.#title.id = `card-${model.id}`;
    this.element = el("article", { class: `card ${model.hue}`, "aria-labelledby": this.#title.id },
      el("header", {},
        el("span", { class: "dot", "aria-hidden": "true" }),
        this.#title,
        this.#clock,
        el("p", { class: "meta" }, terms(model))),
      this.#body, this.#notes, this.#facts, this.#actions);
    this.element.dataset.model = model.id;
    this.#sized.observe(this.#body);
    this.start();
  }

  /** Return the name of what answers, as far as is known. */
  get name() {
    return label(this.row?.upstream_model ? { ...this.row, name: this.model.name } : this.model);
  }

  /** Return the name, and the id where the name is that of a substitute. */
  get fullName() {
    return this.name === this.model.name ? this.name : `${this.name} (${this.model.id})`;
  }

  /** Return the name as elements, the id beside it where it is that of a substitute. */
  title() {
    const own = this.name === this.model.name;
    return [el("bdi", {}, this.name), ...(own ? [] : [" ", el("bdi", { class: "meta" }, this.model.id)])];
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
    const others = group.cards.filter((card) => card !== this).map(({ fullName }) => fullName);
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
    this.#title.replaceChildren(...this.title());
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
    this.#reach();
  }

  /** Let the keyboard reach what scrolls, and nothing else: each stop repeats per card. */
  #reach() {
    const scrolls = (it) => it.scrollHeight > it.clientHeight || it.scrollWidth > it.clientWidth;
    for (const part of this.#body.querySelectorAll("pre, .wide")) {
      if (scrolls(part)) part.tabIndex = 0;
      else part.removeAttribute("tabindex");
    }
    if (this.state === "answered" && scrolls(this.#body)) {
      this.#body.tabIndex = 0;
      this.#body.setAttribute("role", "region");
      this.#body.setAttribute("aria-label", `Answer of ${this.name}`);
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
      ["Tokens", row?.tokens == null ? null : count(row.tokens)],
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
        type: "button", class: "quiet", "aria-label": `${text}: ${this.name}`, click, ...more,
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
