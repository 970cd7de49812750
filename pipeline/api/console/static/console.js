// Copying to the clipboard, selecting all, and keeping live lists as they were left.
"use strict";

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

// A live part is left alone while it is hidden, or somebody selects or reads with the keyboard in it.
document.addEventListener("htmx:beforeRequest", (event) => {
  const part = event.detail.elt;
  const isUsed = part.contains(document.activeElement) || part.querySelector("input:checked, details[open]");
  if (document.hidden || isUsed) event.preventDefault();
});
