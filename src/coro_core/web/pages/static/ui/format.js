// Figures as people read them.

/** Return a time in milliseconds as text. */
export function duration(milliseconds) {
  return milliseconds < 1000 ? `${milliseconds} ms` : `${(milliseconds / 1000).toFixed(2)} s`;
}

/** Return a row's tokens per second; undefined where a figure is missing. */
export function tokensPerSecond({ tokens, latency_ms: latency }) {
  return tokens == null || !latency ? undefined : (tokens * 1000) / latency;
}

/** Return a row's tokens per second in words. */
export function speed(row) {
  const rate = tokensPerSecond(row);
  return rate === undefined ? undefined : `${rate < 10 ? rate.toFixed(1) : Math.round(rate)} tokens/s`;
}

/** Return names as a list in a sentence. */
export const listed = (names) => new Intl.ListFormat("en").format(names);
