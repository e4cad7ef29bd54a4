// The libraries that others keep well; scripts/vendor.py fetches them.
export { default as DOMPurify } from "./vendor/dompurify-3.4.18/purify.es.mjs";
export { Marked } from "./vendor/marked-18.2.1/marked.esm.js";
export { diffArrays } from "./vendor/diff-9.0.0/diff/array.js";
export { diffWords } from "./vendor/diff-9.0.0/diff/word.js";
