// The live part of a page: told by a stream of events, asked for every few seconds where there is none,
// and left alone while somebody uses it.
"use strict";
(() => {
  const FIRST_MS = 6000; // until a stream's first word: otherwise a proxy holds it back
  const SILENT_MS = 40000; // a stream says something every 15 s
  const STEADY_MS = 30000; // one that has lasted so long was no failure
  const LEAST_MS = 1000;
  const MOST_MS = 60000;

  let source = null;
  let isTold = false; // the stream speaks: what is asked for now is older than what it tells
  let openedAt = 0;
  let failures = 0;
  let patience = 0;
  let retry = 0;
  let held = null; // what the stream told last, until nobody uses the part any more

  const livePart = () => document.querySelector("[data-live]");
  const isLive = (part) => part.hasAttribute("data-live");

  function isUsed(part) {
    const selection = document.getSelection();
    const isSelected = selection && !selection.isCollapsed && selection.containsNode(part, true);
    const isTyped = (field) => "defaultValue" in field && field.type !== "hidden" && field.value !== field.defaultValue;
    return part.contains(document.activeElement) || isSelected
      || part.querySelector("input:checked, details[open]") !== null
      || [...part.querySelectorAll("input, textarea")].some(isTyped);
  }

  function putIn(html) {
    const part = livePart();
    htmx.swap(part, html, { swapStyle: part.getAttribute("hx-swap"), swapDelay: 0, settleDelay: 0 });
    if (!livePart()) close(); // it came to its end
  }

  function whenUnused(act) {
    const part = livePart();
    if (!part) return;
    if (isUsed(part)) held = act;
    else {
      held = null;
      act();
    }
  }
  setInterval(() => { if (held) whenUnused(held); }, 500);

  function open() {
    close();
    const part = livePart();
    if (!part || document.hidden) return;
    openedAt = Date.now();
    source = new EventSource(part.dataset.live);
    expect(FIRST_MS);
    on("beat", () => {});
    on("part", (event) => whenUnused(() => putIn(event.data)));
    on("again", () => whenUnused(() => location.reload()));
    on("over", () => {
      fail();
      askNow(); // the answer leads to where one signs in, if that is why
    });
    source.onerror = fail;
  }
  function on(word, act) {
    source.addEventListener(word, (event) => {
      isTold = true;
      document.body.dataset.stream = "told";
      expect(SILENT_MS);
      act(event);
    });
  }
  function expect(withinMs) {
    clearTimeout(patience);
    patience = setTimeout(fail, withinMs);
  }
  function close() {
    clearTimeout(patience);
    clearTimeout(retry);
    if (source) source.close();
    source = null;
    isTold = false;
    held = null;
    document.body.dataset.stream = "asked";
  }
  // Later each time, and not at the same moment as everybody else.
  function fail() {
    const hasLasted = isTold && Date.now() - openedAt > STEADY_MS;
    failures = hasLasted ? 1 : failures + 1;
    close();
    const mostMs = Math.min(LEAST_MS * 2 ** failures, MOST_MS);
    retry = setTimeout(open, mostMs * (0.5 + Math.random() / 2));
  }

  function askNow() {
    const part = livePart();
    if (part) htmx.trigger(part, "seen");
  }
  document.addEventListener("htmx:beforeRequest", (event) => {
    const part = event.detail.elt;
    if (!isLive(part)) return;
    const isByTime = !event.detail.requestConfig.triggeringEvent;
    if (document.hidden || isUsed(part) || (isTold && isByTime)) event.preventDefault();
  });
  document.addEventListener("htmx:beforeSwap", (event) => {
    const part = event.detail.elt;
    if (isLive(part) && (isTold || isUsed(part))) event.detail.shouldSwap = false;
  });

  // Who comes back sees at once how things are.
  function seen() {
    failures = 0;
    open();
    askNow();
  }
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) close();
    else seen();
  });
  window.addEventListener("pagehide", close);
  window.addEventListener("pageshow", (event) => { if (event.persisted) seen(); });
  open();
})();
