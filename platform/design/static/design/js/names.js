// The name menu: behind an “@” people are listed whose name begins so; arrows choose, Enter or
// Tab takes, Escape closes. Without this module an “@” and a name are typed as they are.

// Where the server reads a name (markdown/mentions.py): Chinese sets no blank before an “@”.
const UNSPACED = "\\p{Script=Han}\\p{Script=Hiragana}\\p{Script=Katakana}\\p{Script=Hangul}\\p{Script=Thai}";
const CALL = new RegExp(
  `(?:(?<![\\p{L}\\p{N}_@/.+-])|(?<=[${UNSPACED}]))[@\\uff20]((?:[A-Za-z0-9_\\u4e00-\\u9fff][A-Za-z0-9_\\u4e00-\\u9fff-]{0,38})?)$`,
  "u",
);
// Milliseconds: longer than between two keys of somebody who types fast.
const PAUSE = 180;
// HTML lets a text area have no other role: what it may carry says as much as a combobox.
const ROLES = ["aria-autocomplete", "aria-haspopup", "aria-controls", "aria-activedescendant"];

function set(composer) {
  const area = composer.querySelector("textarea");
  const list = composer.querySelector("[data-names]");
  const said = composer.querySelector("[data-names-said]");
  // What is being named: where it begins, and its words; what the list answers; what
  // Escape was pressed for.
  let call = null;
  let listed = null;
  let dismissed = null;
  let asked = 0;
  let timer = 0;

  const options = () => [...list.querySelectorAll('[role="option"]')];
  const chosen = () => list.querySelector('[aria-selected="true"]');

  function choose(option) {
    for (const each of options()) each.setAttribute("aria-selected", String(each === option));
    area.setAttribute("aria-activedescendant", option.id);
    option.scrollIntoView({ block: "nearest" });
  }

  function close() {
    asked += 1;
    clearTimeout(timer);
    listed = null;
    if (list.hidden) return;
    list.hidden = true;
    list.replaceChildren();
    said.textContent = "";
    for (const name of ROLES) area.removeAttribute(name);
  }

  function open() {
    list.hidden = false;
    area.setAttribute("aria-autocomplete", "list");
    area.setAttribute("aria-haspopup", "listbox");
    area.setAttribute("aria-controls", list.id);
    said.textContent = said.dataset.namesSaid;
    choose(options()[0]);
  }

  function take(option) {
    const { start } = call;
    close();
    area.setRangeText(`@${option.dataset.username} `, start, area.selectionEnd, "end");
    area.focus();
    // The draft hears of it, and this menu that there is nothing more to name.
    area.dispatchEvent(new Event("input", { bubbles: true }));
  }

  async function ask({ words }) {
    const mine = (asked += 1);
    const address = new URL(composer.dataset.namesUrl, location);
    address.searchParams.set("q", words);
    let html = "";
    try {
      const answer = await fetch(address);
      // Signed out meanwhile, or too often: the text goes on without a menu.
      if (answer.ok && !answer.redirected) html = await answer.text();
    } catch {
      html = "";
    }
    if (mine !== asked) return;
    list.innerHTML = html;
    options().forEach((option, place) => (option.id = `${list.id}-${place}`));
    if (!options().length) return close();
    listed = words;
    open();
  }

  function look() {
    const before = area.value.slice(0, area.selectionEnd);
    const found = area.selectionStart === area.selectionEnd && CALL.exec(before);
    if (!found) {
      dismissed = null;
      return close();
    }
    call = { start: found.index, words: found[1] };
    if (dismissed === call.start) return;
    clearTimeout(timer);
    timer = setTimeout(ask, PAUSE, call);
  }

  area.addEventListener("input", (event) => {
    // What an input method is still composing is not yet a name.
    if (!event.isComposing) look();
  });
  area.addEventListener("compositionstart", close);
  area.addEventListener("compositionend", look);
  area.addEventListener("blur", close);
  // The focus stays where the text is.
  list.addEventListener("mousedown", (event) => event.preventDefault());
  list.addEventListener("click", (event) => {
    const option = event.target.closest('[role="option"]');
    if (option) take(option);
  });

  area.addEventListener("keydown", (event) => {
    if (list.hidden || event.isComposing || event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return;
    const all = options();
    const place = all.indexOf(chosen());
    if (event.key === "ArrowDown") choose(all[(place + 1) % all.length]);
    else if (event.key === "ArrowUp") choose(all[(place - 1 + all.length) % all.length]);
    else if (event.key === "Escape") {
      dismissed = call.start;
      close();
    } else if (["Enter", "Tab"].includes(event.key) && listed === call.words) take(chosen());
    else {
      // The caret leaves the name, or the list is of fewer letters than are there by now.
      if (["ArrowLeft", "ArrowRight", "Home", "End", "Enter", "Tab"].includes(event.key)) close();
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  });
}

function setAll() {
  for (const composer of document.querySelectorAll("[data-names-url]:not([data-names-ready])")) {
    composer.dataset.namesReady = "";
    set(composer);
  }
}
setAll();
document.addEventListener("htmx:after:swap", setAll);
