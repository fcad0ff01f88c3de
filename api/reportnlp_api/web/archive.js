// The view that sends a file of reports as a job.

import { offer } from "./catalogue.js";
import { find, make, show } from "./dom.js";
import { takeFiles } from "./files.js";
import { watch } from "./job.js";
import { hideJobs, showJobs } from "./joblist.js";
import { newJobId, startJob } from "./jobs.js";
import { clear, tell } from "./notice.js";
import { readReports } from "./reports.js";
import { counted } from "./words.js";

/** Of rows that cannot be read, so many are listed. */
const LISTED = 20;

const notice = find("#archive-notice");
const go = find("#archive-go");
let given = null;

/** Reports that were sent in this tab, by job: the review shows their texts, which the service does not give back. */
export const sent = new Map();

export function startArchive(catalogue) {
  offer(catalogue, find("#archive-panel"), [find("#archive-method")]);
  const offerDoubt = () => {
    const [panel, method] = [find("#archive-panel").value, find("#archive-method").value];
    const chosen = catalogue.models.find((model) => model.panel === panel && model.name === method);
    show(chosen.can_abstain, find("#archive-abstain").parentElement);
    if (!chosen.can_abstain) find("#archive-abstain").checked = false;
  };
  for (const menu of ["#archive-panel", "#archive-method"]) find(menu).addEventListener("change", offerDoubt);
  offerDoubt();
  takeFiles({
    place: find("#archive-drop"),
    button: find("#archive-open"),
    input: find("#archive-file"),
    take: (file) => open(file).catch(refuse),
  });
  find("#archive-form").addEventListener("submit", (event) => {
    event.preventDefault();
    begin().catch(refuse);
  });
}

/** Shows the view; with a job's id, that job. */
export function openArchive(id) {
  watch(id, showJobs);
  showJobs();
}

/** Stops looking at jobs that nobody looks at. */
export function closeArchive() {
  watch(null);
  hideJobs();
}

function refuse(error) {
  tell(notice, error);
  go.disabled = given === null;
}

async function open(file) {
  clear(notice);
  given = null;
  go.disabled = true;
  show(false, find("#archive-unread"));
  const { reports, unread } = await readReports(file);
  given = { id: newJobId(), reports };
  find("#archive-name").textContent = file.name;
  find("#archive-about").textContent =
    `${counted(reports.length, "report")} to send` + (unread.length > 0 ? `, ${counted(unread.length, "row")} left out.` : ".");
  if (unread.length > 0) listUnread(unread);
  go.disabled = false;
}

function listUnread(unread) {
  const place = find("#archive-unread");
  find("summary", place).textContent = `${counted(unread.length, "row")} cannot be read and will not be sent`;
  const items = unread.slice(0, LISTED).map(({ row, reason }) => make("li", {}, `Row ${row}: ${reason}.`));
  if (unread.length > LISTED) items.push(make("li", {}, `And ${counted(unread.length - LISTED, "more row")}.`));
  find("ul", place).replaceChildren(...items);
  show(true, place);
}

async function begin() {
  if (given === null) return;
  clear(notice);
  go.disabled = true;
  const { id, reports } = given;
  const settings = {
    panel: find("#archive-panel").value,
    method: find("#archive-method").value,
    abstain: find("#archive-abstain").checked,
  };
  find("#archive-about").textContent = `Sending ${counted(reports.length, "report")}\u2026`;
  await startJob(id, reports, settings);
  sent.set(id, reports);
  given = null;
  show(false, find("#archive-unread"));
  find("#archive-name").textContent = "Drop another file here";
  find("#archive-about").textContent = `Sent ${counted(reports.length, "report")}.`;
  location.hash = `#/archive/${id}`;
}
