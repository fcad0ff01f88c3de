// The service counts Unicode code points, a browser UTF-16 units: an emoji is one of those and two of these.

/**
 * Converts offsets into a text.
 * @param {string} text
 * @param {number[]} points  offsets in code points, in any order
 * @returns {Map<number, number>} offset in UTF-16 units by offset in code points
 */
export function toUnits(text, points) {
  const units = new Map();
  let unit = 0;
  let point = 0;
  for (const wanted of [...new Set(points)].sort((a, b) => a - b)) {
    while (point < wanted && unit < text.length) {
      unit += text.codePointAt(unit) > 0xffff ? 2 : 1;
      point += 1;
    }
    units.set(wanted, unit);
  }
  return units;
}
