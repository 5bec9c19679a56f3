// What every htmx request of this site needs: the CSRF token, a busy state, and a
// sentence when it fails.
const token = document.querySelector('meta[name="csrf-token"]')?.content;

document.addEventListener("htmx:config:request", (event) => {
  const { request } = event.detail.ctx;
  if (request.method !== "GET") request.headers["X-CSRFToken"] = token;
});

document.addEventListener("htmx:before:request", (event) => {
  event.target.setAttribute?.("aria-busy", "true");
});

document.addEventListener("htmx:finally:request", (event) => {
  event.target.removeAttribute?.("aria-busy");
});

document.addEventListener("htmx:error", () => {
  document.dispatchEvent(
    new CustomEvent("toast", { detail: { value: document.body.dataset.offlineText } }),
  );
});

// A form that came back with errors: go to the first of them.
document.addEventListener("htmx:after:swap", () => {
  document.querySelector('[aria-invalid="true"]:not([data-seen])')?.focus();
  for (const field of document.querySelectorAll('[aria-invalid="true"]')) field.dataset.seen = "";
});
