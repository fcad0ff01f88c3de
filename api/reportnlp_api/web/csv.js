// CSV as the command line reads it: quotes double, fields may hold line ends, a record is taken whole or not at all.

const DELIMITERS = [",", "\t", ";", "|"];

/** The delimiter that is commonest in the first line, outside quotes. */
function delimiterOf(text) {
  const first = (text.match(/^(?:"[^"]*"|[^"\r\n])*/) ?? [""])[0].replace(/"[^"]*"/g, "");
  const uses = DELIMITERS.map((delimiter) => first.split(delimiter).length);
  return DELIMITERS[uses.indexOf(Math.max(...uses))];
}

/**
 * Reads records one after another.
 * @param {string} text  without a byte order mark
 * @returns {Generator<{fields: string[], fault: string}>} a record without a fault is whole
 */
export function* records(text) {
  const reader = new Reader(text.replace(/^(?:[ \t]*\r?\n)+/, ""));
  while (!reader.isDone) {
    const record = reader.record();
    const isBlank = record.fields.length === 1 && record.fields[0] === "" && !record.isQuoted;
    if (!isBlank || record.fault) yield record;
  }
}

class Reader {
  constructor(text) {
    this.text = text;
    this.delimiter = delimiterOf(text);
    this.ends = new RegExp(`[\\r\\n\\${this.delimiter}]`, "g");
    this.at = 0;
  }

  get isDone() {
    return this.at >= this.text.length;
  }

  record() {
    const record = { fields: [], fault: "", isQuoted: false };
    this.unclosed = false;
    for (;;) {
      const isQuoted = this.text[this.at] === '"';
      record.isQuoted ||= isQuoted;
      record.fields.push(isQuoted ? this.quoted() : this.plain());
      const next = this.text[this.at];
      if (next === this.delimiter) {
        this.at += 1;
        continue;
      }
      if (next !== undefined && next !== "\n" && next !== "\r") record.fault = this.astray();
      else if (this.unclosed) record.fault = "it has a quote that is never closed";
      this.lineEnd();
      return record;
    }
  }

  plain() {
    return this.upTo(this.ends);
  }

  upTo(ends) {
    const from = this.at;
    ends.lastIndex = from;
    this.at = ends.exec(this.text)?.index ?? this.text.length;
    return this.text.slice(from, this.at);
  }

  quoted() {
    const from = this.at + 1;
    let end = this.text.indexOf('"', from);
    while (end >= 0 && this.text[end + 1] === '"') end = this.text.indexOf('"', end + 2);
    this.unclosed = end < 0;
    this.at = end < 0 ? this.text.length : end + 1;
    return this.text.slice(from, end < 0 ? undefined : end).replaceAll('""', '"');
  }

  /** Something stands between a closing quote and the delimiter: the rest of the line is given up. */
  astray() {
    this.upTo(/[\r\n]/g);
    return "it has a stray quote; double a quote that is part of a text";
  }

  lineEnd() {
    if (this.text[this.at] === "\r") this.at += 1;
    if (this.text[this.at] === "\n") this.at += 1;
  }
}

/** One line of CSV. */
export function csvLine(cells) {
  const quoted = cells.map((cell) => (/[",\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell));
  return `${quoted.join(",")}\n`;
}
