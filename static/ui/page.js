// Every page: theme, menus that close after use, dialogs, and what htmx may not leave silent.

export const $ = (selector, within = document) => within.querySelector(selector);
export const $$ = (selector, within = document) => [...within.querySelectorAll(selector)];

export function csrf() {
  return $('meta[name="csrf"]')?.content ?? "";
}

/** POST a form's worth of values. Resolves to the Response, also for refusals. */
export function post(url, values) {
  const body = values instanceof FormData ? values : new URLSearchParams(values);
  return fetch(url, {
    method: "POST",
    body,
    credentials: "same-origin",
    headers: { "X-CSRF-Token": csrf(), "HX-Request": "true", "HX-Request-Type": "partial" },
  });
}

/** Read a text that the server translated: <template id="words" data-…>. */
export function word(name, values = {}) {
  const text = $("#words")?.dataset[name] ?? "";
  return text.replace(/\{(\w+)\}/g, (whole, key) => values[key] ?? whole);
}

function toggleTheme(button) {
  const root = document.documentElement;
  const shown = root.dataset.theme ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
  const theme = shown === "dark" ? "light" : "dark";
  root.dataset.theme = theme;
  button.value = shown;
  post("/preferences/theme", { theme });
}

/** A menu takes the focus when it opens; the browser gives it back to where it was when it closes. */
export function enterMenu(menu) {
  if (!menu?.matches(".menu:popover-open") || menu.contains(document.activeElement)) return;
  ($("[data-first]", menu) ?? $("a, button", menu))?.focus();
}

document.addEventListener("toggle", (event) => enterMenu(event.target), true);

document.addEventListener("keydown", (event) => {
  const menu = event.target.closest?.(".menu:popover-open");
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!menu || !step) return;
  const items = $$("a, button, input:not([type=hidden])", menu).filter((item) => item.offsetParent !== null);
  items.at((items.indexOf(document.activeElement) + step) % items.length)?.focus();
  event.preventDefault();
});

document.addEventListener("submit", (event) => {
  if (!event.target.matches("[data-theme-toggle]")) return;
  event.preventDefault();
  toggleTheme($("button", event.target));
});

document.addEventListener("click", (event) => {
  const opener = event.target.closest("[data-open]");
  if (opener) {
    opener.closest("[popover]")?.hidePopover();
    $(`#${opener.dataset.open}`)?.showModal();
  }
  if (event.target.closest("[data-close]")) event.target.closest("dialog")?.close();
  if (event.target instanceof HTMLDialogElement) event.target.close(); // a click on the backdrop
  const dismissed = event.target.closest("[data-dismiss]");
  if (dismissed) $(dismissed.dataset.dismiss)?.replaceChildren();
  const chosen = event.target.closest(".menu button, .menu a");
  if (chosen && !chosen.matches("[data-open], [popovertarget]")) {
    setTimeout(() => chosen.closest("[popover]")?.matches(":popover-open") && chosen.closest("[popover]").hidePopover());
  }
});
