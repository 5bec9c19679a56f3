// Nothing typed is lost. Every form with a draft's token is written down in this browser
// as somebody types, and saved on the server a second later when they are signed in. Only
// the answer that accepted a form names its copy as done (the cookie ds_accepted); a copy
// belongs to one person and is gone when they sign out or somebody else signs in.
const PREFIX = "drafts|";
const KEPT_MS = 30 * 86_400_000;
const NOT_TYPED = new Set(["csrfmiddlewaretoken", "draft", "client_token", "submission"]);
const WRITE_AFTER_MS = 150;
const SAVE_AFTER_MS = 1200;
const RETRY_AFTER_MS = 10_000;
// Larger texts, such as long conversations, are saved less often.
const LARGE = 50_000;
// A copy the server has stays a moment, for a tab that was asked for just before.
const KEPT_WHEN_SAVED_MS = 30_000;
// What browsers send after a page is gone may not be longer.
const MOST_AFTER_LEAVING = 60_000;
const desk = document.getElementById("drafts");
const says = desk?.dataset ?? {};
const owner = document.querySelector('meta[name="owner"]')?.content ?? "";
const forms = new Map();
let isLeaving = false;

// ---- what the browser keeps -----------------------------------------------------------
function cookie(name) {
  const found = document.cookie.split("; ").find((each) => each.startsWith(`${name}=`));
  return found?.slice(name.length + 1) ?? "";
}

function bake(name, value) {
  document.cookie = `${name}=${value}; path=/; SameSite=Lax${value ? "" : "; max-age=0"}`;
}

// A visitor is this browser until it is closed; signing out makes another one.
function visitor(create) {
  if (!cookie("ds_typist") && create) bake("ds_typist", crypto.getRandomValues(new Uint32Array(3)).join("-"));
  return `~${cookie("ds_typist")}`;
}

function entries() {
  const found = [];
  for (const key of Object.keys(localStorage)) {
    if (!key.startsWith(PREFIX)) continue;
    const [, scope, nonce, ...place] = key.split("|");
    try {
      found.push({ key, scope, nonce, place: place.join("|"), ...JSON.parse(localStorage[key]) });
    } catch {
      localStorage.removeItem(key);
    }
  }
  return found.sort((one, other) => other.at - one.at);
}

const isMine = (entry) => entry.scope === (owner || visitor()) || (owner && entry.scope === visitor());

function forgetAccepted() {
  const done = new Set(cookie("ds_accepted").split("."));
  if (!cookie("ds_accepted")) return;
  for (const entry of entries()) if (done.has(entry.nonce)) localStorage.removeItem(entry.key);
  bake("ds_accepted", "");
}

function tidy() {
  // Copies of the time before they had an owner.
  for (const key of Object.keys(localStorage)) if (key.startsWith("draft:")) localStorage.removeItem(key);
  for (const entry of entries()) {
    const isOfVisitor = entry.scope.startsWith("~");
    const isForeign = isOfVisitor ? entry.scope !== visitor() : owner && entry.scope !== owner;
    const most = entry.isSaved ? KEPT_WHEN_SAVED_MS : KEPT_MS;
    if (isForeign || Date.now() - entry.at > most) localStorage.removeItem(entry.key);
  }
}

// ---- a form's fields ------------------------------------------------------------------
const fieldsOf = (form) =>
  [...form.elements].filter(
    (field) => field.name && !NOT_TYPED.has(field.name) && !["password", "file", "submit", "button", "reset"].includes(field.type),
  );

function read(form) {
  const pairs = [];
  for (const field of fieldsOf(form)) {
    if (["checkbox", "radio"].includes(field.type)) {
      if (field.checked) pairs.push([field.name, field.value]);
    } else if (field.type === "select-multiple") {
      for (const option of field.selectedOptions) pairs.push([field.name, option.value]);
    } else pairs.push([field.name, field.value]);
  }
  return pairs;
}

function fill(form, pairs) {
  const left = [...pairs];
  const take = (name) => {
    const index = left.findIndex((pair) => pair[0] === name);
    return index < 0 ? undefined : left.splice(index, 1)[0][1];
  };
  for (const field of fieldsOf(form)) {
    if (["checkbox", "radio"].includes(field.type))
      field.checked = pairs.some(([name, value]) => name === field.name && value === field.value);
    else if (field.type === "select-multiple")
      for (const option of field.options)
        option.selected = pairs.some(([name, value]) => name === field.name && value === option.value);
    else field.value = take(field.name) ?? field.value;
  }
  form.dispatchEvent(new CustomEvent("drafts:filled", { bubbles: true }));
}

