// Files out of the person's hands: dropped or chosen, and read as UTF-8. And files into them.

import { make } from "./dom.js";
import { Mistake } from "./notice.js";

/** Bytes. What is larger would not fit a browser's memory several times over, as reading it needs. */
const LIMIT = 256 * 2 ** 20;

/** The text of a file, without a byte order mark. */
export async function readText(file) {
  if (file.size > LIMIT) {
    throw new Mistake(
      `${file.name} is larger than a browser should hold (256 MB). Use reportnlp label, or a job by server path.`,
    );
  }
  const bytes = await file.arrayBuffer();
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new Mistake(`${file.name} is not UTF-8 text. Save it as plain text in UTF-8.`);
  }
}

/** What begins files that are not plain text though their bytes may be read as such, and how they are called. */
const KINDS = [["%PDF-", "a PDF file"], ["{\\rtf", "an RTF file"]];

/** Control characters that no report has in it: all but tabs, line and page ends, and HL7's separators. */
const BINARY = /[\0-\x08\x0e-\x1a]/;

/** The text of a file that holds one report. */
export async function readReport(file) {
  if (/\.(csv|tsv|jsonl|ndjson)$/i.test(file.name)) {
    throw new Mistake(`${file.name} is a file of many reports. Label it under Archive.`);
  }
  const text = await readText(file);
  const [, kind] = KINDS.find(([begin]) => text.startsWith(begin)) ?? [];
  if (kind || BINARY.test(text)) {
    throw new Mistake(`${file.name} is ${kind ?? "no text"}. Save the report as plain text (.txt), or paste it.`);
  }
  return text;
}

/** Calls `take` with the file that is dropped on an element, or chosen by its button. */
export function takeFiles({ place, button, input, take }) {
  button.addEventListener("click", () => input.click());
  input.addEventListener("change", () => {
    if (input.files.length > 0) take(input.files[0]);
    input.value = "";
  });
  place.addEventListener("dragover", (event) => {
    if (![...event.dataTransfer.types].includes("Files")) return;
    event.preventDefault();
    place.classList.add("over");
  });
  place.addEventListener("dragleave", () => place.classList.remove("over"));
  place.addEventListener("drop", (event) => {
    place.classList.remove("over");
    const [file] = event.dataTransfer.files;
    if (!file) return;
    event.preventDefault();
    take(file);
  });
}

/** Has the browser save a blob. */
export function save(blob, name) {
  const address = URL.createObjectURL(blob);
  make("a", { href: address, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}
