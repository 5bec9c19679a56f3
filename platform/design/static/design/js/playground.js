// The playground: shows answers as they come, stops them, and the code of what is typed.
// Without this module a form's answer is the page with the whole answers.
const conversation = document.querySelector("[data-conversation]");
const form = document.querySelector("form[data-playground]");
const texts = document.querySelector("[data-texts]")?.dataset ?? {};
const token = document.querySelector('meta[name="csrf-token"]')?.content ?? "";
// How often what was begun before this page, or the ledger is to count, is asked for: the
// server writes it down each second, and the gateway ends an answer after ten minutes.
const LOOK_AGAIN_MS = 1000;
const MOST_LOOKS = 700;
let hasStopped = false;

function say(text) {
  const place = document.querySelector("[data-status]");
  if (place && place.textContent !== text) place.textContent = text;
}

function post(url, body) {
  return fetch(url, {
    method: "POST",
    headers: { "X-CSRFToken": token, "X-Requested-With": "fetch" },
    body,
  });
}

// ---- an answer as it comes ----------------------------------------------------------
async function* events(response) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let waiting = "";
  while (true) {
    const { done, value } = await reader.read();
    if (done) return;
    const lines = (waiting + value).split("\n");
    waiting = lines.pop();
    for (const line of lines) if (line.startsWith("data: ")) yield JSON.parse(line.slice(6));
  }
}

function append(event) {
  const place = conversation.querySelector(`[data-answer="${event.answer}"] [data-text]`);
  if (!place || !event.text) return;
  say(texts.writing);
  const isAtEnd = innerHeight + scrollY >= document.documentElement.scrollHeight - 120;
  place.append(event.text);
  // Whoever scrolled up to read stays there.
  if (isAtEnd) scrollTo({ top: document.documentElement.scrollHeight });
}

async function stream(url) {
  say(texts.waiting);
  try {
    const response = await post(url);
    if (response.ok && response.status !== 204)
      for await (const event of events(response)) append(event);
  } catch {
    // The connection broke; the answer goes on without it.
  }
  await follow();
}

// The server ends it, here or wherever it is written, and with it our stream.
async function stop() {
  const url = conversation?.querySelector("[data-stop]")?.form.action;
  if (!url || hasStopped) return;
  const response = await post(url).catch(() => null);
  hasStopped = Boolean(response?.ok);
  if (!hasStopped) say(texts.unreachable);
}

// ---- how the answers are now, as the server has them ------------------------------------
async function look() {
  const response = await fetch(conversation.dataset.answers).catch(() => null);
  if (!response?.ok || response.redirected) return null;
  // Our own page, rendered and escaped by the server.
  const part = document.createElement("template");
  part.innerHTML = await response.text();
  const fresh = part.content.querySelector("[data-last]");
  if (!fresh) return null;
  const old = conversation.querySelector("[data-last]");
  if ("underway" in fresh.dataset && "underway" in old.dataset) update(old, fresh);
  else old.replaceWith(fresh);
  window.htmx?.process(conversation.querySelector("[data-last]"));
  return "underway" in fresh.dataset || "counting" in fresh.dataset;
}

// What is still written grows in place, so that the focus stays where it is.
function update(old, fresh) {
  for (const answer of fresh.querySelectorAll("[data-answer]")) {
    const place = old.querySelector(`[data-answer="${answer.dataset.answer}"]`);
    const isWritten = place?.querySelector("[aria-busy]") && answer.querySelector("[aria-busy]");
    if (isWritten) place.querySelector("[data-text]").textContent = answer.querySelector("[data-text]").textContent;
    else place?.replaceWith(answer);
  }
}

async function follow() {
  let hasFocus = document.activeElement?.closest("[data-last]");
  let isGoingOn = await look();
  for (let looks = 1; looks <= MOST_LOOKS && isGoingOn; looks += 1) {
    await new Promise((done) => setTimeout(done, LOOK_AGAIN_MS));
    isGoingOn = await look();
  }
  let words = hasStopped ? texts.stopped : texts.ended;
  if (isGoingOn === null) words = texts.unreachable;
  hasStopped = false;
  const figures = [...conversation.querySelectorAll("[data-last] [data-figures], [data-last] .turn__note")];
  say([words, ...figures.map((each) => each.textContent.replace(/\s+/g, " ").trim())].join(" "));
  // What was focused, such as the button that stops, is gone with the old answer.
  hasFocus &&= document.activeElement === document.body;
  if (hasFocus) form?.elements.prompt?.focus({ preventScroll: true });
  // A vote or the results of functions need what only the whole page has.
  if (conversation.querySelector("[data-last] .turn__call") && !form?.elements.result_0) location.reload();
}

if (conversation) {
  conversation.addEventListener("click", (event) => {
    if (!event.target.closest("[data-stop]")) return;
    event.preventDefault();
    stop();
  });
  if (conversation.dataset.stream) stream(conversation.dataset.stream);
  else if (conversation.querySelector("[data-underway], [data-counting]")) follow();
}

// ---- asking: the page comes at once, the answer after it ----------------------------------
for (const button of document.querySelectorAll("[data-send]")) {
  button.name = "live";
  button.value = "1";
}
form?.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit(form.querySelector("[data-send]"));
});
// The server takes no question while an answer is written; here nothing typed is lost.
form?.addEventListener("submit", (event) => {
  if (!conversation?.querySelector("[data-underway]") || event.submitter?.formAction !== form.action) return;
  event.preventDefault();
  say(texts.busy);
});
// Before the menus hear of it: what Escape closes is not what it stops.
document.addEventListener(
  "keydown",
  (event) => {
    const isOpen = document.querySelector("details.menu[open], details.hint[open], dialog[open]");
    if (event.key === "Escape" && !isOpen) stop();
  },
  { capture: true },
);

// ---- the code of what the form holds now ----------------------------------------------------
const code = form?.querySelector("[data-code]");
let isAsking = null;

async function showCode() {
  const response = await post(form.querySelector("[data-code-button]").formAction, new FormData(form)).catch(() => null);
  if (!response?.ok || response.redirected) return;
  const chosen = [...code.querySelectorAll("[name=example]")].findIndex((each) => each.checked);
  const part = document.createElement("template");
  part.innerHTML = await response.text();
  code.replaceChildren(part.content);
  const again = code.querySelectorAll("[name=example]")[chosen];
  if (again) again.checked = true;
  for (const hidden of code.querySelectorAll("[data-needs-script]")) hidden.hidden = false;
  code.hidden = false;
}

form?.querySelector("[data-code-button]")?.addEventListener("click", (event) => {
  event.preventDefault();
  event.currentTarget.setAttribute("aria-expanded", String(code.hidden));
  if (code.hidden) showCode();
  code.hidden = true;
});
form?.addEventListener("input", (event) => {
  if (code.hidden || event.target.name === "example") return;
  clearTimeout(isAsking);
  isAsking = setTimeout(showCode, 400);
});
