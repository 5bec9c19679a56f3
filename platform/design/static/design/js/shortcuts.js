// Single-key shortcuts, listed by "?". They can be turned off there (WCAG 2.1.4).
const OFF = "shortcuts-off";
const places = { h: "/", l: "/forum/", d: "/docs/", m: "/models/", n: "/notifications/", p: "/playground/" };
let afterG = false;

const dialog = document.getElementById("shortcuts");
const off = dialog?.querySelector("[data-shortcuts-off]");
if (off) {
  off.checked = localStorage.getItem(OFF) === "1";
  off.addEventListener("change", () => localStorage.setItem(OFF, off.checked ? "1" : "0"));
}

const typing = (element) => element.closest("input, textarea, select, [contenteditable], dialog[open]");

function move(step) {
  const rows = [...document.querySelectorAll(".topic-row__title a, [data-row-link]")];
  if (!rows.length) return;
  const here = rows.indexOf(document.activeElement);
  rows[Math.max(0, Math.min(rows.length - 1, here + step))].focus();
}

// On a small screen the search is inside the menu.
function toSearch() {
  const visible = () =>
    [...document.querySelectorAll(".topbar__search input")].find((field) => field.offsetParent);
  if (!visible()) document.querySelector(".topbar__menu").open = true;
  visible()?.focus();
}

document.addEventListener("keydown", (event) => {
  if ((event.ctrlKey || event.metaKey) && event.key === "k") {
    event.preventDefault();
    return toSearch();
  }
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  if (typing(event.target)) return;
  if (event.key === "?") return dialog?.showModal();
  if (localStorage.getItem(OFF) === "1") return;
  if (afterG) {
    afterG = false;
    if (places[event.key]) location.assign(places[event.key]);
    return;
  }
  if (event.key === "g") {
    afterG = true;
    setTimeout(() => (afterG = false), 1200);
  } else if (event.key === "/") {
    event.preventDefault();
    toSearch();
  } else if (event.key === "j") move(1);
  else if (event.key === "k") move(-1);
  else {
    const keyed = document.querySelector(`[data-key="${CSS.escape(event.key)}"]`);
    // A field is written into, and does not begin with the key.
    if (keyed?.matches("input, textarea")) {
      event.preventDefault();
      keyed.focus();
    } else keyed?.click();
  }
});
