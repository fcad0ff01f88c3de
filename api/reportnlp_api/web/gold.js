// The gold CSV that `reportnlp train --labels` takes: report_id and a column per question; a blank is no answer.

import { csvLine } from "./csv.js";
import { ACCEPTED } from "./reviewing.js";

/** Only reports that a person accepted are in it, in the label table's order. */
export function goldCsv(review) {
  const { questions, reports } = review.table;
  const lines = [csvLine(["report_id", ...questions])];
  for (const id of reports.keys()) {
    const decision = review.decisions.get(id);
    if (decision?.state !== ACCEPTED) continue;
    lines.push(csvLine([id, ...questions.map((question) => decision.answers.get(question) ?? "")]));
  }
  return lines.join("");
}
