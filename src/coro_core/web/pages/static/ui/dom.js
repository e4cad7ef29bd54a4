// Building the page out of elements: text stays text, and nothing is ever parsed as markup here.

/** Return the element of the page with this id. */
export const byId = (id) => document.getElementById(id);

/**
 * Return a new element. Of `properties`, functions become listeners, `true` an attribute without a
 * value, and false, null and undefined nothing. Children are nodes or texts; null is left out.
 */
export function el(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (typeof value === "function") element.addEventListener(name, value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value != null) element.setAttribute(name, value);
  }
  element.append(...children.flat(2).filter((child) => child != null && child !== false));
  return element;
}

/** Return a text for screen readers alone. */
export const unseen = (text) => el("span", { class: "unseen" }, text);

/** Return a sentence of the server's with its addresses as links. */
export function withLinks(sentence) {
  return sentence.split(/(https:\/\/[^\s<>"]+[^\s<>".,;:!?)])/).map((part, place) =>
    place % 2
      ? el("a", { href: part, target: "_blank", rel: "noopener noreferrer" }, part)
      : part,
  );
}

/** Return the class of the colour that a model has on the whole page, by its place on offer. */
export const hue = (place) => `hue-${place % 8}`;