const same = (one, other) => JSON.stringify(one) === JSON.stringify(other);

// ---- what the page says ---------------------------------------------------------------
function note(state, text, { worried = false } = {}) {
  const line = state.form.querySelector("[data-draft-note]");
  if (!line) return;
  line.hidden = !text;
  line.classList.toggle("draft--worried", worried);
  line.querySelector("[data-draft-says]").textContent = text;
}

// The form goes by another token: it is another draft that would be thrown away.
function carry(state, token, nonce) {
  state.hook.value = token;
  state.nonce = nonce;
  for (const button of state.form.querySelectorAll("[data-draft-discard]")) button.value = token;
}

function saved(state) {
  const place = state.form.querySelector("[data-draft-status]");
  if (place) place.textContent = says.savedText;
  if (state.isWorried) note(state, "");
  state.isWorried = false;
}

function worry(state, text) {
  const place = state.form.querySelector("[data-draft-status]");
  if (place) place.textContent = "";
  state.isWorried = true;
  note(state, text, { worried: true });
}

// ---- writing down and saving ------------------------------------------------------------
function write(state) {
  clearTimeout(state.writing);
  if (!state.isChanged || isLeaving) return;
  const value = JSON.stringify({
    token: state.hook.value,
    at: Date.now(),
    isLocal: state.isLocal,
    values: read(state.form),
  });
  const scope = owner || visitor(true);
  state.key = [PREFIX.slice(0, -1), scope, state.nonce, state.hook.dataset.place].join("|");
  try {
    localStorage.setItem(state.key, value);
    state.isNowhere = false;
    if (!owner || state.isLocal) saved(state);
  } catch {
    state.isNowhere = true;
    if (!owner || state.isLocal) worry(state, says.nowhereText);
  }
  state.written = value;
}

// Sends one copy to the server, which answers 204, or 410 when it was accepted already.
async function send(written, options = {}) {
  const { token, values } = JSON.parse(written);
  const body = new FormData();
  for (const [name, value] of values) body.append(name, value);
  body.set("slot", token);
  const headers = { "X-CSRFToken": desk.elements.csrfmiddlewaretoken.value };
  return fetch(says.saveUrl, { method: "POST", body, headers, redirect: "manual", ...options });
}

function forget(key, written) {
  if (key && localStorage.getItem(key) === written) localStorage.removeItem(key);
}

function markSaved(key, written) {
  if (localStorage.getItem(key) !== written) return;
  localStorage.setItem(key, JSON.stringify({ ...JSON.parse(written), isSaved: true }));
  setTimeout(tidy, KEPT_WHEN_SAVED_MS + 1000);
}

async function save(state) {
  clearTimeout(state.saving);
  if (!owner || state.isLocal || !state.isChanged || state.isSent || isLeaving) return;
  write(state);
  const { key, written } = state;
  if (written === state.saved) return;
  const response = await send(written).catch(() => null);
  if (response?.status === 204) {
    state.saved = written;
    markSaved(key, written);
    return saved(state);
  }
  if (response?.status === 410) {
    forget(key, written);
    const next = await response.json();
    return goOn(state, next);
  }
  if (response?.status === 401 || response?.status === 403) return worry(state, says.signedOutText);
  if (response?.status === 413) return worry(state, says.tooLongText);
  worry(state, state.isNowhere ? says.nowhereText : says.hereText);
  state.saving = setTimeout(() => save(state), RETRY_AFTER_MS);
}

// The form was accepted meanwhile. What was only restored is done; what somebody went on
// typing is another text.
function goOn(state, next) {
  carry(state, next.token, next.nonce);
  if (state.isRestored) {
    state.form.reset();
    state.isRestored = state.isChanged = false;
    return note(state, "");
  }
  changed(state);
}

function changed(state) {
  state.isChanged = true;
  state.isSent = false;
  clearTimeout(state.writing);
  clearTimeout(state.saving);
  state.writing = setTimeout(() => write(state), WRITE_AFTER_MS);
  const isLarge = (state.written?.length ?? 0) > LARGE;
  state.saving = setTimeout(() => save(state), isLarge ? 4 * SAVE_AFTER_MS : SAVE_AFTER_MS);
}

