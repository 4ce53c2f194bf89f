// The list of requests follows the server by itself. What somebody reads or writes stays put.

import { io } from "../vendor/socket.io-client-4.8.4/socket.io.esm.min.js";
import { $ } from "../ui/page.js";

const SAFETY_NET = 30_000; // a lost hint costs this long

const socket = io("/console", { transports: ["websocket"] });
let timer = 0;

function live(yes) {
  document.body.dataset.live = yes ? "yes" : "no";
}

function refresh() {
  clearTimeout(timer);
  timer = setTimeout(async () => {
    const answer = await fetch(location.href, { headers: { "HX-Request": "true" }, credentials: "same-origin" });
    if (!answer.ok) return;
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    take(fresh, ".appr-list");
    if (!$("#approval form")) take(fresh, "#approval");
  }, 250);
}

function take(fresh, selector) {
  const now = $(selector, $("#approvals"));
  const next = fresh.querySelector(selector);
  if (!now || !next || now.outerHTML === next.outerHTML) return;
  const path = document.activeElement?.closest?.(".appr-row")?.getAttribute("href");
  now.replaceWith(next);
  window.htmx.process(next);
  if (path) next.querySelector(`a[href="${CSS.escape(path)}"]`)?.focus();
}

socket.on("connect", () => { live(true); refresh(); });
socket.on("disconnect", () => live(false));
socket.on("connect_error", () => live(false));
socket.on("hint", ({ kind = "" }) => { if (kind.startsWith("money.")) refresh(); });
setInterval(refresh, SAFETY_NET);
document.addEventListener("visibilitychange", () => { if (document.visibilityState === "visible") refresh(); });
