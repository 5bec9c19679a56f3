// The Markdown composer: a draft that survives, a preview by the server, Ctrl+Enter,
// and a question before unsaved words are left. Without it a plain text area remains.
const dirty = new Set();

function set(composer) {
  const area = composer.querySelector("textarea");
  const preview = composer.querySelector("[data-preview]");
  const status = composer.querySelector("[data-draft-status]");
  const key = composer.dataset.draftKey && `draft:${composer.dataset.draftKey}`;
  const form = area.form;
  const initial = area.defaultValue;
  let timer;

  if (key && !area.value) {
    const draft = localStorage.getItem(key);
    if (draft) {
      area.value = draft;
      status.textContent = composer.dataset.restoredText;
    }
  }

  area.addEventListener("input", () => {
    if (area.value === initial) dirty.delete(area);
    else dirty.add(area);
    clearTimeout(timer);
    timer = setTimeout(() => {
      if (!key) return;
      if (area.value) localStorage.setItem(key, area.value);
      else localStorage.removeItem(key);
      status.textContent = composer.dataset.savedText;
    }, 800);
  });

  area.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey) || event.isComposing) return;
    event.preventDefault();
    form.requestSubmit();
  });

  form?.addEventListener("submit", () => {
    clearTimeout(timer);
    dirty.delete(area);
    // Only an accepted post ends the draft: a refused one comes back with its text.
    if (key) sessionStorage.setItem("draft-sent", key);
  });

  for (const tab of composer.querySelectorAll("[data-shows]"))
    tab.addEventListener("click", async () => {
      const writing = tab.dataset.shows === "write";
      for (const other of composer.querySelectorAll("[data-shows]"))
        other.setAttribute("aria-pressed", String(other === tab));
      area.hidden = !writing;
      preview.hidden = writing;
      if (writing) return area.focus();
      preview.setAttribute("aria-busy", "true");
      const body = new FormData();
      body.set("text", area.value);
      const headers = { "X-CSRFToken": document.querySelector('meta[name="csrf-token"]').content };
      const answer = await fetch(composer.dataset.previewUrl, { method: "POST", body, headers });
      // The server has cleaned it; a refusal is text.
      if (answer.ok) preview.innerHTML = await answer.text();
      else preview.textContent = composer.dataset.failedText;
      preview.removeAttribute("aria-busy");
    });
}

// A quotation goes to where the caret stands: what was marked, or the whole post.
document.addEventListener("click", (event) => {
  const link = event.target.closest("[data-quotes]");
  const area = document.querySelector("#reply textarea");
  if (!link || !area || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  const prose = link.closest("article").querySelector(".prose");
  const marked = getSelection();
  const isInside = !marked.isCollapsed && prose.contains(marked.anchorNode);
  const words = (isInside ? marked.toString() : prose.innerText).trim().split("\n");
  const lines = [`@${link.dataset.quotes}:`, "", ...words.slice(0, 40)];
  const quotation = lines.map((line) => `> ${line}`.trimEnd()).join("\n");
  const before = area.value && !area.value.endsWith("\n") ? "\n\n" : "";
  area.setRangeText(`${before}${quotation}\n\n`, area.value.length, area.value.length, "end");
  area.dispatchEvent(new Event("input", { bubbles: true }));
  area.focus();
});

// A page without form errors after a submit means the draft has done its work.
const sent = sessionStorage.getItem("draft-sent");
if (sent) {
  sessionStorage.removeItem("draft-sent");
  if (!document.querySelector('[aria-invalid="true"], .form-errors')) localStorage.removeItem(sent);
}

function setAll() {
  for (const composer of document.querySelectorAll("[data-composer]:not([data-ready])")) {
    composer.dataset.ready = "";
    set(composer);
  }
}
setAll();
document.addEventListener("htmx:after:swap", setAll);

addEventListener("beforeunload", (event) => {
  for (const area of dirty) if (!area.isConnected) dirty.delete(area);
  if (dirty.size) event.preventDefault();
});
