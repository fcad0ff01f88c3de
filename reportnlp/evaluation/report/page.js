"use strict";
for (const table of document.querySelectorAll("table.sortable")) {
  const body = table.tBodies[0];
  const key = (row, at) => {
    const cell = row.cells[at];
    const value = cell.dataset.value ?? cell.textContent;
    return /^[+-]?[\d.]+( to |$)/.test(value) ? parseFloat(value) : value; // an id may begin with a digit
  };
  const order = (a, b) => {
    if (typeof a !== typeof b) return typeof a === "number" ? -1 : 1;
    return typeof a === "number" ? a - b : a.localeCompare(b, "en", { numeric: true });
  };
  [...table.tHead.rows[0].cells].forEach((head, at) => {
    head.tabIndex = 0;
    const sort = () => {
      const before = head.getAttribute("aria-sort");
      const up = before ? before === "descending" : typeof key(body.rows[0], at) === "string";
      for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", up ? "ascending" : "descending");
      const rows = [...body.rows].map((row) => [key(row, at), row]);
      rows.sort(([a], [b]) => order(a, b) * (up ? 1 : -1));
      body.append(...rows.map(([, row]) => row));
    };
    head.addEventListener("click", sort);
    head.addEventListener("keydown", (event) => { if (event.key === "Enter") sort(); });
  });
}
const box = document.querySelector("#errors input");
box?.addEventListener("input", () => {
  const wanted = box.value.toLowerCase();
  for (const row of document.querySelectorAll("#errors tbody tr")) row.hidden = !row.textContent.toLowerCase().includes(wanted);
  for (const part of document.querySelectorAll("#errors details")) if (wanted) part.open = part.querySelector("tbody tr:not([hidden])") !== null;
});
