// One job: how far it is, what came of it, and what can be done with it.

import { find, make, show } from "./dom.js";
import { save } from "./files.js";
import { ENDED, endJob, follow, readErrors, readJob, readResults } from "./jobs.js";
import { Mistake, clear, tell } from "./notice.js";
import { count, counted, duration } from "./words.js";

/** How a state is shown: which tone, and which sign. */
const STATES = {
  queued: ["not_mentioned", "\u00b7"],
  running: ["value", "\u2026"],
  done: ["done", "\u2713"],
  failed: ["failed", "!"],
  cancelled: ["absent", "\u2212"],
};

/** What is lost with a job in a state, asked before it is: nothing of a job that has neither begun nor come to anything. */
const LOSSES = {
  running: "Cancel the job? What it has labelled so far is lost.",
  done: "Delete the job? Its results are deleted with it.",
};

/** A state, as it is shown of every job. */
export function stateBadge(state) {
  const [tone, sign] = STATES[state];
  return make("span", { class: "badge", "data-tone": tone }, make("span", { class: "sign", "aria-hidden": "true" }, sign), state);
}

const card = find("#job");
const notice = find("#job-notice");
const progress = find("#job-progress");
const act = { review: find("#job-review"), results: find("#job-results"), errors: find("#job-errors"), cancel: find("#job-cancel") };

let watched = null;
let watching = null;
let seenFirst = null;
let last = null;
let changed = null;

act.review.addEventListener("click", () => (location.hash = `#/review/${encodeURIComponent(watched)}`));
act.results.addEventListener("click", () => download(readResults, "jsonl"));
act.errors.addEventListener("click", () => download(readErrors, "errors.jsonl"));
act.cancel.addEventListener("click", cancel);

/** Follows a job, none where the id is null; `onChange` hears of each new state. */
export function watch(id, onChange = () => {}) {
  watching?.abort();
  watched = id;
  changed = onChange;
  seenFirst = null;
  last = null;
  show(id !== null, card);
  if (id === null) return;
  clear(notice);
  blank(id);
  watching = new AbortController();
  const { signal } = watching;
  follow(id, signal, see, (error) => tell(notice, error)).catch((error) => {
    if (!signal.aborted) tell(notice, error);
  });
}

function blank(id) {
  find("#job-title").textContent = id;
  find("#job-status").textContent = "Asking for the job\u2026";
  find("#job-counts").replaceChildren();
  find("#job-state").replaceChildren();
  show(false, ...Object.values(act), progress, find("#job-state"));
}

function see(job) {
  clear(notice);
  const isNew = job.state !== last?.state;
  last = job;
  seenFirst ??= { at: Date.now(), done: job.done };
  showState(job.state);
  showProgress(job);
  showCounts(job.counts);
  find("#job-status").textContent = statusOf(job);
  if (job.error) tell(notice, new Mistake(job.error));
  const isDone = job.state === "done";
  show(isDone, act.review, act.results);
  show(isDone && job.counts?.quarantined > 0, act.errors);
  show(true, act.cancel);
  act.cancel.textContent = ENDED.includes(job.state) ? "Delete the job" : "Cancel the job";
  if (isNew) changed();
}

function showState(name) {
  const shown = stateBadge(name);
  const place = find("#job-state");
  place.dataset.tone = shown.dataset.tone;
  place.replaceChildren(...shown.childNodes);
  show(true, place);
}

function showProgress(job) {
  show(!ENDED.includes(job.state) || job.state === "done", progress);
  if (job.state === "done") Object.assign(progress, { max: 1, value: 1 });
  else if (job.total) Object.assign(progress, { max: job.total, value: job.done });
  else progress.removeAttribute("value");
}

function statusOf(job) {
  const what = `${job.panel}, ${job.model ?? job.method}.`;
  if (job.state === "queued") return `Waiting for its turn. ${what}`;
  if (job.state !== "running") return what;
  if (job.total === null && job.done === 0) return `Starting\u2026 ${what}`;
  const done = job.total === null ? `${counted(job.done, "row")} done` : `${count(job.done)} of ${count(job.total)} done`;
  return `${done}${remaining(job)}. ${what}`;
}

/** By the rate since this page began to look. */
function remaining(job) {
  const done = job.done - seenFirst.done;
  if (job.total === null || done <= 0) return "";
  const rate = done / ((Date.now() - seenFirst.at) / 1000);
  return `, about ${duration((job.total - job.done) / rate)} left`;
}

/** Read = labelled + quarantined + duplicates: shown as the sum it is. */
function showCounts(counts) {
  const place = find("#job-counts");
  if (!counts) return place.replaceChildren();
  const terms = [
    ["", "read", counts.read],
    ["=", "labelled", counts.labelled],
    ["+", "quarantined", counts.quarantined],
    ["+", "duplicates", counts.duplicates],
  ];
  return place.replaceChildren(
    ...terms.map(([sign, name, number]) =>
      make("div", { "data-sign": sign }, make("dt", {}, name), make("dd", { "data-count": name }, count(number))),
    ),
  );
}

async function download(read, suffix) {
  try {
    save(await read(watched), `${watched}.${suffix}`);
  } catch (error) {
    tell(notice, error);
  }
}

/** Cancels a job that is under way, which is then seen to be cancelled; deletes one that is over. */
async function cancel() {
  const { id, state } = last;
  if (LOSSES[state] && !confirm(LOSSES[state])) return;
  try {
    const job = await readJob(id);
    if (ENDED.includes(job.state) !== ENDED.includes(state)) return see(job); // it is over since: to end it would delete it
    await endJob(id);
    if (ENDED.includes(state)) location.hash = "#/archive";
    else watch(id, changed);
  } catch (error) {
    tell(notice, error);
  }
}
