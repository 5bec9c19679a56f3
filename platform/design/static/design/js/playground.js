// The playground: streams answers, stops them, and keeps the code examples true.
// Without this module the form posts and the server makes the call.
const form = document.querySelector("form.playground");
const isSignedIn = form?.hasAttribute("data-playground") ?? false;
const state = JSON.parse(document.getElementById("playground-state")?.textContent ?? "null");
const find = (name) => document.querySelector(`[data-${name}]`);
const field = (name) => form.elements[name];
const keys = new Map();
let turns = [];
let running = null;

// ---- what is asked ------------------------------------------------------------------
function payload(extra = []) {
  const messages = [...turns, ...extra];
  if (field("system").value) messages.unshift({ role: "system", content: field("system").value });
  const body = { model: field("model").value, messages };
  if (field("temperature").value !== "") body.temperature = Number(field("temperature").value);
  if (field("max_tokens").value !== "") body.max_tokens = Number(field("max_tokens").value);
  if (field("stream").checked) body.stream = true;
  return body;
}

// ---- view code: the same text as inference/catalog/examples.py ------------------------
function examples(body) {
  const json = JSON.stringify(body, null, 2);
  const base = state.base_url;
  const curl = `curl ${body.stream ? "-N " : ""}${base}/chat/completions \\
  -H "Authorization: Bearer $DOORSTONE_API_KEY" \\
  -H "Content-Type: application/json" \\
  -d '${json.replaceAll("'", "'\\''")}'
`;
  const lines = Object.entries(body).map(([name, value]) => `    ${name}=${literal(value)},\n`);
  const pythonCall = `client.chat.completions.create(\n${lines.join("")})\n`;
  const python = `import os

from openai import OpenAI

client = OpenAI(base_url="${base}", api_key=os.environ["DOORSTONE_API_KEY"])
` + (body.stream
    ? `stream = ${pythonCall}for chunk in stream:
    if chunk.choices:
        print(chunk.choices[0].delta.content or "", end="")
`
    : `answer = ${pythonCall}print(answer.choices[0].message.content)
`);
  const scriptCall = `await client.chat.completions.create(${json});\n`;
  const javascript = `import OpenAI from "openai";

const client = new OpenAI({
  baseURL: "${base}",
  apiKey: process.env.DOORSTONE_API_KEY,
});
` + (body.stream
    ? `const stream = ${scriptCall}for await (const chunk of stream)
  process.stdout.write(chunk.choices[0]?.delta?.content ?? "");
`
    : `const answer = ${scriptCall}console.log(answer.choices[0].message.content);
`);
  return { curl, python, javascript };
}

function literal(value) {
  if (Array.isArray(value))
    return `[\n${value.map((item) => `        ${literal(item)},\n`).join("")}    ]`;
  if (typeof value === "boolean") return value ? "True" : "False";
  if (value !== null && typeof value === "object")
    return `{${Object.entries(value).map(([name, item]) => `"${name}": ${literal(item)}`).join(", ")}}`;
  return JSON.stringify(value);
}

function showCode() {
  const prompt = field("prompt").value;
  const body = payload(prompt ? [{ role: "user", content: prompt }] : []);
  for (const [name, text] of Object.entries(examples(body)))
    document.querySelector(`#example-${name} code`).textContent = text;
}

// ---- what is shown ----------------------------------------------------------------------
function addTurn(role, text) {
  const turn = document.querySelector(`template[data-turn="${role}"]`).content
    .firstElementChild.cloneNode(true);
  turn.querySelector("[data-text]").textContent = text;
  find("turns").append(turn);
  follow();
  return turn.querySelector("[data-text]");
}

function follow() {
  const box = find("turns");
  box.scrollTop = box.scrollHeight;
}

function say(text) {
  find("status").textContent = text;
}

function fill(text, values) {
  return text.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
}

// Cents, and below one dollar two digits, as the server writes amounts of usage.
function dollars(nano) {
  const value = nano / 1e9;
  const isSmall = value > 0 && value < 1;
  return new Intl.NumberFormat(document.documentElement.lang, {
    style: "currency",
    currency: "USD",
    minimumFractionDigits: 2,
    maximumFractionDigits: isSmall ? Math.max(2, 1 - Math.floor(Math.log10(value))) : 2,
  }).format(value);
}

