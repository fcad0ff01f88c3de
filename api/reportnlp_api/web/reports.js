// Reports out of a file that a person gives. Rows that are no reports are told by number, never by content.

import { blankless, findColumns, joined } from "./columns.js";
import { records } from "./csv.js";
import { readText } from "./files.js";
import { Mistake } from "./notice.js";

/** Lines among which one must have an id and a text, or the file is refused as a whole. */
const LOOK_AHEAD = 32;

/**
 * @param {File} file  CSV or TSV with a line of column names, or JSON lines
 * @returns {Promise<{reports: {id: string, text: string}[], unread: {row: number, reason: string}[]}>}
 * @throws {Mistake} no such file, or no column for the id or the text
 */
export async function readReports(file) {
  const text = await readText(file);
  const isLines = /\.(jsonl|ndjson)$/i.test(file.name);
  if (!isLines && !/\.(csv|tsv)$/i.test(file.name)) {
    throw new Mistake(`${file.name} is not taken here. Give a .csv, .tsv, .jsonl or .ndjson file.`);
  }
  const found = { reports: [], unread: [] };
  for (const row of isLines ? lineRows(text) : csvRows(text)) {
    if (row.reason) found.unread.push({ row: row.number, reason: row.reason });
    else found.reports.push({ id: row.id, text: row.text });
  }
  if (found.reports.length === 0) throw new Mistake(`${file.name} holds no report.`);
  return found;
}

function* csvRows(text) {
  const rows = records(text);
  const first = rows.next();
  if (first.done || first.value.fault) throw new Mistake("The file has no line of column names.");
  const names = first.value.fields.map((name) => name.trim());
  const columns = findColumns(names);
  let number = 0;
  for (const { fields, fault } of rows) {
    number += 1;
    const reason = fault || widthFault(fields, names.length);
    yield reason ? { number, reason } : rowOf(fields, columns, number);
  }
}

function widthFault(fields, width) {
  if (fields.length === width || (fields.length > width && !fields.slice(width).some(Boolean))) return "";
  return `it has ${fields.length} fields, the first line ${width}; quote a text that holds a comma or a line end`;
}

function* lineRows(text) {
  const known = new Map();
  let number = 0;
  let isAnyRead = false;
  for (const line of text.split("\n")) {
    if (line.trim() === "") continue;
    number += 1;
    const row = lineRow(line, known, number);
    isAnyRead ||= !row.reason;
    if (!isAnyRead && number === LOOK_AHEAD) throw new Mistake("None of the first lines is a report with an id and a text.");
    yield row;
  }
}

function lineRow(line, known, number) {
  let value;
  try {
    value = JSON.parse(line);
  } catch {
    return { number, reason: "it is no valid JSON" };
  }
  if (value === null || typeof value !== "object" || Array.isArray(value)) {
    return { number, reason: "it is no JSON object" };
  }
  const columns = columnsOf(Object.keys(value), known);
  if (columns === null) return { number, reason: "it has no key for the report id, or none for the text" };
  return rowOf(Object.values(value), columns, number);
}

function columnsOf(keys, known) {
  const name = JSON.stringify(keys);
  if (!known.has(name)) {
    try {
      known.set(name, findColumns(keys));
    } catch {
      known.set(name, null);
    }
  }
  return known.get(name);
}

function rowOf(values, columns, number) {
  const id = values[columns.id];
  if (typeof id === "number" && !Number.isSafeInteger(id)) {
    return { number, reason: "its id is a number that a browser cannot hold exactly; write it as a string" };
  }
  if (columns.texts.some(({ at }) => values[at] != null && typeof values[at] !== "string")) {
    return { number, reason: "its text is no string" };
  }
  return { number, id: String(blankless(id)).trim(), text: joined(columns.texts, values) };
}
