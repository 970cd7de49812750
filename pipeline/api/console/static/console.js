// Copying to the clipboard, selecting all, what belongs to a choice, and live parts left as they are.
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

// A live part is left alone while it is hidden, and while somebody types, reads or has opened
// something in it: nothing is asked for, and what was asked for before is not put in.
function isLive(part) {
  return (part.getAttribute("hx-trigger") || "").startsWith("every");
}
function isUsed(part) {
  const selection = document.getSelection();
  const isSelected = selection && !selection.isCollapsed && selection.containsNode(part, true);
  const isTyped = (field) => "defaultValue" in field && field.type !== "hidden" && field.value !== field.defaultValue;
  return part.contains(document.activeElement) || isSelected
    || part.querySelector("input:checked, details[open]") !== null
    || [...part.querySelectorAll("input, textarea")].some(isTyped);
}
document.addEventListener("htmx:beforeRequest", (event) => {
  const part = event.detail.elt;
  if (isLive(part) && (document.hidden || isUsed(part))) event.preventDefault();
});
document.addEventListener("htmx:beforeSwap", (event) => {
  const part = event.detail.elt;
  if (isLive(part) && isUsed(part)) event.detail.shouldSwap = false;
});
// Who comes back sees at once how things are.
document.addEventListener("visibilitychange", () => {
  if (document.hidden) return;
  for (const part of document.querySelectorAll("[hx-trigger^=every]")) htmx.trigger(part, "seen");
});
