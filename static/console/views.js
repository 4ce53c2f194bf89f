// Which conversation, which view, what is open over it.

import { $, $$, word } from "../ui/page.js";
import { composer } from "./composer.js";
import { toEnd } from "./timeline.js";

const shell = () => $("#shell");
const small = matchMedia("(max-width: 819px)");
let opener = null;
let readsOn = false; // whoever goes on by key reads next what has come, wherever the focus stood
let skeletonTimer = 0;

export function show(view) {
  shell().dataset.view = view;
  landmarks();
}

/** On a small screen the queue is the page's main part while the conversation is away. */
function landmarks() {
  const alone = small.matches && shell().dataset.view === "queue";
  $("#queue")?.setAttribute("role", alone ? "main" : "complementary");
}

/** Open the next or previous row of the queue, in the order it is shown. */
export function move(step, { toTimeline = false } = {}) {
  const rows = $$("#queue .q-row");
  const number = $("#work").dataset.number;
  const at = rows.findIndex((row) => row.dataset.number === number);
  const next = rows[at < 0 ? 0 : at + step];
  if (!next) return;
  readsOn = toTimeline;
  next.click();
  next.scrollIntoView({ block: "nearest" });
}

export function toggleQueue(open = shell().dataset.queue !== "open") {
  if (small.matches) return show("queue");
  shell().dataset.queue = open ? "open" : "";
  if (!open && $("#queue").contains(document.activeElement)) $("[data-queue-open]")?.focus();
  if (open) $("#queue .q-row[aria-current], #queue .q-row")?.focus();
  return undefined;
}

export function markCurrent() {
  landmarks();
  const number = $("#work")?.dataset.number;
  const rows = $$("#queue .q-row");
  for (const row of rows) {
    if (row.dataset.number === number) row.setAttribute("aria-current", "true");
    else row.removeAttribute("aria-current");
  }
  sayPlace(rows, number);
}

/** Where the queue itself is away, the header says how long it is, what is late, and our place in it. */
function sayPlace(rows, number) {
  const queue = $("#queue");
  const place = rows.findIndex((row) => row.dataset.number === number) + 1;
  const late = Number($(".q-group.late .num", queue ?? document.createElement("p"))?.textContent ?? 0);
  const texts = {
    total: queue ? word("lineTotal", { total: queue.dataset.total }) : "",
    place: place ? word("linePlace", { place, total: queue.dataset.total }) : "",
    late: late ? word(late === 1 ? "pastDueOne" : "pastDue", { n: late }) : "",
  };
  for (const [name, text] of Object.entries(texts)) {
    const spot = $(`[data-queue-${name}]`);
    if (!spot) continue;
    if (text || name !== "total") spot.textContent = text;
    if (name === "late") spot.hidden = !text;
  }
}

export function closeDrawer() {
  const slot = $("#drawer");
  if (!slot?.firstElementChild) return false;
  slot.replaceChildren();
  (opener?.isConnected ? opener : document.getElementById(opener?.id) ?? $("#panel .scroll"))?.focus();
  opener = null;
  return true;
}

function openSheet() {
  show("money");
  $("#panel").setAttribute("role", "dialog");
  $("#panel").setAttribute("aria-modal", "true");
  $("#panel").setAttribute("aria-labelledby", "sheet-title");
  $("#conversation").inert = true;
  $("#sheet-title").focus();
}

function closeSheet() {
  if (shell().dataset.view !== "money") return false;
  show("conversation");
  for (const name of ["role", "aria-modal", "aria-labelledby"]) $("#panel").removeAttribute(name);
  $("#conversation").inert = false;
  $("[data-sheet]")?.focus();
  return true;
}

/** Close what lies on top; say whether there was anything. */
export function closeTop() {
  if (closeDrawer() || closeSheet()) return true;
  if (shell().dataset.queue === "open") {
    toggleQueue(false);
    return true;
  }
  return false;
}

export function backToText() {
  const form = composer();
  if (form) form.elements[form.dataset.kind].focus();
}

/** A slow answer gets a skeleton in the real layout, never an amount of zero. `before` is what it replaces. */
function skeleton(before) {
  if ($("#work") !== before) return; // the answer was faster
  for (const [region, template] of [["#conversation", "#skeleton-conversation"], ["#panel", "#skeleton-panel"]]) {
    const place = $(region);
    if (place && $(template)) place.replaceChildren($(template).content.cloneNode(true));
  }
}

export function arrived() {
  clearTimeout(skeletonTimer);
  const { title, ticket } = $("#work").dataset;
  if (title) document.title = title;
  markCurrent();
  toggleQueueOff();
  show(ticket ? "conversation" : "queue");
  toEnd();
  if (readsOn) $("#timeline")?.focus({ preventScroll: true });
  readsOn = false;
}

function toggleQueueOff() {
  shell().dataset.queue = "";
}

function light(amount, on) {
  for (const lit of $$("#panel .inv.lit")) lit.classList.remove("lit");
  const charge = document.getElementById(`charge-${amount.dataset.charge}`);
  (charge?.matches(".inv") ? charge : $(".inv", charge ?? document.createElement("p")))?.classList.toggle("lit", on);
  return charge;
}

document.addEventListener("click", (event) => {
  if (event.target.closest("[data-drawer-close]")) closeDrawer();
  if (event.target.closest("[data-sheet]")) openSheet();
  if (event.target.closest("[data-sheet-close], #dim")) closeSheet();
  if (event.target.closest("[data-queue-open]")) toggleQueue();
  const mover = event.target.closest("[data-move]");
  if (mover) move(Number(mover.dataset.move));
  const drawer = event.target.closest("[data-drawer]");
  if (drawer) opener = drawer;
  if (event.target.closest("[data-back]") && small.matches) {
    event.preventDefault();
    show("queue");
    history.replaceState(null, "", "/inbox");
  }
  const row = event.target.closest(".q-row");
  if (row && !event.ctrlKey && !event.metaKey) {
    clearTimeout(skeletonTimer);
    skeletonTimer = setTimeout(skeleton, 150, $("#work"));
    if (row.dataset.number === $("#work").dataset.number && small.matches) show("conversation");
  }
  const amount = event.target.closest(".amt");
  if (amount) {
    const charge = light(amount, true);
    if (charge?.matches("details")) charge.open = true;
    if (small.matches) openSheet();
    charge?.scrollIntoView({ block: "nearest" });
  }
});
for (const [name, on] of [["pointerover", true], ["pointerout", false], ["focusin", true], ["focusout", false]]) {
  document.addEventListener(name, (event) => {
    const amount = event.target.closest?.(".amt");
    if (amount) light(amount, on);
  });
}

small.addEventListener("change", () => {
  if (!small.matches) closeSheet();
  landmarks();
});
