// The list of jobs below the one that is looked at.

import { find, make, show } from "./dom.js";
import { stateBadge } from "./job.js";
import { ENDED, readJobs } from "./jobs.js";
import { counted, moment } from "./words.js";

/** Milliseconds until the list is read again, while a job in it is not over. */
const PAUSE = 5000;

const list = find("#jobs ul");
let looking = null;
let timer = null;
let drawn = "";

/** Reads the list, and again from time to time until every job is over. */
export async function showJobs() {
  hideJobs();
  const own = (looking = {});
  try {
    const jobs = await readJobs();
    if (looking !== own) return; // a later call draws what it reads
    draw(jobs);
    if (jobs.some((job) => !ENDED.includes(job.state))) timer = setTimeout(showJobs, PAUSE);
  } catch {
    show(false, find("#jobs")); // the job itself tells what is wrong
  }
}

/** Reads it no more. */
export function hideJobs() {
  clearTimeout(timer);
  looking = null;
}

/** Leaves alone what has not changed, and the focus where it is. */
function draw(jobs) {
  const lines = jobs.map((job) => ({ job, isCurrent: location.hash === addressOf(job) }));
  const seen = JSON.stringify(lines.map(({ job, isCurrent }) => [job.id, job.state, job.total, isCurrent]));
  show(jobs.length > 0, find("#jobs"));
  if (seen === drawn) return;
  drawn = seen;
  const focused = list.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
  list.replaceChildren(...lines.map(({ job, isCurrent }) => line(job, isCurrent)));
  if (focused) find(`a[href="${CSS.escape(focused)}"]`, list)?.focus({ preventScroll: true });
}

const addressOf = (job) => `#/archive/${encodeURIComponent(job.id)}`;

function line(job, isCurrent) {
  const facts = [moment(job.created), job.panel, job.method, job.total !== null && counted(job.total, "row")];
  return make(
    "li",
    {},
    make("a", { href: addressOf(job), "aria-current": isCurrent && "true" }, job.id),
    stateBadge(job.state),
    make("span", { class: "fine" }, facts.filter(Boolean).join(", ")),
  );
}
