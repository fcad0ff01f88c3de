// Draws the report under review: its text with the evidence, and its questions with their answers.

import { badge, certainty, tone } from "./answer.js";
import { find, make } from "./dom.js";
import { light, showText } from "./highlight.js";
import { ACCEPTED, choicesOf } from "./reviewing.js";
import { answerWords, count, parts, sign, title } from "./words.js";

/** Answers that a key chooses. */
const KEYS = 9;

/**
 * @param {import("./reviewing.js").Review} review
 * @param {{panel: object|null, textOf: (id: string) => string|undefined, choose: Function, look: Function}} given
 */
export function drawReport(review, given) {
  find("#review-id").textContent = review.id;
  drawDecision(review.decided);
  drawText(review, given.textOf(review.id));
  drawQuestions(review, given);
}

function drawDecision(decided) {
  const place = find("#review-decided");
  const isAccepted = decided === ACCEPTED;
  place.dataset.tone = isAccepted ? "done" : "not_mentioned";
  const tick = isAccepted ? [make("span", { class: "sign", "aria-hidden": "true" }, "\u2713")] : [];
  place.replaceChildren(...tick, decided ?? "open");
}

function drawText(review, text) {
  const place = find("#review-text");
  if (text === undefined) {
    place.replaceChildren(make("p", { class: "fine" }, "The file of reports holds no text for this id."));
    return;
  }
  const spans = [...review.given]
    .filter(([, { evidence }]) => evidence !== null)
    .map(([key, { evidence, answer }]) => ({ ...evidence, key, tone: tone(answer), source: 0 }));
  showText(place, text, spans);
}

/** Draws the questions again, as after each choice; the text stays where it is scrolled to. */
export function drawQuestions(review, given) {
  const place = find("#review-questions");
  const hadFocus = place.contains(document.activeElement);
  place.replaceChildren(...review.open.map((question) => item(review, question, given)));
  light(find("#review-text"), review.question, true);
  const current = find("[aria-current]", place);
  current?.scrollIntoView({ block: "nearest" });
  if (hadFocus && current) find("button", current).focus({ preventScroll: true });
}

function item(review, question, given) {
  const { finding, attribute } = parts(question);
  const isCurrent = question === review.question;
  const answer = review.answers.get(question) ?? "";
  const table = review.given.get(question);
  const head = make(
    "button",
    { type: "button", class: "head", onclick: () => given.look(question) },
    make("span", { class: "question" }, title(attribute ?? finding)),
    badge(answer),
    review.isChanged(question)
      ? make("span", { class: "was" }, `was ${answerWords(table?.answer ?? "")}`)
      : table && certainty(table.probability),
  );
  return make(
    "li",
    { class: attribute === null ? "finding" : "attribute", "aria-current": isCurrent && "true", "data-question": question },
    head,
    isCurrent && choices(review, question, answer, given),
  );
}

function choices(review, question, answer, given) {
  const offered = choicesOf(question, given.panel, review.table);
  const buttons = offered.map((choice, at) =>
    make(
      "button",
      {
        type: "button",
        "aria-pressed": String(choice === answer),
        "data-tone": tone(choice),
        onclick: () => given.choose(question, choice),
      },
      at < KEYS && make("kbd", {}, String(at + 1)),
      ` ${sign(choice)} ${answerWords(choice)}`.replace("  ", " "),
    ),
  );
  const blank = make(
    "button",
    { type: "button", "aria-pressed": String(answer === ""), onclick: () => given.choose(question, "") },
    make("kbd", {}, "x"),
    " no answer",
  );
  return make("div", { class: "choices", role: "group", "aria-label": "The right answer" }, ...buttons, blank);
}

/** How far the review is; what was done last goes before. */
export function drawProgress(review, said = "") {
  const accepted = review.count(ACCEPTED);
  const skipped = review.count("skipped");
  const total = review.order.length;
  Object.assign(find("#review-progress"), { max: total, value: accepted + skipped });
  const open = total - accepted - skipped;
  find("#review-status").textContent =
    `${said}${count(accepted)} accepted, ${count(skipped)} skipped, ` +
    (open === 0 ? "none open: download the gold CSV." : `${count(open)} open.`);
  find("#review-gold").disabled = accepted === 0;
  find("#review-undo").disabled = review.past.length === 0;
}
