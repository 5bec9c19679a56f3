// The profit model's sliders: recalculates while they move. Without this
// module the form does the same with a button.
const form = document.querySelector("[data-profit-model]");
const output = (name) => document.querySelector(`[data-profit="${name}"]`);
const number = (name) => Number(form.elements[name].value) || 0;
const write = (value, digits) =>
  new Intl.NumberFormat(document.documentElement.lang, {
    minimumFractionDigits: digits,
    maximumFractionDigits: 2,
  }).format(value);

function recalculate() {
  const developers = number("developers");
  const share = number("share");
  const price = number("price");
  const cost = number("cost");
  output("profit").textContent = write((share / 100) * (price - cost) * developers, 2);
  output("without").textContent = write((price - cost) * developers, 0);
  output("share").textContent = write(share, 0);
  output("price").textContent = write(price, 0);
  output("cost").textContent = write(cost, 0);
  output("developers").textContent = write(developers, 0);
}

for (const slider of form.querySelectorAll("[data-slider-for]")) {
  const field = document.getElementById(slider.dataset.sliderFor);
  slider.hidden = false;
  slider.addEventListener("input", () => {
    field.value = slider.value;
    recalculate();
  });
  field.addEventListener("input", () => {
    slider.value = field.value;
    recalculate();
  });
  // Sensitivities and break-even are the server's; they follow when the hand rests.
  slider.addEventListener("change", () => form.requestSubmit());
}
