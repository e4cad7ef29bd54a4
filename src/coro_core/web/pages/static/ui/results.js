// The answers of one run: their cards, how far they are, what they have in common.

import { groups } from "./agreement.js";
import { Card } from "./card.js";
import { showChart } from "./chart.js";
import { copy, markdown } from "./copy.js";
import { Differences } from "./differences.js";
import { byId } from "./dom.js";
import { duration, listed } from "./format.js";

const TICK_MS = 100;

/** The results; `onBusy` is called with true while calls are in flight. */
export class Results {
  #cards = [];
  #prompt = "";
  #ticking;
  #onBusy;
  #differences = new Differences();

  constructor(onBusy) {
    this.#onBusy = onBusy;
    byId("copy-all").addEventListener("click", ({ currentTarget }) =>
      copy(markdown(this.#prompt, this.#done()), currentTarget));
  }

  /** Ask each of these models, and show a card for each; what ran before is stopped. */
  start(models, request) {
    this.stop();
    this.#prompt = request.prompt;
    byId("empty").hidden = true;
    byId("results").hidden = false;
    byId("to-results").hidden = false;
    const onChange = (card) => this.#changed(card);
    this.#cards = [];
    for (const model of models) this.#cards.push(new Card(model, request, onChange));
    byId("cards").replaceChildren(...this.#cards.map(({ element }) => element));
    this.#changed();
    byId("said").textContent = `Asking ${models.length === 1 ? "1 model" : `${models.length} models`}.`;
    byId("results-title").focus({ preventScroll: true });
    byId("results").scrollIntoView({ block: "nearest" });
  }

  /** Cancel every call in flight. */
  stop() {
    for (const card of this.#cards) if (card.state === "waiting") card.stop();
  }

  #changed(card) {
    // Of a run that another has replaced, or one whose cards are still being made.
    if (card && !this.#cards.includes(card)) return;
    const waiting = this.#cards.filter(({ state }) => state === "waiting");
    this.#onBusy(waiting.length > 0);
    clearInterval(this.#ticking);
    if (waiting.length) this.#ticking = setInterval(() => this.#tick(), TICK_MS);

    const answered = this.#cards.filter(({ state }) => state === "answered");
    const agreeing = this.#agreeing(answered);
    this.#say(card, waiting, answered, agreeing);
    byId("copy-all").disabled = !this.#done().length;
    byId("findings").hidden = !answered.length;
    showChart(byId("chart"), answered);
    this.#differences.show(answered, agreeing);
  }

  #tick() {
    const now = performance.now();
    for (const card of this.#cards) if (card.state === "waiting") card.tick(now);
  }

  #done() {
    return this.#cards.filter(({ row }) => row);
  }

  #agreeing(answered) {
    const found = groups(answered.map(({ row }) => row)).map(({ rows, exact }) => ({
      exact,
      cards: answered.filter(({ row }) => rows.includes(row)),
    }));
    for (const card of this.#cards) card.agree(found.find(({ cards }) => cards.includes(card)));
    return found;
  }

  #say(card, waiting, answered, agreeing) {
    const all = this.#cards.length;
    let sentence = `${answered.length} of ${all} answered.`;
    if (waiting.length) {
      if (card?.state === "answered")
        sentence = `${card.name} answered after ${duration(card.row.latency_ms)}. ${sentence}`;
      else if (card?.state === "failed") sentence = `${card.name} failed. ${sentence}`;
    } else {
      const failed = this.#cards.filter(({ state }) => state === "failed");
      if (failed.length) sentence += ` ${listed(failed.map(({ name }) => name))} failed.`;
      for (const { cards, exact } of agreeing) {
        const who = cards.length === all ? `All ${all}` : `${cards.length}`;
        sentence += exact ? ` ${who} agree.` : ` ${who} nearly agree.`;
      }
    }
    byId("status").textContent = sentence;
  }
}
