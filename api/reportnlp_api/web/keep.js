// Keeps a review in this browser where a person wants that: ids and answers, never a text.

const PREFIX = "reportnlp.review.";

/** Names a label table by what is in it, so that another table never gets its answers. */
export function nameOf(table) {
  const said = [table.model, ...table.questions, ...table.reports.keys()].join("\n");
  return PREFIX + hash(said, 0x811c9dc5) + hash(said, 0x01000193);
}

/** FNV-1a over UTF-16 units: no secret, only a name. */
function hash(text, seed) {
  let value = seed;
  for (let at = 0; at < text.length; at += 1) value = Math.imul(value ^ text.charCodeAt(at), 0x01000193);
  return (value >>> 0).toString(16).padStart(8, "0");
}

/** @returns {boolean} whether it could be kept */
export function keep(name, review) {
  const decisions = [...review.decisions].map(([id, { state, answers }]) => [id, state, [...answers]]);
  try {
    localStorage.setItem(name, JSON.stringify({ at: review.at, decisions }));
    return true;
  } catch {
    return false;
  }
}

/** Puts what was kept into a review; false where nothing was. */
export function restore(name, review) {
  try {
    const kept = JSON.parse(localStorage.getItem(name));
    for (const [id, state, answers] of kept.decisions) review.decisions.set(id, { state, answers: new Map(answers) });
    review.look(kept.at);
    return true;
  } catch {
    return false;
  }
}

export function drop(name) {
  try {
    localStorage.removeItem(name);
  } catch {
    // nothing can be kept here, so nothing is
  }
}
