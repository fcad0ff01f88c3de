// How names and numbers are written for people.

/** Signs beside the answers about a finding, so that none is told by its colour alone. */
const SIGNS = { present: "+", absent: "\u2212", uncertain: "?", not_mentioned: "\u00b7" };

export const PRESENCE = Object.keys(SIGNS);
export const NOT_APPLICABLE = "not_applicable";
export const UNSPECIFIED = "unspecified";

/** `pulmonary_embolism` is "Pulmonary embolism". */
export function title(name) {
  const words = name.replaceAll("_", " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** An answer; "" is one that was withheld, or left blank. */
export const answerWords = (answer) => (answer === "" ? "no answer" : answer.replaceAll("_", " "));

export const sign = (answer) => SIGNS[answer] ?? "";

/** 0.987 is "99 %", and no probability below 1 is called 100 %. */
export function percent(probability) {
  if (probability < 1 && probability > 0.99) return `${(Math.floor(probability * 1000) / 10).toFixed(1)} %`;
  return `${Math.round(probability * 100)} %`;
}

export const count = (number) => number.toLocaleString("en-US");

/** "1 report", "3 reports". */
export const counted = (number, word) => `${count(number)} ${word}${number === 1 ? "" : "s"}`;

/** Seconds as "40 s", "3 min" or "2 h 5 min". */
export function duration(seconds) {
  if (seconds < 90) return `${Math.max(1, Math.round(seconds))} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 90) return `${minutes} min`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** A time in ISO 8601 as "25 Nov, 13:05", where the reader is. */
export const moment = (time) =>
  new Date(time).toLocaleString("en-GB", { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });

/** The finding and the attribute (or null) that a question's name says. */
export function parts(question) {
  const [finding, attribute] = question.split(".");
  return { finding, attribute: attribute ?? null };
}
