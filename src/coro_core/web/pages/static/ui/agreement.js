// When answers agree.
//
// The measure is of wording, not of truth. An answer is reduced to its words as they are read:
// laid out, in lower case, without punctuation, and without the answering model's own name. Two
// answers agree when at least nine tenths of their words are the same in the same order (twice the
// longest common sequence by the sum of their lengths), and when their figures and signs are the
// same throughout: "2 + 2 = 4" and "2 + 2 = 5" never agree, however long the sentence around them.

import { layOut } from "./markdown.js";
import { diffArrays } from "./libraries.js";

/** The least share of words in common. */
export const LEAST = 0.9;
/** How long two answers may be held against each other; tens of thousands of words take longer. */
const PATIENCE_MS = 200;

const FIGURE = /[\p{N}\p{Sm}\p{Sc}%\u2212]/u;
const segmenter = new Intl.Segmenter("en", { granularity: "word" });

const known = new WeakMap();

/** Return the words, figures and signs of a row's answer, for `alike`. */
export function words(row) {
  if (!known.has(row)) known.set(row, read(row));
  return known.get(row);
}

function read({ response, upstream_model: name }) {
  let text = layOut(response).textContent.normalize("NFKC").toLowerCase();
  if (name) text = text.replaceAll(name.toLowerCase(), " ");
  // A minus, but no hyphen: only before a figure, and not behind a word.
  text = text.replace(/(?<![\p{L}\p{N}])[-\u2212\u2013](?=\p{N})/gu, " \u2212 ");
  return Array.from(segmenter.segment(text))
    .filter(({ segment, isWordLike }) => isWordLike || FIGURE.test(segment))
    .map(({ segment }) => segment);
}

/** Return how alike two answers are, 1 for the same words; 0 when they do not agree. */
export function alike(left, right) {
  const total = left.length + right.length;
  const figures = (list) => list.filter((word) => FIGURE.test(word)).join(" ");
  if (!left.length || !right.length || figures(left) !== figures(right)) return 0;
  // More changes than may be are not even looked for, so that long answers cost little.
  const changes = diffArrays(left, right, {
    maxEditLength: Math.floor((1 - LEAST) * total),
    timeout: PATIENCE_MS,
  });
  if (!changes) return 0;
  const common = changes.reduce((sum, { added, removed, count }) =>
    added || removed ? sum : sum + count, 0);
  const share = (2 * common) / total;
  return share >= LEAST ? share : 0;
}

/**
 * Return groups of answers that agree, each a list of at least two rows with `exact` set when their
 * words are the same. An answer belongs to the first group whose first answer it agrees with.
 */
export function groups(rows) {
  const found = [];
  for (const row of rows) {
    const own = words(row);
    const group = found.find(({ first }) => alike(first, own));
    if (!group) {
      found.push({ first: own, rows: [row], exact: true });
      continue;
    }
    group.rows.push(row);
    group.exact &&= alike(group.first, own) === 1;
  }
  return found.filter(({ rows }) => rows.length > 1);
}
