// Hints over the socket, truth over HTTP. Nothing on the screen is taken from an event.

import { io } from "../vendor/socket.io-client-4.8.4/socket.io.esm.min.js";
import { $, $$, word } from "../ui/page.js";
import { correct } from "../ui/sla.js";
import { lastSeq, refreshTimeline, ticketId } from "./timeline.js";

const HEARTBEAT = 25_000;
const PATIENCE = 8_000;
const MONEY = /^(refund|credit|plan|invoice|charge|payment|money|subscription|customer|reissue|duplicate|act)/;

const socket = io("/console", { transports: ["websocket"], autoConnect: false });
let queueTimer = 0;
let headerTimer = 0;
let panelTimer = 0;

/** Say, and show, whether changes arrive by themselves. */
function live(yes) {
  const banner = $("#not-live");
  if (banner) banner.hidden = yes;
  document.body.dataset.live = yes ? "yes" : "no";
}

/** Join the open conversation and catch up. Repeated as a heartbeat: a lost hint costs seconds. */
export function watch() {
  if (!socket.connected) return;
  const ticket = ticketId();
  if (!ticket) return live(true);
  socket.timeout(PATIENCE).emit("watch", { ticket_id: ticket, after_seq: lastSeq() }, (lost, answer) => {
    live(!lost);
    if (lost || ticketId() !== ticket) return;
    correct(answer?.now);
    if (answer?.ok && answer.events?.length) catchUp(answer.events);
  });
}

function catchUp(events) {
  refreshTimeline();
  refreshHeader();
  if (events.some((event) => MONEY.test(event.kind ?? ""))) refreshPanel();
}

/** Fetch every region again: after a gap, and when the person comes back. */
export function resync() {
  refreshQueue();
  if (!ticketId()) return;
  refreshTimeline();
  refreshHeader();
  refreshPanel();
  watch();
}

export function refreshHeader() {
  clearTimeout(headerTimer);
  headerTimer = setTimeout(() => {
    if ($("#conversation-header [popover]:popover-open")) return refreshHeader(); // not under the pointer
    swap(`/tickets/${ticketId()}/header`, "#conversation-header").then(() =>
      document.dispatchEvent(new CustomEvent("console:queue")));
  }, 250);
}

export function refreshPanel() {
  clearTimeout(panelTimer);
  panelTimer = setTimeout(async () => {
    const open = $$("#panel details[open]").map((line) => line.id);
    const top = $("#panel .scroll")?.scrollTop ?? 0;
    await swap(`/tickets/${ticketId()}/panel`, "#panel");
    for (const id of open) document.getElementById(id)?.setAttribute("open", "");
    const box = $("#panel .scroll");
    if (box) box.scrollTop = top;
  }, 250);
}

/** Nothing moves under the pointer or the focus: then new rows wait behind a button. */
export function refreshQueue({ now = false } = {}) {
  clearTimeout(queueTimer);
  queueTimer = setTimeout(async () => {
    const list = $("#queue-list");
    if (!list) return;
    const fresh = $("#queue-fresh");
    if (!now && list.matches(":hover, :focus-within")) {
      fresh.textContent = word("fresh");
      fresh.hidden = false;
      return;
    }
    const { viewName, channel } = $("#queue").dataset;
    const top = list.scrollTop;
    const current = $("#work")?.dataset.number ?? "";
    await swap(`/queue?${new URLSearchParams({ view: viewName, channel, current })}`, "#queue");
    $("#queue-list").scrollTop = top;
    document.dispatchEvent(new CustomEvent("console:queue"));
  }, now ? 0 : 400);
}

function swap(url, target) {
  if (!$(target)) return Promise.resolve();
  const focused = document.activeElement?.id;
  return window.htmx.ajax("GET", url, { target, swap: "outerHTML", source: target }).then(() => {
    if (focused && document.activeElement === document.body) document.getElementById(focused)?.focus();
  });
}

function showViewers({ ticket_id: ticket, viewers = [] }) {
  const place = $("#presence");
  if (ticket !== ticketId() || !place) return;
  const others = viewers.filter((viewer) => viewer.id !== document.body.dataset.agent);
  place.replaceChildren(
    ...others.map((viewer) => {
      const disc = document.createElement("span");
      disc.className = `av z24 ${viewer.tone ?? "a"}`;
      disc.textContent = viewer.initials ?? initials(viewer.name);
      return disc;
    }),
  );
  place.title = others.map((viewer) => viewer.name).join(", ");
  place.hidden = !others.length;
  showWriter(others.find((viewer) => viewer.writing));
}

/** Somebody else is writing: a banner, so that two answers do not leave. */
function showWriter(writer) {
  const place = $("#collision");
  if (!writer) return place.replaceChildren();
  if ($(".collide", place)) return undefined;
  const banner = document.createElement("div");
  banner.className = "banner collide";
  const text = document.createElement("span");
  text.className = "cut";
  text.textContent = word("writing", { name: writer.name });
  const mine = document.createElement("button");
  mine.type = "button";
  mine.className = "btn ghost xs end";
  mine.dataset.dismiss = "#collision";
  mine.textContent = word("answering");
  banner.append(text, mine);
  return place.replaceChildren(banner);
}

function initials(name) {
  const words = name.split(/\s+/);
  return (words[0][0] + (words.length > 1 ? words.at(-1)[0] : "")).toUpperCase();
}

function showTyping({ ticket_id: ticket, name, typing = true }) {
  const line = $("#typing");
  if (ticket !== ticketId() || !line) return;
  $("[data-typing]", line).textContent = word("typing", { name });
  line.hidden = !typing;
  clearTimeout(showTyping.timer);
  showTyping.timer = setTimeout(() => (line.hidden = true), 6000);
}

document.addEventListener("console:typing", () => {
  if (socket.connected) socket.emit("typing", { ticket_id: ticketId(), kind: "reply" });
});

let gap = false;
socket.on("connect", () => {
  live(true);
  if (gap) resync();
  else watch();
  gap = false;
});
socket.on("signed_out", () => location.assign("/login?reason=signed_out"));
socket.on("disconnect", () => {
  gap = true;
  live(false);
});
socket.on("connect_error", () => live(false));
socket.on("hint", ({ ticket, seq, kind = "" }) => {
  refreshQueue();
  if (ticket !== ticketId() || seq <= lastSeq()) return;
  refreshTimeline();
  refreshHeader();
  if (MONEY.test(kind)) refreshPanel();
});
socket.on("viewers", showViewers);
socket.on("typing", showTyping);

document.addEventListener("click", (event) => {
  if (event.target.closest("#queue-fresh")) refreshQueue({ now: true });
});
document.addEventListener("pointerout", (event) => {
  const list = event.target.closest?.("#queue-list");
  if (list && !list.contains(event.relatedTarget) && !$("#queue-fresh").hidden) refreshQueue();
});
document.addEventListener("visibilitychange", () => {
  if (document.visibilityState === "visible") resync();
});
setInterval(watch, HEARTBEAT);

export function start() {
  socket.connect();
}
