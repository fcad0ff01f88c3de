// The findings of one report by one method, or by two side by side.

import { badge, certainty, tone } from "./answer.js";
import { make } from "./dom.js";
import { NOT_APPLICABLE, counted, parts, title } from "./words.js";

/** Up to so many findings, those that are not mentioned are shown too. */
const FEW = 6;

/**
 * @param {{method: string, labels: object[]}[]} results  one or two, of the same questions
 * @returns {{question: string, labels: object[], differs: boolean, isQuiet: boolean}[]}
 */
export function rowsOf(results) {
  const rows = results[0].labels.map((label) => {
    const labels = results.map((result) => result.labels.find((other) => other.question === label.question));
    return { question: label.question, labels: labels.map((other) => other ?? null) };
  });
  const isFew = rows.filter((row) => parts(row.question).attribute === null).length <= FEW;
  const quiet = isFew ? [NOT_APPLICABLE] : [NOT_APPLICABLE, "not_mentioned"];
  return rows.map((row) => ({
    ...row,
    differs: new Set(row.labels.map((label) => label?.answer)).size > 1,
    isQuiet: row.labels.every((label) => label !== null && quiet.includes(label.answer)),
  }));
}

/** The evidence of all rows, for the text. */
export function spansOf(rows) {
  return rows.flatMap((row) =>
    row.labels.flatMap((label, source) =>
      label?.evidence
        ? [{ ...label.evidence, key: row.question, tone: tone(label.answer), source }]
        : [],
    ),
  );
}

/**
 * @param {HTMLElement} place
 * @param {object[]} rows  of `rowsOf`
 * @param {string[]} methods
 * @param {(question: string|null, scroll: boolean) => void} onLight
 */
export function showFindings(place, rows, methods, onLight) {
  const isPair = methods.length > 1;
  const heads = isPair ? methods : ["Answer"];
  const shown = rows.filter((row) => !row.isQuiet);
  const unsaid = rows.filter((row) => row.isQuiet && parts(row.question).attribute === null);
  const body = make("tbody", {}, ...shown.map((row) => line(row, heads, onLight)));
  const more = make("tbody", { hidden: true }, ...unsaid.map((row) => line(row, heads, onLight)));
  place.replaceChildren(
    make(
      "table",
      { class: "findings", "data-pair": String(isPair) },
      make("caption", { class: "unseen" }, isPair ? `Findings by ${methods.join(" and by ")}` : "Findings"),
      make("thead", {}, make("tr", {}, ...["Finding", ...heads].map((head) => make("th", { scope: "col" }, head)))),
      body,
      more,
    ),
    ...(unsaid.length > 0 ? [toggle(more, unsaid.length)] : []),
  );
}

function toggle(more, number) {
  const words = () => `${more.hidden ? "Show" : "Hide"} ${counted(number, "finding")} not mentioned`;
  const button = make("button", { type: "button", class: "quiet", "aria-expanded": "false" }, words());
  button.addEventListener("click", () => {
    more.hidden = !more.hidden;
    button.setAttribute("aria-expanded", String(!more.hidden));
    button.textContent = words();
  });
  return button;
}

function line(row, heads, onLight) {
  const { finding, attribute } = parts(row.question);
  const question = make("button", { type: "button", class: "question" }, title(attribute ?? finding));
  question.addEventListener("focus", () => onLight(row.question, true));
  question.addEventListener("click", () => onLight(row.question, true));
  question.addEventListener("blur", () => onLight(null, false));
  const cells = row.labels.map((label, at) => make("td", { "data-head": heads[at] }, ...cell(label)));
  const differs = row.differs && make("span", { class: "differs" }, "differs");
  return make(
    "tr",
    {
      "data-question": row.question,
      class: attribute === null ? "finding" : "attribute",
      "data-differs": String(row.differs),
      onmouseenter: () => onLight(row.question, true),
      onmouseleave: () => onLight(null, false),
    },
    make("th", { scope: "row" }, question, differs),
    ...cells,
  );
}

function cell(label) {
  if (label === null) return [make("span", { class: "fine" }, "not asked")];
  const section = make("span", { class: "section" }, label.section.replaceAll("_", " "));
  const answer = make("span", { class: "said" }, badge(label.answer));
  return [make("div", { class: "cell" }, answer, certainty(label.probability), section)];
}
