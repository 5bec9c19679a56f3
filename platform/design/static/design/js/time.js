// The pages' times are the server's to write; it learns the browser's zone from here.
const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
const secure = location.protocol === "https:" ? ";secure" : "";
if (zone) document.cookie = `ds_time_zone=${zone};path=/;max-age=31536000;samesite=lax${secure}`;

// Keeps "5 minutes ago" true while the page stays open; the exact time is in the title.
const steps = [
  ["day", 86400],
  ["hour", 3600],
  ["minute", 60],
];
const format = new Intl.RelativeTimeFormat(document.documentElement.lang, { numeric: "auto" });

function refresh() {
  for (const element of document.querySelectorAll("time[data-relative]")) {
    const seconds = (new Date(element.dateTime) - Date.now()) / 1000;
    if (seconds > 0 || seconds < -30 * 86400) continue;
    const step = steps.find(([, size]) => -seconds >= size);
    if (step) element.textContent = format.format(Math.round(seconds / step[1]), step[0]);
  }
}

setInterval(refresh, 60_000);

// A wait that is counted down; a sleeping tab is right again when it wakes.
for (const wait of document.querySelectorAll("[data-countdown]")) {
  const until = Date.now() + wait.dataset.countdown * 1000;
  const left = wait.querySelector("[data-countdown-left]");
  const timer = setInterval(() => {
    const seconds = Math.ceil((until - Date.now()) / 1000);
    if (seconds <= 0) {
      clearInterval(timer);
      wait.setAttribute("role", "status");
      wait.textContent = wait.dataset.overText;
      return;
    }
    const parts = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
    const shown = parts[0] ? parts : parts.slice(1);
    left.textContent = shown.map((part, at) => (at ? String(part).padStart(2, "0") : part)).join(":");
  }, 250);
}
