// Copy buttons, dialogs, menus, toasts and forms that are sent once.
const text = document.body.dataset;

function toast(message) {
  const place = document.querySelector("[data-toasts]");
  if (!place || !message) return;
  const line = document.createElement("div");
  line.className = "toast";
  line.textContent = message;
  place.append(line);
  setTimeout(() => line.remove(), 6000);
}
document.addEventListener("toast", (event) => toast(event.detail?.value));

// ---- copy ---------------------------------------------------------------------
async function copy(button) {
  const source = button.dataset.copyFrom && document.getElementById(button.dataset.copyFrom);
  const value = button.dataset.copy || source?.value || source?.textContent || "";
  try {
    await navigator.clipboard.writeText(value.replace(/\n$/, ""));
  } catch {
    return toast(text.copyFailedText);
  }
  button.dataset.copied = "";
  toast(text.copiedText);
  setTimeout(() => delete button.dataset.copied, 2000);
}

function addCopyButtons(root) {
  const template = document.querySelector("template[data-copy-button]");
  if (!template) return;
  for (const block of root.querySelectorAll(".prose pre:not([data-copyable])")) {
    block.dataset.copyable = "";
    const frame = document.createElement("div");
    frame.className = "code";
    const head = document.createElement("div");
    head.className = "code__head";
    const language = document.createElement("span");
    language.textContent = block.dataset.language ?? "";
    const button = template.content.firstElementChild.cloneNode(true);
    button.dataset.copy = block.textContent;
    head.append(language, button);
    block.replaceWith(frame);
    frame.append(head, block);
  }
}

// ---- regions and menus ----------------------------------------------------------
function openRegions() {
  const wide = matchMedia("(min-width: 60rem)").matches;
  for (const region of document.querySelectorAll("details[data-region]")) region.open = wide;
}

function closeMenus(except) {
  for (const menu of document.querySelectorAll("details.menu[open], details.hint[open]"))
    if (!menu.contains(except)) menu.open = false;
}

document.addEventListener("click", (event) => {
  closeMenus(event.target.closest(".menu__item") ? null : event.target);
  const button = event.target.closest("[data-copy], [data-copy-from], [data-opens], [data-closes]");
  if (!button) return;
  if ("copy" in button.dataset || "copyFrom" in button.dataset) copy(button);
  else if ("opens" in button.dataset) document.getElementById(button.dataset.opens)?.showModal();
  else button.closest("dialog")?.close();
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  const menu = document.activeElement?.closest("details.menu[open], details.hint[open]");
  closeMenus(null);
  menu?.querySelector("summary").focus();
});

// ---- forms: one submit, and a choice that needs no button ---------------------------
document.addEventListener("submit", (event) => {
  const form = event.target;
  const question = event.submitter?.dataset.confirm ?? form.dataset.confirm;
  if (question && !window.confirm(question)) return event.preventDefault();
  if (event.defaultPrevented || form.method === "dialog" || form.hasAttribute("hx-post")) return;
  if (form.dataset.sent) return event.preventDefault();
  if (form.method !== "post") return;
  form.dataset.sent = "1";
  event.submitter?.setAttribute("aria-busy", "true");
});

// Coming back with the browser's button: the form may be sent again.
addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-sent]")) {
    delete form.dataset.sent;
    form.querySelector("[aria-busy]")?.removeAttribute("aria-busy");
  }
});

// While the page loads: the browser's way back then leads past it.
document.querySelector("form[data-sends-itself]")?.requestSubmit();

document.addEventListener("change", (event) => {
  if (event.target.matches("[data-submits]")) event.target.form.requestSubmit();
});

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-reveals]");
  if (!button) return;
  const field = document.getElementById(button.dataset.reveals);
  const shown = field.type === "text";
  field.type = shown ? "password" : "text";
  button.setAttribute("aria-pressed", String(!shown));
});

// ---- a secret that is shown for some minutes: one question before it is left behind -----
const secret = document.querySelector("[data-asks-before-leaving]");
let isAsked = !secret;
addEventListener("beforeunload", (event) => {
  if (!isAsked) event.preventDefault();
  isAsked = true;
});
secret?.addEventListener("click", (event) => {
  if (event.target.closest("[data-copy], [data-copy-from]")) isAsked = true;
});
secret?.addEventListener("copy", () => (isAsked = true));
// Another language shows the same page again, and whoever confirms has copied.
document.addEventListener("submit", (event) => {
  if (event.target.matches("[data-language-form], [data-asks-before-leaving] form")) isAsked = true;
});

function showWhatNeedsScripts() {
  for (const hidden of document.querySelectorAll("[data-needs-script]")) hidden.hidden = false;
}
showWhatNeedsScripts();
document.addEventListener("htmx:after:swap", showWhatNeedsScripts);
openRegions();

// A row of tabs that is wider than the page begins with the current one in sight.
for (const current of document.querySelectorAll(".tabs [aria-current]")) {
  const row = current.closest(".tabs");
  const [place, frame] = [current.getBoundingClientRect(), row.getBoundingClientRect()];
  row.scrollLeft += place.left - frame.left - (frame.width - place.width) / 2;
}
addCopyButtons(document);
document.addEventListener("htmx:after:swap", () => addCopyButtons(document));
