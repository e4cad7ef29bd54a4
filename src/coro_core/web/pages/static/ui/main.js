// Where the parts of the page meet.

import { copy, curl } from "./copy.js";
import { byId } from "./dom.js";
import { Form } from "./form.js";
import { Results } from "./results.js";

const form = new Form({
  onAsk: ({ models, request }) => results.start(models.map((id) => form.chips.about(id)), request),
  onStop: () => results.stop(),
});
const results = new Results((busy) => (form.busy = busy));

byId("demo").hidden = document.documentElement.dataset.demo !== "true";
byId("shortcut").textContent = /Mac|iP(hone|ad)/.test(navigator.platform) ? "⌘ ⏎" : "Ctrl ⏎";
byId("curl").addEventListener("click", ({ currentTarget }) => {
  const wanted = form.request();
  if (wanted) copy(curl(wanted), currentTarget);
});
for (const button of document.querySelectorAll(".example"))
  button.addEventListener("click", () => form.write(button.textContent));
for (const [link, target] of [["to-prompt", "prompt"], ["to-results", "results-title"]])
  byId(link).addEventListener("click", (event) => {
    event.preventDefault(); // the fragment of the address holds the form
    byId(target).focus();
  });
form.open();
