// The timeline: fetch what is new, put each item in its place, keep the reader's place.

import { $, $$, post, word } from "../ui/page.js";
import { announce } from "../ui/say.js";

let running = null;
let again = false;
let unseen = 0;

export const lastSeq = () => Number($("#timeline-items")?.dataset.lastSeq ?? 0);
export const ticketId = () => $("#work")?.dataset.ticket ?? "";

/** Fetch everything after what is shown. Calls that overlap become one more fetch. */
export function refreshTimeline() {
  if (!ticketId()) return Promise.resolve();
  if (running) {
    again = true;
    return running;
  }
  running = fetchNew().finally(() => {
    running = null;
    if (again) {
      again = false;
      refreshTimeline();
    }
  });
  return running;
}

async function fetchNew() {
  const ticket = ticketId();
  const answer = await fetch(`/tickets/${ticket}/timeline?after=${lastSeq()}`, {
    credentials: "same-origin",
    headers: { "HX-Request": "true", "HX-Request-Type": "partial" },
  });
  if (answer.ok && ticketId() === ticket) merge(await answer.text());
}

/** Put rendered items on the page: the same id is replaced, a new one goes where its seq says. */
export function merge(html) {
  const list = $("#timeline-items");
  const page = new DOMParser().parseFromString(html, "text/html");
  const arrived = $("#timeline-items", page);
  if (!list || !arrived) return;
  const following = atEnd();
  const inbound = [];
  let added = 0;
  for (const item of [...arrived.children]) {
    const shown = item.id && document.getElementById(item.id);
    if (shown) {
      if (shown.outerHTML !== item.outerHTML) shown.replaceWith(item);
      else continue;
    } else {
      place(list, item);
      if (item.dataset.seq) added += 1;
      if (item.dataset.direction === "in") inbound.push(item);
    }
    window.htmx.process(item);
  }
  list.dataset.lastSeq = String(Math.max(lastSeq(), Number(arrived.dataset.lastSeq)));
  if (following) toEnd();
  else offer(added);
  speak(inbound);
}

function place(list, item) {
  const seq = Number(item.dataset.seq ?? Infinity);
  const later = $$("[data-seq]", list).find((other) => Number(other.dataset.seq) > seq);
  // A day line belongs directly before the first item of its day.
  list.insertBefore(item, later ?? null);
}

function atEnd() {
  const box = $("#timeline");
  return box.scrollHeight - box.scrollTop - box.clientHeight < 48;
}

export function toEnd() {
  const box = $("#timeline");
  if (box) box.scrollTop = box.scrollHeight;
  unseen = 0;
  const pill = $("#newer");
  if (pill) pill.hidden = true;
  markRead();
}

/** What was on the screen of somebody who was there to see it is read. */
function markRead() {
  const list = $("#timeline-items");
  const seq = lastSeq();
  if (!list || document.visibilityState !== "visible" || Number(list.dataset.readSeq ?? -1) >= seq) return;
  list.dataset.readSeq = String(seq);
  post(`/tickets/${ticketId()}/read`, { seq });
}

function offer(count) {
  if (!count) return;
  unseen += count;
  const pill = $("#newer");
  pill.textContent = unseen === 1 ? word("newItemsOne") : word("newItems", { n: unseen });
  pill.hidden = false;
}

let waiting = [];
let timer = 0;

/** Inbound only, and one sentence when more than three arrive within two seconds. */
function speak(items) {
  waiting.push(...items.map((item) => `${item.dataset.say}: ${$(".bub", item).textContent.trim()}`));
  if (!waiting.length || timer) return;
  timer = setTimeout(() => {
    announce(waiting.length > 3 ? word("batch", { n: waiting.length }) : waiting.join(". "));
    waiting = [];
    timer = 0;
  }, 2000);
}

document.addEventListener("click", (event) => {
  if (event.target.closest("#newer")) toEnd();
});
document.addEventListener(
  "scroll",
  (event) => {
    if (event.target.id === "timeline" && atEnd()) toEnd();
  },
  true,
);
