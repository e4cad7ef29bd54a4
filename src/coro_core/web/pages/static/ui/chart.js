// Latency and length side by side. The bars are in a table, so that figures and bars are one thing,
// to look at and to be read out.

import { el } from "./dom.js";
import { count, duration } from "./format.js";

/** Show how long the answers took, and how long they are, in tokens, or else in characters. */
export function showChart(place, answered) {
  const counted = answered.every(({ row }) => row.tokens != null);
  const length = ({ row }) => (counted ? row.tokens : row.response.length);
  const latency = ({ row }) => row.latency_ms;
  const slowest = Math.max(...answered.map(latency));
  const longest = Math.max(...answered.map(length));
  const rows = [...answered].sort((left, right) => latency(left) - latency(right));
  place.replaceChildren(
    el("h2", { id: "chart-title" }, "Time and length"),
    el("table", { class: "chart", "aria-labelledby": "chart-title" },
      el("thead", {}, el("tr", {},
        el("th", { scope: "col" }, "Model"),
        el("th", { scope: "col" }, "Time"),
        el("th", { scope: "col" }, counted ? "Tokens" : "Characters"))),
      el("tbody", {},
        ...rows.map((card) => el("tr", { class: card.model.hue },
          el("th", { scope: "row" }, card.title()),
          measured(latency(card), slowest, duration(latency(card))),
          measured(length(card), longest, count(length(card))))))),
  );
}

function measured(value, most, text) {
  const bar = el("span", { class: "measure", "aria-hidden": "true" });
  bar.style.width = `${most ? (100 * value) / most : 0}%`;
  return el("td", {}, el("span", { class: "value" }, text), el("span", { class: "track" }, bar));
}
