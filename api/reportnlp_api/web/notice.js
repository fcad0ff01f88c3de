// Says what went wrong, where it went wrong.

import { Problem } from "./api.js";
import { make, show } from "./dom.js";
import { count } from "./words.js";

/** Shows an error in a notice element (`role=alert`); anything but a `Problem` or a `Mistake` is a fault of ours. */
export function tell(element, error) {
  element.replaceChildren(...contents(error));
  show(true, element);
}

export function clear(element) {
  element.replaceChildren();
  show(false, element);
}

/** Something that the person in front of the page can mend. */
export class Mistake extends Error {}

/** How the parts of a request are called on the page. */
const PLACES = { panel: "Panel", method: "Method", abstain: "Withhold answers in doubt", text: "Report", id: "Report id" };

/** A JSON pointer for people: `/reports/0/text` is "Report 1". */
function place(pointer) {
  const number = pointer.match(/^\/reports\/(\d+)/)?.[1];
  if (number !== undefined) return `Report ${count(Number(number) + 1)}`;
  return PLACES[pointer.split("/").pop()] ?? "";
}

/** Without the sentences that are for programs: they name routes. */
const plain = (detail) => detail.replaceAll(/\s*See (?:GET )?\/[\w/]+\.(?=\s|$)/g, "");

/** What is wrong and where; what the problem's own words have said already is not said again. */
function faultsOf({ errors, detail }) {
  const told = errors.map((fault) => ({ at: place(fault.pointer), said: detail.includes(fault.detail) ? "" : plain(fault.detail) }));
  const lines = told.map(({ at, said }) => [at, said].filter(Boolean).join(": "));
  return errors.length === 1 && told[0].said === "" ? [] : [...new Set(lines.filter(Boolean))];
}

function contents(error) {
  if (error instanceof Mistake) return [make("p", {}, plain(error.message))];
  if (!(error instanceof Problem)) {
    console.error(error.name); // its message may quote what was read
    return [make("p", {}, "The page failed at this. Reload it, and report it if it fails again.")];
  }
  const faults = faultsOf(error);
  return [
    make("p", {}, make("strong", {}, `${error.title}. `), faults.length > 0 && error.status === 422 ? null : plain(error.detail)),
    faults.length > 0 && make("ul", {}, ...faults.map((fault) => make("li", {}, fault))),
    error.retryAfter !== null && make("p", {}, `Try again in ${error.retryAfter} s.`),
    error.requestId && make("p", { class: "fine" }, "Request ", make("code", {}, error.requestId)),
  ].filter(Boolean);
}