function price(model, usage) {
  const rates = state.prices[model];
  if (!rates) return null;
  const cached = Math.min(usage.prompt_tokens_details?.cached_tokens ?? 0, usage.prompt_tokens);
  const fresh = usage.prompt_tokens - cached;
  return Math.ceil(
    (fresh * rates[0] + cached * rates[1] + usage.completion_tokens * rates[2]) / 1e6,
  );
}

function showFigures(run) {
  const texts = find("texts").dataset;
  const list = document.createElement("ul");
  list.className = "playground__figures";
  const lines = [];
  if (run.usage) {
    lines.push(fill(texts.tokens, { in: run.usage.prompt_tokens, out: run.usage.completion_tokens }));
    const amount = price(run.model, run.usage);
    if (amount !== null) lines.push(dollars(amount));
  }
  if (run.first) lines.push(fill(texts.first, { ms: Math.round(run.first - run.began) }));
  lines.push(fill(texts.total, { ms: Math.round(performance.now() - run.began) }));
  for (const line of lines) {
    const item = document.createElement("li");
    item.textContent = line;
    list.append(item);
  }
  find("status").replaceChildren(list);
}

async function showRefusal(message, code) {
  const alert = document.querySelector("template[data-refusal]").content
    .firstElementChild.cloneNode(true);
  // The gateway's words name an address for programs; a person has the link beside them.
  const texts = find("texts").dataset;
  const words = { model_requires_plan: texts.needsPlan, insufficient_quota: texts.quota };
  alert.querySelector("[data-message]").textContent = words[code] ?? message;
  const needsPlan = code in words;
  const plans = alert.querySelector("[data-plans]");
  if (plans) plans.hidden = !needsPlan;
  find("notice").replaceChildren(alert);
  if (!needsPlan || !state.upgrade_url) return;
  const wish = `${location.pathname}?model=${encodeURIComponent(field("model").value)}`;
  const address = state.upgrade_url.replace("{slug}", field("organisation").value);
  const url = `${address}?next=${encodeURIComponent(wish)}`;
  const response = await fetch(url).catch(() => null);
  if (!response?.ok || response.redirected) return;
  // Our own page, rendered and escaped by the server.
  const fragment = document.createElement("template");
  fragment.innerHTML = await response.text();
  if (plans) plans.hidden = true;
  find("notice").append(fragment.content);
}

async function showMarkdown(place, text) {
  const response = await post(state.preview_url, { text }).catch(() => null);
  if (!response?.ok || response.redirected) return;
  // Cleaned by the server like every post; until it comes the plain text stays.
  const fragment = document.createElement("template");
  fragment.innerHTML = await response.text();
  const rendered = fragment.content.querySelector(".prose");
  if (!rendered) return;
  place.classList.add("prose");
  place.replaceChildren(...rendered.childNodes);
  follow();
}

// ---- asking -----------------------------------------------------------------------------
function post(url, values) {
  return fetch(url, {
    method: "POST",
    headers: { "X-CSRFToken": form.elements.csrfmiddlewaretoken.value },
    body: new URLSearchParams(values),
  });
}

async function secret(organisation) {
  const kept = keys.get(organisation);
  if (kept && Date.parse(kept.expires_at) - Date.now() > 60_000) return kept.secret;
  const response = await post(state.key_url, { organisation });
  if (response.redirected || !response.ok) throw new Refused(find("texts").dataset.signedOut);
  const key = await response.json();
  keys.set(organisation, key);
  return key.secret;
}

class Refused extends Error {
  constructor(message, code = "") {
    super(message);
    this.code = code;
  }
}

async function call(run, body) {
  const organisation = field("organisation").value;
  const request = async () =>
    fetch("/v1/chat/completions", {
      method: "POST",
      signal: run.stopper.signal,
      headers: {
        Authorization: `Bearer ${await secret(organisation)}`,
        "Content-Type": "application/json",
      },
      body: JSON.stringify(body),
    });
  let response = await request();
  if (response.status === 401) {
    // The key was revoked or has ended meanwhile: once more, with a new one.
    keys.delete(organisation);
    response = await request();
  }
  if (!response.ok) {
    const error = (await response.json().catch(() => null))?.error;
    throw new Refused(error?.message ?? find("texts").dataset.unreachable, error?.code);
  }
  return response;
}

