// Starts the page: reads what the service offers, and shows the view that the address names.

import { closeArchive, openArchive, startArchive } from "./archive.js";
import { readCatalogue } from "./catalogue.js";
import { find, show } from "./dom.js";
import { startKey } from "./key.js";
import { startLabel } from "./label.js";
import { tell } from "./notice.js";
import { openReview, startReview } from "./review.js";

const VIEWS = ["label", "archive", "review"];

/** `#/archive/job-7` is the view `archive` and the id `job-7`. */
function route() {
  const [, view, id] = location.hash.match(/^#\/(\w+)(?:\/(.+))?$/) ?? [];
  return { view: VIEWS.includes(view) ? view : "label", id: id ? decodeURIComponent(id) : null };
}

function go() {
  const { view, id } = route();
  for (const name of VIEWS) {
    show(name === view, find(`#${name}`));
    const link = find(`nav a[href="#/${name}"]`);
    if (name === view) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  document.title = `${find(`#${view} h1`).textContent} \u2013 reportnlp`;
  if (view === "archive") openArchive(id);
  else closeArchive();
  if (view === "review") openReview(id);
}

async function start() {
  startKey();
  find(".skip").addEventListener("click", (event) => {
    event.preventDefault(); // the address is for views
    find("#main").focus();
  });
  try {
    const catalogue = await readCatalogue();
    startLabel(catalogue);
    startArchive(catalogue);
    startReview(catalogue);
    window.addEventListener("hashchange", go);
    go();
    document.body.dataset.ready = "true";
  } catch (error) {
    tell(find("#start-notice"), error);
  }
}

start();
