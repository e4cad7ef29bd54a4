// The models as chips: who runs them, what they cost, and why one cannot be asked.

import { listModels } from "./api.js";
import { byId, el, hue, withLinks } from "./dom.js";
import { count, label, listed, terms } from "./format.js";

/** From this number on, the list has a filter and scrolls by itself. */
const LONG = 13;

/** The models to choose from. `onChange` is called after each choice of the user's. */
export class Chips {
  #box = byId("chips");
  #reasons = byId("reasons");
  #more = byId("more");
  #filter = byId("filter");
  #models; // by id, in the order shown; undefined until the server has said
  #wanted; // ids out of the address; undefined stands for every model that is available
  #onChange;

  constructor(onChange) {
    this.#onChange = onChange;
    byId("all").addEventListener("click", () => this.#tick(true));
    byId("none").addEventListener("click", () => this.#tick(false));
    this.#more.addEventListener("click", () => this.load({ all: true }));
    this.#box.addEventListener("change", () => this.#changed());
    this.#filter.addEventListener("input", () => this.#sift());
    this.#filter.addEventListener("keydown", (event) => {
      // Enter in a field would submit the form.
      if (event.key === "Enter" && !event.ctrlKey && !event.metaKey) event.preventDefault();
    });
  }

  /** Ask the server for the models and show them; what was chosen before stays chosen. */
  async load({ all = false } = {}) {
    this.#box.setAttribute("aria-busy", "true");
    this.#more.disabled = true;
    try {
      const offered = await listModels({ all });
      const chosen = this.#models ? this.chosen() : this.#wanted;
      this.#models = new Map(once(offered, chosen ?? []).map((model) => [model.id, model]));
      this.#more.hidden = all;
      this.choose(chosen);
    } catch (error) {
      // Models that are already shown can still be asked.
      this.#box.querySelector(".failed")?.remove();
      this.#box.append(
        el("p", { class: "failed", role: "alert" }, error.message, " ",
          el("button", { type: "button", class: "quiet", click: () => this.load({ all }) },
            "Try again")),
      );
    } finally {
      this.#box.removeAttribute("aria-busy");
      this.#more.disabled = false;
      for (const ghost of this.#box.querySelectorAll(".ghost")) ghost.remove();
    }
  }

  /** Choose the models with these ids; undefined stands for every model that is available. */
  choose(ids) {
    this.#wanted = ids;
    if (!this.#models) return;
    if (!this.#models.size && !ids?.length) {
      this.#box.replaceChildren(el("p", { class: "failed" },
        "No installed plugin offers a model. Install one, such as coro-groq, and start again."));
      return;
    }
    for (const id of ids ?? []) {
      // Not on the list, but the server may know it all the same: it has the last word.
      if (!this.#models.has(id)) {
        const [provider, name] = id.includes(":") ? id.split(/:(.*)/s) : ["not listed", id];
        this.#models.set(id, { id, name, provider, cost: "", available: true, reason: null });
      }
    }
    this.#leaveOut(ids);
    this.#show(ids);
  }

  /** Return the ids that are chosen, in the order shown. */
  chosen() {
    return [...this.#box.querySelectorAll("input:checked")].map((input) => input.value);
  }

  /** Return what is known of a model, and its colour. */
  about(id) {
    return { ...this.#models.get(id), hue: hue([...this.#models.keys()].indexOf(id)) };
  }

  /** Choose every model that the filter shows, or no model at all. */
  #tick(wanted) {
    const shown = wanted ? ".chip:not([hidden]) " : "";
    for (const input of this.#box.querySelectorAll(`${shown}input:not([aria-disabled])`))
      input.checked = wanted;
    this.#changed();
  }

  #changed() {
    this.#count();
    this.#onChange();
  }

  /** Show the models whose id, name, or provider holds every word of the filter. */
  #sift() {
    const words = this.#filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    for (const shown of this.#box.querySelectorAll(".chip")) {
      const text = `${shown.title} ${shown.textContent}`.toLowerCase();
      shown.hidden = !words.every((word) => text.includes(word));
    }
    this.#count();
  }

  #count() {
    const shown = this.#box.querySelectorAll(".chip:not([hidden])").length;
    byId("tally").textContent =
      `${count(shown)} of ${count(this.#models.size)} shown, ${count(this.chosen().length)} chosen.`;
  }

  /** Name the models that a link asks for and that are not available. */
  #leaveOut(ids) {
    const names = (ids ?? []).map((id) => this.#models.get(id))
      .filter(({ available }) => !available).map(label);
    byId("left-out").textContent = names.length
      ? `Left out, because ${names.length > 1 ? "they are" : "it is"} not available: ${listed(names)}.`
      : "";
  }

  #show(chosen) {
    const models = [...this.#models.values()];
    const why = [...new Set(models.map(({ reason }) => reason).filter(Boolean))];
    const focused = this.#box.contains(document.activeElement);
    this.#box.replaceChildren(
      ...models.map((model, place) => {
        const on = chosen ? chosen.includes(model.id) : model.available;
        return chip(model, place, on && model.available, why.indexOf(model.reason));
      }),
    );
    const long = models.length >= LONG;
    byId("find").hidden = !long;
    this.#box.classList.toggle("long", long);
    if (!long) this.#filter.value = "";
    this.#sift();
    // The button that had the focus is gone: the keyboard stays where it was.
    if (focused) this.#box.querySelector("input")?.focus();
    this.#reasons.hidden = !why.length;
    this.#reasons.replaceChildren(
      ...why.map((reason, place) => {
        const names = models.filter((model) => model.reason === reason).map(label);
        return el("li", { id: `reason-${place}` },
          el("strong", {}, `${names.join(", ")}: `), ...withLinks(reason));
      }),
    );
  }
}

/** Leave out a provider's own name for what another id stands for, unless it is chosen. */
function once(models, chosen) {
  const upstream = ({ provider, upstream_model: name }) => `${provider} ${name}`;
  const ownName = ({ id, upstream_model: name }) => id.endsWith(`:${name}`);
  const known = new Set(
    models.filter((model) => model.available && !ownName(model)).map(upstream));
  return models.filter((model) =>
    !ownName(model) || !known.has(upstream(model)) || chosen.includes(model.id));
}

function chip(model, place, checked, reason) {
  const off = !model.available;
  const input = el("input", {
    type: "checkbox",
    name: "model",
    value: model.id,
    class: "unseen",
    // Not `disabled`: the keyboard would pass over it, and nobody would hear why.
    "aria-disabled": off && "true",
    "aria-describedby": off && reason >= 0 && `reason-${reason}`,
    click: (event) => off && event.preventDefault(),
  });
  input.checked = checked;
  return el("label", { class: `chip ${hue(place)}`, title: model.id },
    input,
    el("span", { class: "dot", "aria-hidden": "true" }),
    el("span", { class: "name" }, el("bdi", {}, label(model))),
    el("span", { class: "meta" },
      label(model) !== model.name && [el("bdi", { class: "id" }, model.id), " \u00b7 "],
      terms(model),
      off && el("span", { class: "off" }, "not available")),
  );
}
