// The view that goes through a label table report by report.

import { sent } from "./archive.js";
import { panelOf } from "./catalogue.js";
import { find, show } from "./dom.js";
import { readText, save } from "./files.js";
import { goldCsv } from "./gold.js";
import { readResults } from "./jobs.js";
import { drop, keep, nameOf, restore } from "./keep.js";
import { readTable } from "./labeltable.js";
import { Mistake, clear, tell } from "./notice.js";
import { readReports } from "./reports.js";
import { drawProgress, drawQuestions, drawReport } from "./reviewdesk.js";
import { Review, choicesOf } from "./reviewing.js";
import { counted, parts, title } from "./words.js";

const notice = find("#review-notice");
const help = find("#review-help");
let catalogue = null;
let job = null;
let desk = null;

/** What each key does; digits choose an answer. */
const ACTS = {
  a: () => decide("accept", "accepted"),
  s: () => decide("skip", "skipped"),
  u: undo,
  x: () => choose(desk.review.question, ""),
  j: () => move("moveQuestion", 1),
  k: () => move("moveQuestion", -1),
  n: () => move("moveReport", 1),
  p: () => move("moveReport", -1),
  "?": () => help.showModal(),
};

const BUTTONS = { accept: "a", skip: "s", undo: "u", on: "n", back: "p", keys: "?" };

export function startReview(known) {
  catalogue = known;
  find("#review-form").addEventListener("submit", (event) => {
    event.preventDefault();
    clear(notice);
    begin().catch((error) => tell(notice, error));
  });
  find("#review-gold").addEventListener("click", () => {
    save(new Blob([goldCsv(desk.review)], { type: "text/csv;charset=utf-8" }), "gold.csv");
    desk.isSaved = true;
  });
  for (const [place, input] of [["#review-job", "#review-table"], ["#review-held", "#review-reports"]]) {
    find("button", find(place)).addEventListener("click", () => find(input).click());
    find(input).addEventListener("change", () => openReview(job));
  }
  find("#review-close").addEventListener("click", closeDesk);
  find("#review-keep").addEventListener("change", (event) => desk && (event.target.checked ? kept() : drop(desk.name)));
  for (const [name, key] of Object.entries(BUTTONS)) find(`#review-${name}`).addEventListener("click", ACTS[key]);
  document.addEventListener("keydown", press);
  window.addEventListener("beforeunload", (event) => {
    if (wouldLose()) event.preventDefault();
  });
}

/** Shows the view; with a job's id, its results are the label table. */
export function openReview(id) {
  job = id;
  const reports = id === null ? undefined : sent.get(id);
  hold("#review-job", "#review-table", id !== null && `The results of ${id}`);
  hold("#review-held", "#review-reports", reports !== undefined && `The ${counted(reports.length, "report")} sent from this tab`);
  if (desk === null && reports !== undefined) begin().catch((error) => tell(notice, error));
}

/** Says what stands in for a file; the file's own field comes in its place once one is chosen. */
function hold(place, input, words) {
  const isHeld = Boolean(words) && find(input).files.length === 0;
  find("span", find(place)).textContent = words || "";
  show(isHeld, find(place));
  show(!isHeld, find(input));
}

const wouldLose = () => desk !== null && !desk.isSaved && !find("#review-keep").checked;

async function begin() {
  const table = await tableGiven();
  const texts = await textsGiven();
  const missing = [...table.reports.keys()].filter((id) => !texts.has(id)).length;
  if (missing === table.reports.size) throw new Mistake("No report has an id of the label table. Are these its reports?");
  const panel = panelOf(catalogue, table.questions);
  desk = { review: new Review(table), name: nameOf(table), panel, textOf: (id) => texts.get(id), choose, look, isSaved: true };
  const isKept = restore(desk.name, desk.review);
  find("#review-keep").checked = isKept;
  const without = missing > 0 ? `${counted(missing, "report")} without a text. ` : "";
  openDesk(isKept ? "Going on where you stopped. " : without);
}

function openDesk(said) {
  show(false, find("#review-form"));
  show(true, find("#review-desk"));
  drawReport(desk.review, desk);
  drawProgress(desk.review, said);
  find("#review-accept").focus();
}

async function tableGiven() {
  const [file] = find("#review-table").files;
  if (file) return readTable(await readText(file), file.name);
  if (job === null) throw new Mistake("Choose a label table.");
  return readTable(await (await readResults(job)).text(), "The job");
}

async function textsGiven() {
  const [file] = find("#review-reports").files;
  const reports = file ? (await readReports(file)).reports : sent.get(job);
  if (!reports) throw new Mistake("Choose the file of the reports: a label table holds no texts.");
  return new Map(reports.map(({ id, text }) => [id, text]));
}

function press(event) {
  const isElsewhere = find("#review").hidden || desk === null || help.open || !find("#review-keyboard").checked;
  if (isElsewhere || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.matches("input:not([type=checkbox]), select, textarea")) return;
  const act = /^[1-9]$/.test(event.key) ? () => chooseByNumber(Number(event.key)) : ACTS[event.key];
  if (!act) return;
  event.preventDefault();
  act();
}

function chooseByNumber(number) {
  const { question } = desk.review;
  const answer = choicesOf(question, desk.panel, desk.review.table)[number - 1];
  if (answer !== undefined) choose(question, answer);
}

function choose(question, answer) {
  desk.review.choose(question, answer);
  drawQuestions(desk.review, desk);
  const { finding, attribute } = parts(question);
  changed(`${title(attribute ?? finding)}: ${answer.replaceAll("_", " ") || "no answer"}. `);
}

function look(question) {
  desk.review.question = question;
  drawQuestions(desk.review, desk);
}

function move(how, step) {
  desk.review[how](step);
  if (how === "moveQuestion") drawQuestions(desk.review, desk);
  else drawReport(desk.review, desk);
}

function decide(how, done) {
  const { id } = desk.review;
  desk.review[how]();
  drawReport(desk.review, desk);
  changed(`${id} ${done}. `);
}

function undo() {
  if (!desk.review.undo()) return;
  drawReport(desk.review, desk);
  changed("Undone. ");
}

function changed(said) {
  desk.isSaved = false;
  drawProgress(desk.review, said);
  if (find("#review-keep").checked) kept();
}

function kept() {
  if (keep(desk.name, desk.review)) return;
  find("#review-keep").checked = false;
  tell(notice, new Mistake("This browser keeps nothing more. Download the gold CSV before you close the page."));
}

function closeDesk() {
  if (wouldLose() && !confirm("Close the review? Answers since the last download would be lost.")) return;
  desk = null;
  show(true, find("#review-form"));
  show(false, find("#review-desk"));
}
