// What is quicker with a script. Nothing here is needed: each page works without.
"use strict";

// Buttons that need a script show themselves only where there is one.
function wake(root) {
  const awake = navigator.clipboard ? "[data-copy], [data-peek]" : "[data-peek]";
  for (const button of root.querySelectorAll(awake)) button.hidden = false;
}

document.addEventListener("click", (event) => {
  const copy = event.target.closest("[data-copy]");
  if (copy) {
    const from = copy.dataset.copy ? document.getElementById(copy.dataset.copy) : copy.previousElementSibling;
    navigator.clipboard.writeText(from.textContent.trim()).then(() => {
      copy.classList.add("done");
      setTimeout(() => copy.classList.remove("done"), 1500);
    });
  }
  const peek = event.target.closest("[data-peek]");
  if (peek) {
    const input = peek.parentElement.querySelector("input");
    const shown = input.type === "text";
    input.type = shown ? "password" : "text";
    peek.setAttribute("aria-pressed", String(!shown));
  }
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (!menu.contains(event.target)) menu.open = false;
  }
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    menu.open = false;
    menu.querySelector("summary").focus();
  }
});

// A part that names a stream of news is told of each, and asks for itself
// again. Where the stream is refused it is told every second. A page that
// nobody looks at holds no stream.
let stream, poll;
function follow() {
  stream?.close();
  clearInterval(poll);
  const part = document.querySelector("[data-news]");
  if (!part || document.hidden) return;
  const tell = () => document.querySelector("[data-news]")?.dispatchEvent(new Event("news"));
  stream = new EventSource(part.dataset.news);
  stream.onmessage = tell;
  stream.onerror = () => {
    if (stream.readyState === EventSource.CLOSED) poll = setInterval(tell, 1000);
  };
}

// Where the chosen entry of a menu or of tabs is out of sight, its list is moved and
// never the page: once, as somebody may move it elsewhere, and when it is laid out anew.
const seen = new WeakSet();
function showChosen(anew) {
  for (const entry of document.querySelectorAll(".side [aria-current], .tabs [aria-current]")) {
    if (!anew && seen.has(entry)) continue;
    seen.add(entry);
    const list = entry.closest(".side, .tabs");
    const of = list.getBoundingClientRect(), is = entry.getBoundingClientRect();
    list.scrollTop += Math.max(0, is.bottom - of.bottom) + Math.min(0, is.top - of.top);
    list.scrollLeft += Math.max(0, is.right - of.right) + Math.min(0, is.left - of.left);
  }
}
document.addEventListener("toggle", (event) => { if (event.target.matches(".side")) showChosen(true); }, true);
matchMedia("(max-width: 900px)").addEventListener("change", () => showChosen(true)); // as when a tablet is turned

document.addEventListener("visibilitychange", follow);
follow();
wake(document);
showChosen();
document.addEventListener("htmx:after:swap", () => { wake(document); showChosen(); });
