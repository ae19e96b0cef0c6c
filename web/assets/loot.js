// What is quicker with a script. Nothing here is needed: each page works without.
"use strict";

// A copy button shows itself only where it can do its work.
function copyButtons(root) {
  if (!navigator.clipboard) return;
  for (const button of root.querySelectorAll("[data-copy]")) {
    button.hidden = false;
  }
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

copyButtons(document);
document.addEventListener("htmx:after:swap", () => copyButtons(document));
