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
