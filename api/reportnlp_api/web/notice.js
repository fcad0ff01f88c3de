// Says what went wrong, where it went wrong.

import { Problem } from "./api.js";
import { make, show } from "./dom.js";

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

function contents(error) {
  if (error instanceof Mistake) return [make("p", {}, error.message)];
  if (!(error instanceof Problem)) {
    console.error(error.name); // its message may quote what was read
    return [make("p", {}, "The page failed at this. Reload it, and report it if it fails again.")];
  }
  const faults = error.errors.map((fault) =>
    make("li", {}, fault.pointer ? make("code", {}, fault.pointer) : null, ` ${fault.detail}`),
  );
  return [
    make("p", {}, make("strong", {}, `${error.title}. `), error.detail),
    faults.length > 0 && make("ul", {}, ...faults),
    error.retryAfter !== null && make("p", {}, `Try again in ${error.retryAfter} s.`),
    error.requestId && make("p", { class: "fine" }, "Request ", make("code", {}, error.requestId)),
  ].filter(Boolean);
}
