// The playground: shows answers as they come, stops them, and the code of what is typed.
// Without this module a form's answer is the page with the whole answers.
const conversation = document.querySelector("[data-conversation]");
const form = document.querySelector("form[data-playground]");
const texts = document.querySelector("[data-texts]")?.dataset ?? {};
const token = document.querySelector('meta[name="csrf-token"]')?.content ?? "";
// How often what another tab is writing, or the ledger is to count, is asked for: the
// ledger mostly has a call at once, an answer in another tab may take minutes.
const LOOK_AGAIN_MS = 700;
const MOST_BETWEEN_MS = 5000;
const MOST_LOOKS = 200;
let stopper = null;

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
  stopper = new AbortController();
  const button = conversation.querySelector("[data-stop]");
  if (button) button.hidden = false;
  say(texts.waiting);
  let words = texts.ended;
  try {
    const response = await fetch(url, {
      method: "POST",
      headers: { "X-CSRFToken": token },
      signal: stopper.signal,
    });
    if (response.ok && response.status !== 204)
      for await (const event of events(response)) append(event);
  } catch (error) {
    words = error.name === "AbortError" ? texts.stopped : texts.unreachable;
  }
  stopper = null;
  await follow(words);
}

// ---- how the answers are now, as the server has them ------------------------------------
async function look() {
  const response = await fetch(conversation.dataset.answers).catch(() => null);
  if (!response?.ok || response.redirected) return false;
  // Our own page, rendered and escaped by the server.
  const part = document.createElement("template");
  part.innerHTML = await response.text();
  const fresh = part.content.querySelector("[data-last]");
  if (!fresh) return false;
  conversation.querySelector("[data-last]").replaceWith(fresh);
  window.htmx?.process(fresh);
  return "underway" in fresh.dataset || "counting" in fresh.dataset;
}

async function follow(words) {
  let hasFocus = document.activeElement?.closest("[data-last]");
  for (let looks = 1; looks <= MOST_LOOKS && (await look()); looks += 1) {
    const pause = Math.min(LOOK_AGAIN_MS * looks, MOST_BETWEEN_MS);
    await new Promise((done) => setTimeout(done, pause));
  }
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
    if (event.target.closest("[data-stop]")) stopper?.abort();
  });
  if (conversation.dataset.stream) stream(conversation.dataset.stream);
  else if (conversation.querySelector("[data-underway], [data-counting]")) follow("");
}

// ---- asking: the page comes at once, the answer after it ----------------------------------
for (const button of document.querySelectorAll("[data-send]")) {
  button.name = "live";
  button.value = "1";
}
form?.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit(form.querySelector("[data-send]"));
});
// Going on would leave the page, and with it the answer that is being written.
form?.addEventListener("submit", (event) => {
  if (!stopper || event.submitter?.formAction !== form.action) return;
  event.preventDefault();
  say(texts.busy);
});
// Before the menus hear of it: what Escape closes is not what it stops.
document.addEventListener(
  "keydown",
  (event) => {
    const isOpen = document.querySelector("details.menu[open], details.hint[open], dialog[open]");
    if (event.key === "Escape" && !isOpen) stopper?.abort();
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