// ---- a form on the page -----------------------------------------------------------------
function take(form, hook) {
  const state = {
    form,
    hook,
    nonce: hook.dataset.nonce,
    isLocal: "local" in hook.dataset,
    isChanged: false,
    isRestored: false,
  };
  forms.set(form, state);
  const kept = entries().filter((entry) => isMine(entry) && entry.place === hook.dataset.place);
  if ("bound" in hook.dataset) {
    // The server shows what was sent, which is the newest there is.
    for (const entry of kept) if (entry.nonce === state.nonce) localStorage.removeItem(entry.key);
    return;
  }
  const [latest] = kept;
  if (!latest) return;
  if (same(latest.values, read(form))) {
    if (owner && latest.nonce === hook.dataset.beganFrom) localStorage.removeItem(latest.key);
    if (latest.nonce === hook.dataset.beganFrom || latest.isSaved) return;
  }
  // The form goes on where that copy left off, under its token.
  fill(form, latest.values);
  carry(state, latest.token, latest.nonce);
  state.key = latest.key;
  state.isRestored = true;
  note(state, says.restoredText);
  changed(state);
}

function takeAll() {
  for (const form of forms.keys()) if (!form.isConnected) forms.delete(form);
  for (const hook of document.querySelectorAll("input[data-draft]"))
    if (hook.form && !forms.has(hook.form)) take(hook.form, hook);
}

// What was typed while the session had ended, or in a tab that was closed at once.
async function sendTheRest() {
  if (!owner) return;
  const open = new Set([...forms.values()].map((state) => state.nonce));
  for (const entry of entries()) {
    if (!isMine(entry) || entry.isLocal || entry.isSaved || entry.isRefused || open.has(entry.nonce)) continue;
    const written = localStorage.getItem(entry.key);
    const status = (await send(written).catch(() => null))?.status;
    if (status === 204 || status === 410) forget(entry.key, written);
    // Asked once: a text that is too long stays too long.
    else if (status === 413 || status === 400)
      localStorage.setItem(entry.key, JSON.stringify({ ...JSON.parse(written), isRefused: true }));
  }
}

// Signing out: the server has everything first, then this browser keeps nothing.
async function signOut(form) {
  await Promise.race([
    Promise.allSettled([...forms.values()].map((state) => save(state)).concat(sendTheRest())),
    new Promise((done) => setTimeout(done, 3000)),
  ]);
  const isUnsaved = entries().some((entry) => isMine(entry) && !entry.isLocal && !entry.isSaved);
  if (isUnsaved && !window.confirm(says.unsavedText)) {
    delete form.dataset.sent;
    return;
  }
  isLeaving = true;
  for (const entry of entries()) localStorage.removeItem(entry.key);
  bake("ds_typist", "");
  form.submit();
}

if (desk) {
  for (const name of ["input", "change"])
    document.addEventListener(name, (event) => {
      const state = forms.get(event.target.form ?? event.target);
      if (!state || event.target.type === "password") return;
      state.isRestored = false;
      changed(state);
    });
  document.addEventListener("submit", (event) => {
    const form = event.target;
    const target = event.submitter?.getAttribute("formaction") ?? form.getAttribute("action") ?? "";
    const address = new URL(target, location.href).pathname;
    if (address.endsWith("/logout/") && !event.defaultPrevented) {
      event.preventDefault();
      return void signOut(form);
    }
    const state = forms.get(form);
    if (!state) return;
    write(state);
    // Written now, and not once more when the answer has already taken its place.
    if (!event.defaultPrevented) state.isSent = true;
  });
  const leave = () => {
    if (isLeaving) return;
    for (const state of forms.values()) {
      if (state.isSent) continue;
      write(state);
      if (!owner || state.isLocal || !state.written || state.written === state.saved) continue;
      if (state.written.length < MOST_AFTER_LEAVING) send(state.written, { keepalive: true }).catch(() => null);
    }
  };
  addEventListener("pagehide", leave);
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState !== "hidden") return;
    for (const state of forms.values()) if (!state.isSent) write(state);
  });
  addEventListener("online", () => {
    for (const state of forms.values()) save(state);
  });
  // Only a text that could be kept nowhere is worth a question.
  addEventListener("beforeunload", (event) => {
    if ([...forms.values()].some((state) => state.isWorried && state.isNowhere)) event.preventDefault();
  });
  addEventListener("pageshow", (event) => {
    for (const state of forms.values()) state.isSent = false;
    if (event.persisted) forgetAccepted();
  });
  forgetAccepted();
  tidy();
  takeAll();
  document.addEventListener("htmx:after:swap", takeAll);
  sendTheRest();
}
