// One timer for every clock on the page. Reads data-due (ms) and corrects by the server's time.

import { $, $$, word } from "./page.js";

const MINUS = "\u2212";
let ahead = 0; // server minus browser, ms

/** Learn the server's time: from the page, later from socket acknowledgements. */
export function correct(serverNow) {
  if (Number.isFinite(serverNow)) ahead = serverNow - Date.now();
}

export function now() {
  return Date.now() + ahead;
}

/** Agrees with Formats.countdown in helpdesk/web/formats.py. */
export function countdown(due) {
  const left = Math.trunc((due - now()) / 1000);
  const lead = left < 0 ? MINUS : "";
  const size = Math.abs(left);
  const hours = Math.trunc(size / 3600);
  const two = (n) => String(n).padStart(2, "0");
  if (hours >= 48) return lead + word("days", { d: Math.trunc(hours / 24), h: hours % 24 });
  if (hours) return lead + word("hours", { h: hours, m: two(Math.trunc(size / 60) % 60) });
  return `${lead}${two(Math.trunc(size / 60))}:${two(size % 60)}`;
}

export function tick() {
  for (const chip of $$(".sla[data-due]")) {
    const due = Number(chip.dataset.due);
    const target = Number(chip.dataset.target) * 1000;
    const left = due - now();
    const share = target ? Math.min(1, Math.max(0, left / target)) : 0.7;
    chip.style.setProperty("--p", share.toFixed(3));
    const state = left < 0 ? "late" : target && left <= target / 4 ? "soon" : "";
    turn(chip, state);
    const text = countdown(due);
    const place = $("[data-left]", chip);
    if (place.textContent !== text) place.textContent = text;
  }
}

function turn(chip, state) {
  const before = chip.classList.contains("late") ? "late" : chip.classList.contains("soon") ? "soon" : "";
  if (before === state) return;
  chip.classList.toggle("late", state === "late");
  chip.classList.toggle("soon", state === "soon");
  // Only the open conversation speaks, at soon and at late.
  if (state && chip.closest("#conversation-header .facts")) chip.dispatchEvent(new CustomEvent("sla:turn", { bubbles: true, detail: state }));
}

correct(Number(document.body.dataset.now));
tick();
setInterval(tick, 1000);
document.addEventListener("htmx:after:swap", tick);
