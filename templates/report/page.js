"use strict";
// Columns sort by a click or the keyboard; points and boxes tell what they are when pointed at or focused.
for (const button of document.querySelectorAll("th button")) {
  button.addEventListener("click", () => {
    const heading = button.closest("th"), table = heading.closest("table"), body = table.tBodies[0];
    const column = heading.cellIndex, up = heading.getAttribute("aria-sort") !== "ascending";
    for (const other of table.querySelectorAll("th")) other.removeAttribute("aria-sort");
    heading.setAttribute("aria-sort", up ? "ascending" : "descending");
    const value = (row) => row.cells[column].dataset.value;
    const order = (one, other) => {
      const [a, b] = [value(one), value(other)];
      if ((a === "") !== (b === "")) return a === "" ? 1 : -1; // what has none is last
      const isNumber = a !== "" && !isNaN(a) && !isNaN(b);
      return (isNumber ? a - b : a.localeCompare(b)) * (up ? 1 : -1);
    };
    body.append(...[...body.rows].sort(order));
  });
}

const tip = document.getElementById("tip");
const show = (shape) => {
  const box = shape.getBoundingClientRect();
  tip.textContent = shape.getAttribute("aria-label");
  tip.hidden = false;
  const left = Math.min(box.left + box.width / 2, document.documentElement.clientWidth - tip.offsetWidth - 8);
  const above = box.top - tip.offsetHeight - 8;
  tip.style.left = `${Math.max(8, left)}px`;
  tip.style.top = `${above < 8 ? box.bottom + 8 : above}px`;
};
const hide = () => { tip.hidden = true; };
for (const shape of document.querySelectorAll("svg [tabindex]")) {
  for (const event of ["pointerenter", "focus"]) shape.addEventListener(event, () => show(shape));
  for (const event of ["pointerleave", "blur"]) shape.addEventListener(event, hide);
}
addEventListener("scroll", hide, true);
addEventListener("keydown", (event) => { if (event.key === "Escape") hide(); });
