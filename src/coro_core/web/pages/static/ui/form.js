// The form: what is asked, of whom, and how.

import { Chips } from "./chips.js";
import { byId } from "./dom.js";
import { readState, writeState } from "./state.js";

const LIMITS = document.documentElement.dataset;
const SAVE_AFTER_MS = 200; // browsers limit the rate of address changes

/** The form; `onAsk` gets a request and its models, `onStop` is called to end what is running. */
export class Form {
  #prompt = byId("prompt");
  #temperature = byId("temperature");
  #tokens = byId("max_tokens");
  #timeout = byId("timeout");
  #complaint = byId("complaint");
  #count = byId("count");
  #busy = false;
  #saving;
  #onAsk;
  #onStop;

  constructor({ onAsk, onStop }) {
    this.#onAsk = onAsk;
    this.#onStop = onStop;
    this.chips = new Chips(() => this.#changed());
    this.#tokens.max = LIMITS.maxTokens;
    this.#timeout.placeholder = LIMITS.timeout;
    const form = byId("form");
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      if (this.#busy) this.#onStop();
      else this.submit();
    });
    form.addEventListener("input", () => this.#changed());
    document.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && !event.repeat) {
        event.preventDefault();
        if (!this.#busy) this.submit();
      }
    });
    // Somebody follows another link to this page, or edits the address.
    addEventListener("hashchange", () => this.#restore());
  }

  /** Fill the form from the address, and load the models. */
  async open() {
    this.#restore();
    await this.chips.load();
  }

  /** Fill in a prompt. */
  write(prompt) {
    this.#prompt.value = prompt;
    this.#prompt.focus();
    this.#changed();
  }

  /** Show on the button whether calls are in flight. */
  set busy(busy) {
    this.#busy = busy;
    byId("submit-text").textContent = busy ? "Stop" : "Compare";
    byId("submit").classList.toggle("stop", busy);
    byId("shortcut").hidden = busy;
  }

  /** Return the request as the API takes it; complain and return undefined when it cannot be. */
  request() {
    this.#clear();
    const models = this.chips.chosen();
    const most = Number(LIMITS.maxTokens);
    const tokens = this.#tokens.valueAsNumber;
    if (!this.#prompt.value.trim()) return this.#complain("Write a prompt first.", this.#prompt);
    if (this.#length() > Number(LIMITS.maxPromptChars))
      return this.#complain("The prompt is too long.", this.#prompt);
    if (!models.length)
      return this.#complain("Choose at least one model.", byId("chips").querySelector("input"));
    if (!Number.isInteger(tokens) || tokens < 1 || tokens > most)
      return this.#complain(`Max tokens must be a whole number from 1 to ${most}.`, this.#tokens);
    const timeout = this.#timeout.valueAsNumber;
    if (this.#timeout.validity.badInput || timeout <= 0 || timeout > 60)
      return this.#complain("The time limit must be more than 0 and at most 60 s.", this.#timeout);
    return {
      models,
      request: {
        prompt: this.#prompt.value,
        temperature: this.#temperature.valueAsNumber,
        max_tokens: tokens,
        ...(timeout > 0 && { timeout }),
      },
    };
  }

  /** Ask, if the form can be asked. */
  submit() {
    const wanted = this.request();
    if (!wanted) return;
    this.#save();
    this.#onAsk(wanted);
  }

  #restore() {
    const state = readState();
    this.#prompt.value = state.prompt ?? "";
    this.#temperature.value = state.temperature ?? 0.7;
    this.#tokens.value = state.max_tokens ?? Math.min(512, Number(LIMITS.maxTokens));
    this.#timeout.value = state.timeout ?? "";
    this.chips.choose(state.models);
    this.#show();
  }

  #changed() {
    this.#clear();
    this.#show();
    clearTimeout(this.#saving);
    this.#saving = setTimeout(() => this.#save(), SAVE_AFTER_MS);
  }

  #save() {
    clearTimeout(this.#saving);
    const value = (input) => (Number.isNaN(input.valueAsNumber) ? undefined : input.valueAsNumber);
    writeState({
      prompt: this.#prompt.value,
      models: this.chips.chosen(),
      temperature: this.#temperature.valueAsNumber,
      max_tokens: value(this.#tokens),
      timeout: value(this.#timeout),
    });
  }

  #show() {
    byId("temperature-value").textContent = this.#temperature.value;
    const most = Number(LIMITS.maxPromptChars);
    const left = most - this.#length();
    this.#count.hidden = left > most / 10;
    const characters = Math.abs(left) === 1 ? "1 character" : `${Math.abs(left)} characters`;
    this.#count.textContent = `${characters} ${left < 0 ? "too many" : "left"}`;
    this.#count.classList.toggle("over", left < 0);
  }

  /** Count characters as the server does, not the units of UTF-16. */
  #length() {
    let length = 0;
    for (const _ of this.#prompt.value) length += 1;
    return length;
  }

  /** Show a sentence at its field, and move the focus there. */
  #complain(sentence, field) {
    if (field === this.#prompt) field.after(this.#complaint);
    else if (field?.closest(".option")) byId("options").after(this.#complaint);
    else byId("chips").before(this.#complaint);
    this.#complaint.textContent = sentence;
    field?.setAttribute("aria-invalid", "true");
    field?.setAttribute("aria-errormessage", "complaint");
    field?.focus();
    this.#complaint.scrollIntoView({ block: "nearest" });
  }

  #clear() {
    this.#complaint.textContent = "";
    for (const field of byId("form").querySelectorAll("[aria-invalid]")) {
      field.removeAttribute("aria-invalid");
      field.removeAttribute("aria-errormessage");
    }
  }
}
