// A label table as `reportnlp label` and the jobs write it: long JSON lines, or the wide CSV.

import { records } from "./csv.js";
import { Mistake } from "./notice.js";

/**
 * @typedef {{answer: string, probability: number, evidence: {start: number, end: number}|null, section: string}} Given
 * @typedef {{questions: string[], reports: Map<string, Map<string, Given>>, model: string}} LabelTable
 */

const MEND = "Give a table that reportnlp label wrote: long .jsonl, or wide .csv.";

/** @returns {LabelTable} */
export function readTable(text, name) {
  const table = { questions: [], reports: new Map(), model: "" };
  const asked = new Set();
  for (const [report, question, given, model] of /\.csv$/i.test(name) ? wide(text, name) : long(text, name)) {
    if (!table.reports.has(report)) table.reports.set(report, new Map());
    const answers = table.reports.get(report);
    if (answers.has(question)) throw new Mistake(`${name} answers one question of one report twice. ${MEND}`);
    answers.set(question, given);
    asked.add(question);
    table.model ||= model;
  }
  if (asked.size === 0) throw new Mistake(`${name} holds no labels. ${MEND}`);
  table.questions = [...asked];
  return table;
}

function* long(text, name) {
  let number = 0;
  for (const line of text.split("\n")) {
    number += 1;
    if (line.trim() !== "") yield cellOf(line, name, number);
  }
}

function cellOf(line, name, number) {
  let row = null;
  try {
    row = JSON.parse(line);
  } catch {
    // told below, as whatever else is no row
  }
  if (typeof row?.report_id !== "string" || typeof row.question !== "string" || typeof row.answer !== "string") {
    throw new Mistake(`Line ${number} of ${name} is no row of a long label table. ${MEND}`);
  }
  const hasEvidence = Number.isInteger(row.evidence_start) && Number.isInteger(row.evidence_end);
  const evidence = hasEvidence ? { start: row.evidence_start, end: row.evidence_end } : null;
  const given = { answer: row.answer, probability: sure(row.probability), evidence, section: row.section ?? "" };
  return [row.report_id, row.question, given, row.model ?? ""];
}

/** A probability; 1 where the table has none. */
const sure = (told) => (Number(told) >= 0 && Number(told) <= 1 && told !== "" && told !== null ? Number(told) : 1);

function* wide(text, name) {
  const rows = records(text);
  const names = (rows.next().value?.fields ?? []).map((column) => column.trim());
  const id = names.indexOf("report_id");
  if (id < 0) throw new Mistake(`${name} has no column report_id. ${MEND}`);
  const questions = names.filter((column) => !["report_id", "text"].includes(column) && !/\.(p|evidence)$/.test(column));
  let number = 0;
  for (const { fields, fault } of rows) {
    number += 1;
    if (fault || fields.length !== names.length) throw new Mistake(`Row ${number} of ${name} is broken. ${MEND}`);
    for (const question of questions) {
      const p = fields[names.indexOf(`${question}.p`)];
      const given = { answer: fields[names.indexOf(question)], probability: sure(p ?? ""), evidence: null, section: "" };
      yield [fields[id], question, given, ""];
    }
  }
}
