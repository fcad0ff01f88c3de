// The state of a review: which report is looked at, what was decided, and the way back. Knows no page.

import { NOT_APPLICABLE, PRESENCE, UNSPECIFIED, parts } from "./words.js";

export const ACCEPTED = "accepted";
export const SKIPPED = "skipped";

/** The answers that a person may choose for an attribute or a finding, in their order. */
export function choicesOf(question, panel, table) {
  const known = panel?.questions.find((other) => other.name === question)?.answers;
  const occurring = known ?? (parts(question).attribute === null ? PRESENCE : seen(question, table));
  return occurring.filter((answer) => answer !== NOT_APPLICABLE && answer !== "");
}

function seen(question, table) {
  const answers = [...table.reports.values()].map((given) => given.get(question)?.answer ?? "");
  return [...new Set([...answers.sort(), UNSPECIFIED])];
}

/** Attributes follow presence: they apply where the finding is present, and nowhere else. */
export function settle(answers) {
  const settled = new Map(answers);
  for (const [question, answer] of answers) {
    const { finding, attribute } = parts(question);
    if (attribute === null || !answers.has(finding)) continue;
    const presence = answers.get(finding);
    if (presence === "") settled.set(question, "");
    else if (presence !== "present") settled.set(question, NOT_APPLICABLE);
    else if (answer === NOT_APPLICABLE) settled.set(question, UNSPECIFIED);
  }
  return settled;
}

export class Review {
  /** @param {import("./labeltable.js").LabelTable} table */
  constructor(table) {
    this.table = table;
    this.order = leastCertainFirst(table);
    this.decisions = new Map();
    this.at = 0;
    this.past = [];
    this.question = this.leastCertain();
  }

  get id() {
    return this.order[this.at];
  }

  /** What the table says of the report that is looked at. */
  get given() {
    return this.table.reports.get(this.id);
  }

  /** The answers as they stand, by question. */
  get answers() {
    const changed = this.decisions.get(this.id)?.answers;
    return changed ?? new Map([...this.given].map(([question, { answer }]) => [question, answer]));
  }

  get decided() {
    return this.decisions.get(this.id)?.state ?? null;
  }

  /** The questions that apply, in the table's order. */
  get open() {
    const { answers } = this;
    return this.table.questions.filter((question) => {
      const { finding, attribute } = parts(question);
      return attribute === null || !answers.has(finding) ? answers.has(question) : answers.get(finding) === "present";
    });
  }

  /** Whether a person has changed an answer of the table. */
  isChanged(question) {
    return this.answers.get(question) !== (this.given.get(question)?.answer ?? "");
  }

  count(state) {
    return [...this.decisions.values()].filter((decision) => decision.state === state).length;
  }

  /** Gives the question looked at another answer; "" is none. */
  choose(question, answer) {
    this.remember();
    const answers = settle(new Map([...this.answers, [question, answer]]));
    this.decisions.set(this.id, { state: this.decided, answers });
    this.question = question;
  }

  accept() {
    this.decide(ACCEPTED);
  }

  skip() {
    this.decide(SKIPPED);
  }

  decide(state) {
    this.remember();
    this.decisions.set(this.id, { state, answers: settle(this.answers) });
    const next = this.nextUndecided();
    if (next !== null) this.look(next);
  }

  nextUndecided() {
    const isOpen = (at) => !this.decisions.get(this.order[at])?.state;
    for (let step = 1; step < this.order.length; step += 1) {
      const at = (this.at + step) % this.order.length;
      if (isOpen(at)) return at;
    }
    return null;
  }

  remember() {
    this.past.push({ at: this.at, question: this.question, id: this.id, decision: this.decisions.get(this.id) });
  }

  /** Takes the last choice or decision back; false where there is none. */
  undo() {
    const last = this.past.pop();
    if (!last) return false;
    if (last.decision) this.decisions.set(last.id, last.decision);
    else this.decisions.delete(last.id);
    this.at = last.at;
    this.question = last.question;
    return true;
  }

  moveReport(step) {
    const at = this.at + step;
    if (at >= 0 && at < this.order.length) this.look(at);
  }

  look(at) {
    this.at = at;
    this.question = this.leastCertain();
  }

  moveQuestion(step) {
    const { open } = this;
    const at = Math.max(0, open.indexOf(this.question)) + step;
    this.question = open[Math.min(open.length - 1, Math.max(0, at))];
  }

  /** Where to begin in a report: at the answer that is least sure. */
  leastCertain() {
    const sureness = (question) => this.given.get(question)?.probability ?? 1;
    return this.open.reduce((least, question) => (sureness(question) < sureness(least) ? question : least), this.open[0]);
  }
}

/** Ids by their least sure answer, those that do not apply aside; alike in the table's order. */
function leastCertainFirst(table) {
  const least = (given) =>
    Math.min(...[...given.values()].filter(({ answer }) => answer !== NOT_APPLICABLE).map((one) => one.probability), 1);
  const scored = [...table.reports].map(([id, given]) => ({ id, score: least(given) }));
  return scored.sort((a, b) => a.score - b.score).map(({ id }) => id);
}
