// Money drawers: one click sends once, a result follows the server, choices fill what depends on them.

import { $ } from "../ui/page.js";
import { announce } from "../ui/say.js";

let timer = 0;
let focused = "";

const buttonsOf = (form) => [...form.elements].filter((element) => element.matches("button"));

/** The first submit goes out; until its answer is here the button stays, and does nothing. */
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (!form.matches?.("form[data-once]")) return;
  const changed = $("#money-again[data-dirty]");
  if (form.dataset.sent || changed) {
    event.preventDefault();
    event.stopImmediatePropagation();
    // What is typed was not previewed yet: show what it would do first.
    if (changed) changed.dispatchEvent(new Event("change", { bubbles: true }));
    return;
  }
  form.dataset.sent = "yes";
  for (const button of buttonsOf(form)) button.setAttribute("aria-disabled", "true");
}, true);

document.addEventListener("click", (event) => {
  const button = event.target.closest?.("button[data-once]");
  if (!button) return;
  if (button.getAttribute("aria-disabled")) {
    event.preventDefault();
    event.stopImmediatePropagation();
  }
  for (const one of button.form.querySelectorAll("button[data-once]")) one.setAttribute("aria-disabled", "true");
}, true);

/** No answer came at all: the same key may be sent again, and does nothing twice. */
document.addEventListener("htmx:error", () => {
  for (const form of document.querySelectorAll("form[data-once][data-sent]")) {
    delete form.dataset.sent;
    for (const button of buttonsOf(form)) button.removeAttribute("aria-disabled");
  }
  for (const button of document.querySelectorAll("button[data-once]")) button.removeAttribute("aria-disabled");
});

document.addEventListener("input", (event) => {
  const again = event.target.closest?.("#money-again");
  if (again) again.dataset.dirty = "yes";
});

document.addEventListener("change", (event) => {
  const choice = event.target;
  if (!choice.closest?.("#money-choose")) return;
  const { amount, invoice } = choice.dataset;
  if (amount !== undefined && $("#money-amount")) $("#money-amount").value = amount;
  if (invoice !== undefined && $("#money-choose [data-follows]")) $("#money-choose [data-follows]").value = invoice;
});

/** Fetch what the server shows now, as elements; null where it does not answer. */
async function fetched(url) {
  const headers = { "HX-Request": "true", "HX-Request-Type": "partial" };
  const answer = await fetch(url, { headers, credentials: "same-origin" }).catch(() => null);
  return answer?.ok ? document.createRange().createContextualFragment(await answer.text()) : null;
}

function put(fresh, old) {
  old.replaceWith(fresh);
  window.htmx.process(fresh);
}

/** A result that is not final asks again: on every hint about money, and as a pulse. */
function follow() {
  clearTimeout(timer);
  const drawer = $("[data-money-drawer][data-refresh]");
  if (drawer) timer = setTimeout(refresh, Number(drawer.dataset.every) * 1000);
}

async function refresh() {
  const drawer = $("[data-money-drawer][data-refresh]");
  if (!drawer) return;
  const fresh = (await fetched(drawer.dataset.refresh))?.querySelector("[data-money-drawer]");
  if (fresh && drawer.isConnected && fresh.dataset.state !== drawer.dataset.state) {
    const before = document.activeElement;
    const inside = drawer.contains(before);
    put(fresh, drawer);
    if (inside) (document.getElementById(before.id) ?? $("#drawer-title"))?.focus();
    announce($("#money-outcome")?.textContent.trim() ?? "");
  }
  follow();
}

document.addEventListener("htmx:before:swap", () => {
  focused = $("#drawer")?.contains(document.activeElement) ? document.activeElement.id : "";
});

document.addEventListener("htmx:after:swap", (event) => {
  const target = event.detail?.ctx?.target;
  if (target?.id === "drawer" && focused) document.getElementById(focused)?.focus();
  if (target?.id === "panel") refresh(); // the console heard that money moved
  else if (target?.id === "drawer") follow();
});

follow();
