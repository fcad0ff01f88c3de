// One answer: its sign, its word, and how sure it is.

import { make } from "./dom.js";
import { PRESENCE, answerWords, percent, sign } from "./words.js";

/** `tone` is what styles an answer; values of an attribute share one. */
export const tone = (answer) => (PRESENCE.includes(answer) ? answer : answer === "" ? "blank" : "value");

export function badge(answer) {
  const mark = sign(answer);
  return make(
    "span",
    { class: "badge", "data-tone": tone(answer) },
    mark && make("span", { class: "sign", "aria-hidden": "true" }, mark),
    answerWords(answer),
  );
}

/** A small bar and the number. */
export function certainty(probability) {
  const fill = make("span", { class: "fill" });
  fill.style.setProperty("inline-size", `${probability * 100}%`);
  return make(
    "span",
    { class: "certainty", title: "Probability that the answer is right" },
    make("span", { class: "bar", "aria-hidden": "true" }, fill),
    make("span", { class: "number" }, percent(probability)),
  );
}
