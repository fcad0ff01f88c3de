// The API key: asked for when the service wants one, kept for this tab at most.

import { find, show } from "./dom.js";

const PLACE = "reportnlp.key";

let key = stored();
let waiting = [];

function stored() {
  try {
    return sessionStorage.getItem(PLACE) ?? "";
  } catch {
    return ""; // storage is forbidden here: memory has to do
  }
}

function store(value) {
  key = value;
  try {
    if (value) sessionStorage.setItem(PLACE, value);
    else sessionStorage.removeItem(PLACE);
  } catch {
    // as above
  }
  show(value !== "", find("#forget-key"));
}

export const currentKey = () => key;

/** Opens the key's form; resolves once a key was given. */
export function askForKey(refused) {
  show(true, find("#key-form"));
  find("#key-note").textContent = refused
    ? "The service does not know this key. Give another."
    : "This service asks for an API key.";
  find("#key").focus();
  return new Promise((resolve) => waiting.push(resolve));
}

export function startKey() {
  show(key !== "", find("#forget-key"));
  find("#key-form").addEventListener("submit", (event) => {
    event.preventDefault();
    const given = find("#key").value.trim();
    if (!given) return;
    store(given);
    find("#key").value = "";
    show(false, find("#key-form"));
    const resume = waiting;
    waiting = [];
    for (const go of resume) go();
  });
  find("#forget-key").addEventListener("click", () => {
    store("");
    location.reload();
  });
}
