// The Markdown composer: a preview by the server, quotations, Ctrl+Enter, B, I and E. What is
// typed is kept by drafts.js. Without this module a plain text area remains.
const TOOLS = { b: "md-bold", i: "md-italic", e: "md-code" };

function set(composer) {
  const area = composer.querySelector("textarea");
  const preview = composer.querySelector("[data-preview]");
  const form = area.form;
  // What is written goes below a quotation that came with the page.
  const end = area.value.length;
  if (area.autofocus && area.matches(":focus") && !area.selectionEnd) area.setSelectionRange(end, end);

  area.addEventListener("keydown", (event) => {
    if (!(event.ctrlKey || event.metaKey) || event.altKey || event.isComposing) return;
    const tool = TOOLS[event.key.toLowerCase()];
    if (event.key !== "Enter" && !tool) return;
    event.preventDefault();
    if (tool) composer.querySelector(tool).click();
    else form.requestSubmit();
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

function setAll() {
  for (const composer of document.querySelectorAll("[data-composer]:not([data-ready])")) {
    composer.dataset.ready = "";
    set(composer);
  }
}
setAll();
document.addEventListener("htmx:after:swap", setAll);
