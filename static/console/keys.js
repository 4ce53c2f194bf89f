// Hands on keys. Single keys act outside text fields only and can be turned off.

import { $, $$, enterMenu } from "../ui/page.js";
import { choose, chooseNth, composer, reply, send } from "./composer.js";
import { backToText, closeTop, move, toggleQueue } from "./views.js";

const PREFIX_WINDOW = 1500;
let prefix = "";
let prefixTimer = 0;

const press = (selector) => {
  const found = $$(selector).find((element) => element.offsetParent !== null && !element.disabled);
  found?.click();
  enterMenu(found?.popoverTargetElement); // at once: what is typed next is meant for it
  return Boolean(found);
};

const SINGLE = {
  j: () => move(1, { toTimeline: true }),
  k: () => move(-1, { toTimeline: true }),
  r: () => reply(),
  n: () => choose("note"),
  e: () => press("#act-resolve"),
  z: () => press("#act-snooze"),
  a: () => press("#act-assign"),
  t: () => press("#act-tag"),
  q: () => toggleQueue(),
  o: () => press('[data-key="O"]'),
  "?": () => $("#keys").showModal(),
};

// Money always takes two keys, and opens a preview only.
const AFTER = {
  b: (key) => press(`[data-money="${key.toUpperCase()}"]`),
  g: (key) => press(`[data-go="${key.toUpperCase()}"]`),
};

function inText(element) {
  return element.closest?.("input:not([type=checkbox]):not([type=radio]), textarea, select, [contenteditable]");
}

const singlesOn = () => localStorage.getItem("single-keys") !== "off";

function onKey(event) {
  if (event.defaultPrevented || event.isComposing) return;
  const command = event.ctrlKey || event.metaKey;
  const dialog = $("dialog[open]");
  if (command && event.key.toLowerCase() === "k") return act(event, () => (dialog?.id === "palette" ? dialog.close() : $("#palette").showModal()));
  if (dialog) return undefined;
  if (command && event.key === "Enter") return act(event, confirm);
  if (event.key === "F6") return act(event, () => region(event.shiftKey ? -1 : 1));
  if (event.altKey && /^Digit[1-5]$/.test(event.code)) return act(event, () => chooseNth(Number(event.code.at(-1))));
  if (event.key === "Escape") return $("[popover]:popover-open") ? undefined : act(event, () => closeTop() || (inText(event.target) ? $("#timeline").focus() : backToText()));
  if (command || event.altKey) return undefined;
  if (inText(event.target)) return insideComposer(event);
  if (!singlesOn()) return undefined;
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  if (prefix) {
    const take = AFTER[prefix];
    setPrefix("");
    return act(event, () => take(key));
  }
  if (AFTER[key]) return act(event, () => setPrefix(key));
  return SINGLE[key] ? act(event, SINGLE[key]) : undefined;
}

/** `/` and `$` open their lists where they cannot be meant as text: at the start of a reply. */
function insideComposer(event) {
  const field = event.target;
  if (field.id !== "body-reply" || !/(^|\s)$/.test(field.value.slice(0, field.selectionStart))) return;
  const tool = { "/": "#tool-macros", $: "#tool-facts" }[event.key];
  if (tool && $(tool)) act(event, () => press(tool));
}

function act(event, what) {
  event.preventDefault();
  what();
}

function setPrefix(key) {
  prefix = key;
  clearTimeout(prefixTimer);
  if (key) prefixTimer = setTimeout(() => (prefix = ""), PREFIX_WINDOW);
}

/** Ctrl Enter: the drawer's main button when the focus is in the drawer, else send. */
function confirm() {
  const drawer = $("#drawer > *");
  if (drawer && (drawer.contains(document.activeElement) || !composer()?.contains(document.activeElement))) {
    $$("#drawer footer .btn.pay, #drawer footer .btn.primary").at(-1)?.click();
  } else if (composer()?.contains(document.activeElement)) send();
}

function region(step) {
  const stops = ["#queue-list", "#timeline", "#composer textarea", "#drawer .body, #drawer > *", "#panel .scroll"]
    .map((selector) => $$(selector).find((element) => element.offsetParent !== null))
    .filter(Boolean);
  const at = stops.findIndex((stop) => stop.contains(document.activeElement) || stop.parentElement.contains(document.activeElement));
  stops[(at + step + stops.length) % stops.length]?.focus();
}

document.addEventListener("keydown", onKey);
document.addEventListener("change", (event) => {
  if (event.target.id === "single-keys") localStorage.setItem("single-keys", event.target.checked ? "on" : "off");
});
const box = $("#single-keys");
if (box) box.checked = singlesOn();
