// Toasts for the eye, the announcer for the ear.

import { $ } from "./page.js";

/** A short message at the top of the conversation: 6 s, longer while it is read. */
export function toast(text) {
  const place = $("#toasts");
  if (!place || !text) return;
  const box = document.createElement("div");
  box.className = "toast";
  box.textContent = text;
  place.append(box);
  const leave = () => (box.matches(":hover, :focus-within") ? setTimeout(leave, 1000) : box.remove());
  setTimeout(leave, 6000);
}

/** Say it to a screen reader without moving anything on the screen. */
export function announce(text) {
  const place = $("#announcer");
  if (!place) return;
  place.textContent = "";
  requestAnimationFrame(() => (place.textContent = text));
}
