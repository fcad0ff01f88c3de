// The view that labels one report, by one method or by two.

import { askJson } from "./api.js";
import { offer } from "./catalogue.js";
import { find, make, show } from "./dom.js";
import { EXAMPLE } from "./example.js";
import { readReport, takeFiles } from "./files.js";
import { rowsOf, showFindings, spansOf } from "./findings.js";
import { light, showText } from "./highlight.js";
import { Mistake, clear, tell } from "./notice.js";
import { count, counted } from "./words.js";

const text = find("#text");
const shown = find("#text-shown");
const notice = find("#label-notice");
const status = find("#label-status");
let running = null;
let labelled = null; // the text that the findings shown are of

export function startLabel(catalogue) {
  offer(catalogue, find("#label-panel"), [find("#label-method"), find("#label-other")]);
  find("#label-form").addEventListener("submit", (event) => {
    event.preventDefault();
    label();
  });
  for (const menu of ["#label-panel", "#label-method", "#label-other"]) {
    find(menu).addEventListener("change", () => shown.hidden || label());
  }
  find("#text-edit").addEventListener("click", edit);
  text.addEventListener("input", change);
  find("#text-example").addEventListener("click", () => write(EXAMPLE));
  takeFiles({ place: find("#label-drop"), button: find("#text-open"), input: find("#text-file"), take: open });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey) || find("#label").hidden) return;
    event.preventDefault();
    label();
  });
  document.addEventListener("paste", paste);
}

/** A report pasted while one is shown takes its place. */
function paste(event) {
  const pasted = event.clipboardData?.getData("text/plain");
  if (!pasted || shown.hidden || find("#label").hidden || event.target.matches("input, textarea")) return;
  event.preventDefault();
  write(pasted);
}

async function open(file) {
  try {
    clear(notice);
    write(await readReport(file));
  } catch (error) {
    tell(notice, error);
  }
}

/** Another report: what was found in the one before goes with it. */
function write(report) {
  clear(notice);
  text.value = report;
  labelled = null;
  find("#label-findings").replaceChildren();
  edit();
}

function edit() {
  change();
  showMarked(false);
  text.focus();
  text.setSelectionRange(0, 0);
  text.scrollTop = 0;
}

/** What is being asked, or was found, is not of this text any more. */
function change() {
  running?.abort();
  age(labelled === null ? "Nothing is labelled yet." : "The findings below are of the text before it was edited.");
}

/** Keeps the findings, if there are any, as those of an earlier request; says so. */
function age(said) {
  find("#label-findings").classList.toggle("earlier", labelled !== null);
  if (labelled === null) show(false, find("#label-about"));
  status.textContent = said;
}

/** After a refusal: what was found before stays, with its marks where the text is still the same. */
function stay(error) {
  tell(notice, error);
  const isSame = labelled === text.value;
  if (isSame) showMarked(true);
  const earlier = `Not labelled anew. The findings below are ${isSame ? "from before" : "of the earlier text"}.`;
  age(labelled === null ? "" : earlier);
}

async function label() {
  running?.abort();
  const own = (running = new AbortController());
  clear(notice);
  document.body.classList.add("busy");
  try {
    if (text.value.trim() === "") throw new Mistake("There is no report yet. Paste one, or open a .txt file.");
    status.textContent = "Labelling\u2026";
    const began = performance.now();
    const answers = await Promise.all(chosen().map((method) => ask(method, text.value, own.signal)));
    if (running === own) present(answers, performance.now() - began);
  } catch (error) {
    if (error.name === "AbortError" || running !== own) return;
    stay(error);
  } finally {
    if (running === own) document.body.classList.remove("busy");
  }
}

function chosen() {
  const methods = [find("#label-method").value, find("#label-other").value];
  return [...new Set(methods.filter(Boolean))];
}

async function ask(method, report, signal) {
  const body = { panel: find("#label-panel").value, method, reports: [{ id: "report", text: report }] };
  const answer = await askJson("/v1/label", { method: "POST", body, signal });
  const [result] = answer.results;
  if (result.error) throw new Mistake(result.error.reason);
  return { ...answer, method, labels: result.labels, tokens: result.tokens_read, sections: result.sections };
}

function present(answers, took) {
  const rows = rowsOf(answers);
  labelled = text.value;
  showText(shown, labelled, spansOf(rows));
  showMarked(true);
  find("#label-findings").classList.remove("earlier");
  const methods = answers.map((answer) => answer.method);
  showFindings(find("#label-findings"), rows, methods, (key, scroll) => light(shown, key, scroll));
  status.textContent = summary(rows, answers.length > 1);
  about(answers, took);
}

/** Shows the text with its marks, or to be written in. */
function showMarked(marked) {
  show(marked, shown, find("#text-edit"));
  show(!marked, text);
}

function summary(rows, isPair) {
  if (isPair) {
    const differing = rows.filter((row) => row.differs).length;
    return differing === 0
      ? "Both methods give the same answers."
      : `${counted(differing, "answer")} of ${rows.length} ${differing === 1 ? "differs" : "differ"}.`;
  }
  const of = (answer) => rows.filter((row) => row.labels[0].answer === answer).length;
  return `${of("present")} present, ${of("uncertain")} uncertain, ${of("absent")} absent, ${of("not_mentioned")} not mentioned.`;
}

function about(answers, took) {
  const [first] = answers;
  const facts = [
    ["Model", answers.map((answer) => answer.model).join(", ")],
    ["Read", `${count(first.tokens)} words and signs in ${first.sections.join(", ").replaceAll("_", " ") || "no section"}`],
    ["Panel", `${first.panel}, ${first.panel_digest.slice(0, 12)}`],
    ["Version", first.version],
    ["Took", `${Math.round(took)} ms`],
  ];
  const list = find("#label-about");
  list.replaceChildren(...facts.map(([name, value]) => make("div", {}, make("dt", {}, name), make("dd", {}, value))));
  show(true, list);
}
