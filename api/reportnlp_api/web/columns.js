// Which column of a table holds the id and the text, found by the same names as the command line finds them.

import { Mistake } from "./notice.js";

export const ID_NAMES = [
  "report_id", "id", "study_id", "study", "accession", "accession_number", "accession_no", "exam_id",
  "report_number", "note_id", "document_id", "doc_id", "study_uid", "study_instance_uid", "uid",
  "volume_name", "filename", "file", "row_id",
];
export const TEXT_NAMES = [
  "text", "report", "report_text", "full_text", "full_report", "narrative", "report_body", "report_content",
  "radiology_report", "original_report", "result_text", "note_text", "note", "content",
];
/** In reading order, which is the order in which they are joined. */
export const SECTION_NAMES = [
  "indication", "indications", "clinical_indication", "clinical_history", "clinical_information",
  "clinical_details", "reason_for_exam", "reason_for_examination", "reason_for_study", "history",
  "technique", "comparison", "comparisons", "findings", "finding", "impression", "impressions",
  "conclusion", "conclusions", "opinion", "addendum", "addenda",
];
export const CORE_SECTIONS = ["findings", "finding", "impression", "impressions", "conclusion", "conclusions", "opinion"];
const ADDENDA = ["addendum", "addenda"];

/** How databases and data frames spell a cell that holds nothing. */
const BLANKS = new Set(["NULL", "null", "NaN", "nan", "<NA>"]);

/** `Accession Number`, `accession_number` and `AccessionNumber` alike. */
const squashed = (name) => name.toLowerCase().replace(/[^\p{L}\p{N}]/gu, "");

/** `section_findings` and `Findings_EN` are `findings`. */
const sectionOf = (name) => name.replace(/^section(?=.)|(?<=.)(?:en|text|section)$/g, "");

const headingOf = (name) => name.replaceAll("_", " ").toUpperCase();

/**
 * @param {string[]} names  of a table's columns, or the keys of an object
 * @returns {{id: number, texts: {heading: string, at: number}[]}}
 * @throws {Mistake} there is none for the id or the text
 */
export function findColumns(names) {
  const plain = names.map(squashed);
  const id = only(names, plain, ID_NAMES);
  if (id === null) throw new Mistake(`There is no column for the report id. It may be called ${listed(ID_NAMES)}.`);
  const sections = SECTION_NAMES.flatMap((name) =>
    plain.flatMap((other, at) =>
      sectionOf(other) === squashed(name) ? [{ heading: headingOf(name), at }] : [],
    ),
  );
  const whole = only(names, plain, TEXT_NAMES);
  const isOf = (list) => (section) => list.includes(section.heading.toLowerCase());
  // an addendum kept apart corrects the report, so it may not be lost
  if (whole !== null) return { id, texts: [{ heading: "", at: whole }, ...sections.filter(isOf(ADDENDA))] };
  if (sections.some(isOf(CORE_SECTIONS))) return { id, texts: sections };
  throw new Mistake(
    `There is no column for the text. It may be called ${listed(TEXT_NAMES)}, or be sections: findings, impression.`,
  );
}

const listed = (names) => `${names.slice(0, 5).join(", ")} \u2026`;

/** Where the first of the usual names stands; two columns of one name would leave it to chance which is read. */
function only(names, plain, usual) {
  const name = usual.find((candidate) => plain.includes(squashed(candidate)));
  if (name === undefined) return null;
  const hits = plain.flatMap((other, at) => (other === squashed(name) ? [at] : []));
  const exact = hits.filter((at) => names[at] === name);
  if (hits.length > 1 && exact.length !== 1) {
    throw new Mistake(`${hits.length} columns are called '${name}'. Rename all but one.`);
  }
  return exact.length === 1 ? exact[0] : hits[0];
}

/** One text out of the columns that hold it, as the command line joins them. */
export function joined(texts, values) {
  const bodies = texts.map(({ heading, at }) => ({ heading, body: blankless(values[at]) }));
  if (bodies.length === 1 && bodies[0].heading === "") return bodies[0].body;
  return bodies
    .filter(({ body }) => /[\p{L}\p{N}]/u.test(body))
    .map(({ heading, body }) => headed(heading, body))
    .join("\n\n");
}

function headed(heading, body) {
  const own = body.slice(0, heading.length + 20).trimStart().toUpperCase();
  return heading === "" || own.startsWith(`${heading}:`) ? body : `${heading}:\n${body}`;
}

/** The text of a cell; "" for one that holds nothing. */
export const blankless = (value) => (value == null || BLANKS.has(value) ? "" : value);
