// Figures as people read them.

/** Return a time in milliseconds as text. */
export function duration(milliseconds) {
  return milliseconds < 1000 ? `${milliseconds} ms` : `${(milliseconds / 1000).toFixed(2)} s`;
}

/** A speed out of a shorter time is noise. */
const LEAST_TIMED_MS = 50;

/** Return a row's tokens per second; undefined without a count or a time that is long enough. */
export function tokensPerSecond({ tokens, latency_ms: latency }) {
  return tokens == null || latency < LEAST_TIMED_MS ? undefined : (tokens * 1000) / latency;
}

/** Return a row's tokens per second in words. */
export function speed(row) {
  const rate = tokensPerSecond(row);
  return rate === undefined ? undefined : `${rate < 10 ? rate.toFixed(1) : count(Math.round(rate))} tokens/s`;
}

/** Return a whole number, its digits in groups of three. */
export const count = (number) => number.toLocaleString("en");

/** Return the name of what answers: the upstream model where it took another's place. */
export const label = ({ name, upstream_model, substituted, note }) =>
  upstream_model && (substituted || note) ? upstream_model : name;

/** Return who runs a model and what it costs; a cost such as "see the provider" says nothing. */
export const terms = ({ provider, cost }) =>
  [provider, /^see\b/i.test(cost) ? "" : cost].filter(Boolean).join(" \u00b7 ");

/** Return names as a list in a sentence. */
export const listed = (names) => new Intl.ListFormat("en").format(names);
