// A report's text with the evidence marked in it.

import { make } from "./dom.js";
import { toUnits } from "./offsets.js";

/**
 * @typedef {{start: number, end: number, key: string, tone: string, source: number}} Span
 *   start and end in code points; key: what it is evidence for; tone: the answer it shows; source: which of
 *   the methods compared says so
 */

/** Cuts a text where a span begins or ends; each piece knows the spans that cover it. */
export function pieces(text, spans) {
  const units = toUnits(text, spans.flatMap((span) => [span.start, span.end]));
  const placed = spans
    .map((span) => ({ ...span, from: units.get(span.start), to: units.get(span.end) }))
    .filter((span) => span.from < span.to);
  const edges = new Set([0, text.length, ...placed.flatMap((span) => [span.from, span.to])]);
  const cuts = [...edges].sort((a, b) => a - b);
  return cuts.slice(0, -1).map((from, at) => ({
    text: text.slice(from, cuts[at + 1]),
    spans: placed.filter((span) => span.from <= from && span.to >= cuts[at + 1]),
  }));
}

/** Puts the text into an element, with a `mark` around each piece that is evidence. */
export function showText(element, text, spans) {
  element.replaceChildren(...pieces(text, spans).map((piece) => (piece.spans.length ? mark(piece) : piece.text)));
  element.scrollTop = 0;
}

function mark(piece) {
  const tones = new Set(piece.spans.map((span) => span.tone));
  return make(
    "mark",
    {
      "data-keys": piece.spans.map((span) => span.key).join(" "),
      "data-tone": tones.size === 1 ? [...tones][0] : "several",
      "data-sources": [...new Set(piece.spans.map((span) => span.source))].sort().join(" "),
      "data-depth": Math.min(3, piece.spans.length),
    },
    piece.text,
  );
}

/** Lights the marks of one key (null: none) and, if asked, brings the first into view within its pane. */
export function light(element, key, scroll = false) {
  let first = null;
  for (const each of element.querySelectorAll("mark")) {
    const lit = key !== null && each.dataset.keys.split(" ").includes(key);
    each.classList.toggle("lit", lit);
    first ??= lit ? each : null;
  }
  if (first && scroll) bringIntoView(element, first);
}

/** Scrolls the pane alone: the page stays where it is. */
function bringIntoView(pane, target) {
  const inner = target.getBoundingClientRect();
  const outer = pane.getBoundingClientRect();
  if (inner.top >= outer.top && inner.bottom <= outer.bottom) return;
  pane.scrollTop += inner.top - outer.top - pane.clientHeight / 3;
}
