// The profit model's sliders move the numbers beside them. What comes of it is
// the server's to say: htmx asks for it with every change.
const form = document.querySelector("[data-profit-model]");

for (const slider of form.querySelectorAll("[data-slider-for]")) {
  const field = document.getElementById(slider.dataset.sliderFor);
  slider.hidden = false;
  slider.addEventListener("input", () => {
    field.value = slider.value;
  });
  field.addEventListener("input", () => {
    slider.value = field.value;
  });
}
