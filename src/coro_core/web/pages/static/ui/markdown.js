// A model's answer as a document. Whatever it holds, what comes out is text, tables, links: twice.
// Markup in an answer is shown as text instead of being obeyed, and what the markdown made is
// sanitised by a list of what is allowed.

import { el } from "./dom.js";
import { DOMPurify, Marked } from "./libraries.js";

/**
 * Longer answers are shown as they are. It is more than max_tokens can usually be, and what can be
 * written into it to hold up the parser costs two seconds, not a minute: its time grows by squares.
 */
export const LONGEST = 40_000;

// Harmless, and what models write where markdown has nothing of its own.
const KNOWN_TAG = /^<\/?(?:br|sub|sup|kbd|b|i|em|strong|u|s|del|ins|mark)\s*\/?>$/i;

const ALLOWED = {
  ALLOWED_TAGS: [
    ..."p br hr h1 h2 h3 h4 h5 h6 ul ol li blockquote pre code table thead tbody tr th td".split(" "),
    ..."a em strong b i u s del ins mark sub sup kbd input".split(" "),
  ],
  ALLOWED_ATTR: ["href", "title", "start", "align", "type", "checked", "disabled"],
  ALLOWED_URI_REGEXP: /^(?:https?|mailto):/i,
  // Every other attribute would have to be such an address as well.
  ADD_URI_SAFE_ATTR: ["start", "align", "type", "checked", "disabled"],
  ALLOW_DATA_ATTR: false,
  ALLOW_ARIA_ATTR: false,
  RETURN_DOM_FRAGMENT: true,
};

const escaped = (text) =>
  text.replace(/[&<>"']/g, (found) => `&#${found.codePointAt(0)};`);

const marked = new Marked({
  gfm: true,
  breaks: true,
  renderer: {
    html: ({ text }) => (KNOWN_TAG.test(text.trim()) ? text : escaped(text)),
    // A picture would be fetched from wherever the model says; its address is a link instead.
    image: ({ href, text }) =>
      `<a href="${escaped(href)}">${escaped(text ? `Image: ${text}` : href)}</a>`,
  },
});

DOMPurify.addHook("afterSanitizeAttributes", (node) => {
  if (node.tagName === "A") {
    if (node.hasAttribute("href")) {
      node.setAttribute("target", "_blank");
      node.setAttribute("rel", "noopener noreferrer nofollow");
    }
  } else if (node.tagName === "INPUT") {
    // The box of a task list; anything else that is an input is none of an answer's business.
    if (node.getAttribute("type") !== "checkbox") node.remove();
    else node.setAttribute("disabled", "");
  }
});

/** Return an answer laid out, or as it stands where that cannot be done. */
export function layOut(text) {
  if (text.length > LONGEST) return asText(text);
  try {
    const fragment = DOMPurify.sanitize(marked.parse(text), ALLOWED);
    return finish(fragment);
  } catch {
    return asText(text); // nested deeper than the parser can follow
  }
}

/** Return an answer as it stands. */
export function asText(text) {
  const fragment = document.createDocumentFragment();
  fragment.append(el("pre", { class: "raw", dir: "auto" }, text));
  return fragment;
}

function finish(fragment) {
  for (const block of fragment.children) block.setAttribute("dir", "auto");
  for (const table of fragment.querySelectorAll("table")) {
    // Wide tables scroll by themselves, by keyboard too.
    const frame = el("div", { class: "wide", tabindex: "0", role: "region", "aria-label": "Table" });
    table.replaceWith(frame);
    frame.append(table);
  }
  for (const code of fragment.querySelectorAll("pre")) code.setAttribute("tabindex", "0");
  for (const box of fragment.querySelectorAll("input"))
    box.setAttribute("aria-label", box.checked ? "done" : "to do");
  // The page's own headings are above: an answer's begin below them.
  for (const heading of fragment.querySelectorAll("h1, h2, h3, h4, h5, h6")) {
    const level = Math.min(6, Number(heading.tagName[1]) + 3);
    heading.replaceWith(el(`h${level}`, { dir: "auto" }, ...heading.childNodes));
  }
  return fragment;
}
