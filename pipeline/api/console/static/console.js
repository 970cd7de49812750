// Copying to the clipboard, selecting all, and what belongs to a choice.
"use strict";

// Fields that a choice does not want are away; without this script all of them are there.
function showWhatIsChosen() {
  for (const part of document.querySelectorAll("[data-for]")) {
    const [name, values] = part.dataset.for.split("=");
    const chosen = part.closest("form").elements[name].value;
    part.hidden = !values.split(" ").includes(chosen);
  }
}
document.addEventListener("change", showWhatIsChosen);
window.addEventListener("pageshow", showWhatIsChosen);

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  const text = document.getElementById(button.dataset.copy).textContent;
  try {
    await navigator.clipboard.writeText(text);
    button.textContent = "Copied";
  } catch {
    button.textContent = "Select and copy it";
  }
  setTimeout(() => { button.textContent = "Copy"; }, 2000);
});

document.addEventListener("change", (event) => {
  const name = event.target.dataset && event.target.dataset.select;
  if (!name) return;
  for (const box of document.querySelectorAll(`input[name="${name}"]:not(:disabled)`)) {
    box.checked = event.target.checked;
  }
});
