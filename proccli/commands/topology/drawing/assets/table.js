// The table of connections: sorted by any column, walked by arrow keys.
const table = byId("table");
const body = table ? table.tBodies[0] : document.createElement("tbody");
const rows = [...body.rows];
const byText = new Intl.Collator("en", { numeric: true });

function sortBy(heading) {
  const column = heading.cellIndex;
  const number = heading.classList.contains("number");
  const was = heading.getAttribute("aria-sort");
  const upwards = was ? was === "descending" : !number;
  for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
  heading.setAttribute("aria-sort", upwards ? "ascending" : "descending");
  const value = (row) => {
    const cell = row.cells[column];
    return number ? Number(cell.dataset.value) : cell.textContent;
  };
  const keyed = rows.map((row, at) => ({ row, at, key: value(row) }));
  keyed.sort((a, b) => {
    const order = number ? a.key - b.key : byText.compare(a.key, b.key);
    return (upwards ? order : -order) || a.at - b.at;
  });
  body.append(...keyed.map((one) => one.row));
}

// Only one row is a tab stop, so that the keyboard gets past a long table.
function rove(row) {
  const was = body.querySelector('tr[tabindex="0"]');
  if (was) was.tabIndex = -1;
  if (row) row.tabIndex = 0;
}

function listenToTable(opened) {
  for (const button of table.querySelectorAll("th button")) {
    button.addEventListener("click", () => sortBy(button.parentElement));
  }
  rows.forEach((row) => (row.tabIndex = -1));
  rove(rows[0]);
  body.addEventListener("click", (event) => {
    const row = event.target.closest("tr");
    if (row && !String(getSelection())) opened(Number(row.dataset.link));
  });
  body.addEventListener("keydown", (event) => {
    const row = event.target.closest("tr");
    if (event.key === "Enter") return opened(Number(row.dataset.link));
    const shown = [...body.rows].filter((one) => !one.hidden);
    const step = { ArrowDown: 1, ArrowUp: -1, PageDown: 15, PageUp: -15, Home: -Infinity, End: Infinity }[event.key];
    if (!step) return undefined;
    event.preventDefault();
    const next = Math.min(Math.max(shown.indexOf(row) + step, 0), shown.length - 1);
    rove(shown[next]);
    return shown[next].focus();
  });
}