async function* events(response) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let waiting = "";
  while (true) {
    const { done, value } = await reader.read();
    if (done) return;
    waiting += value;
    const lines = waiting.split(/\r?\n/);
    waiting = lines.pop();
    for (const line of lines) {
      if (!line.startsWith("data:")) continue;
      const data = line.slice(5).trim();
      if (data === "[DONE]") return;
      yield JSON.parse(data);
    }
  }
}

function take(run, piece) {
  if (!piece) return;
  run.first ??= performance.now();
  run.place ??= addTurn("assistant", "");
  if (!run.text) say(find("texts").dataset.writing);
  run.text += piece;
  run.place.append(piece);
  follow();
  keepSoon(run);
}

// What drafts.js writes down: the conversation as far as it came. A question without an
// answer is its last turn; opened again, it stands where it can be sent once more.
function keep(conversation) {
  field("conversation").value = JSON.stringify(conversation);
  form.dispatchEvent(new Event("input", { bubbles: true }));
}

function keepSoon(run) {
  run.keeping ??= setTimeout(() => {
    run.keeping = null;
    if (running === run) keep([...turns, run.question, { role: "assistant", content: run.text }]);
  }, 1000);
}

function readConversation() {
  turns = JSON.parse(field("conversation").value || "[]");
  if (isSignedIn && turns.at(-1)?.role === "user") {
    const [question] = turns.splice(-1);
    field("prompt").value ||= question.content;
    field("conversation").value = JSON.stringify(turns);
  }
  const shown = find("turns").querySelectorAll(".turn");
  if (shown.length === turns.length) return;
  for (const turn of shown) turn.remove();
  for (const { role, content } of turns) {
    const place = addTurn(role, content);
    if (role === "assistant") showMarkdown(place, content);
  }
}

async function answer(run, body) {
  const response = await call(run, body);
  if (!body.stream) {
    const whole = await response.json();
    run.usage = whole.usage;
    take(run, whole.choices[0].message.content);
    run.first = null;
    return;
  }
  for await (const event of events(response)) {
    if (event.error) throw new Refused(event.error.message, event.error.code);
    if (event.usage) run.usage = event.usage;
    take(run, event.choices?.[0]?.delta?.content);
  }
}

async function send() {
  const prompt = field("prompt").value;
  if (!prompt.trim() || running) return field("prompt").focus();
  const texts = find("texts").dataset;
  const question = { role: "user", content: prompt };
  const body = payload([question]);
  if (body.stream) body.stream_options = { include_usage: true };
  const run = { question, model: body.model, text: "", began: performance.now(), stopper: new AbortController() };
  running = run;
  find("notice").replaceChildren();
  say(texts.waiting);
  setBusy(true);
  const asked = addTurn("user", prompt);
  field("prompt").value = "";
  keep([...turns, question]);
  let isStopped = false;
  try {
    await answer(run, body);
    showFigures(run);
  } catch (error) {
    isStopped = error.name === "AbortError";
    say(isStopped ? texts.stopped : run.text ? texts.broken : "");
    if (!isStopped)
      await showRefusal(error instanceof Refused ? error.message : texts.unreachable, error.code);
  }
  running = null;
  setBusy(false);
  if (run.text) {
    turns.push(question, { role: "assistant", content: run.text });
    keep(turns);
    await showMarkdown(run.place, run.text);
  } else {
    // Nothing came: what was typed goes back to where it can be sent again.
    asked.closest("article").remove();
    field("prompt").value ||= prompt;
    keep(turns);
  }
  showCode();
  field("prompt").focus();
}

function setBusy(isBusy) {
  find("stop").hidden = !isBusy;
  find("send").disabled = isBusy;
  find("send").toggleAttribute("aria-busy", isBusy);
}

if (form && state) {
  readConversation();
  form.addEventListener("drafts:filled", readConversation);
  form.addEventListener("input", showCode);
  if (field("prompt").value) showCode();
}
if (form && state && isSignedIn) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    send();
  });
  field("prompt").addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
  });
  find("stop").addEventListener("click", () => running?.stopper.abort());
  find("clear").addEventListener("click", () => running?.stopper.abort());
}
