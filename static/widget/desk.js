// Painting the preview while a colour is chosen, copying the snippet, and trying a widget as a visitor would.

import { io } from "../vendor/socket.io-client-4.8.4/socket.io.esm.min.js";

const PATIENCE = 10_000;
const INKS = ["#FFFFFF", "#12161F"];
const ENOUGH = 4.5;

// ---- colours (WCAG 2.2, 1.4.3) ----

function luminance(colour) {
  const [red, green, blue] = [1, 3, 5].map((at) => {
    const share = parseInt(colour.slice(at, at + 2), 16) / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

function contrast(one, other) {
  const [low, high] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (high + 0.05) / (low + 0.05);
}

for (const swatch of document.querySelectorAll("[data-colour]")) swatch.style.background = swatch.dataset.colour;

const colour = document.querySelector("#colour");
const preview = document.querySelector("[data-preview]");

function paint() {
  const best = INKS.toSorted((one, other) => contrast(other, colour.value) - contrast(one, colour.value))[0];
  const ink = contrast(best, colour.value) >= ENOUGH ? best : "#000000"; // as helpdesk/widget/colours.py has it
  preview.style.setProperty("--painted", colour.value);
  preview.style.setProperty("--painted-ink", ink);
  const ratio = new Intl.NumberFormat(document.documentElement.lang, { maximumFractionDigits: 1 }).format(contrast(ink, colour.value));
  const line = document.querySelector("[data-contrast]");
  line.textContent = line.dataset.words.replace("{colour}", colour.value.toUpperCase()).replace("{ratio}", ratio);
}

function speak() {
  const language = document.documentElement.lang === "en" ? "en" : "pt_BR";
  for (const place of preview.querySelectorAll("[data-says]")) {
    place.dataset.ours ??= place.textContent;
    place.textContent = document.querySelector(`#${place.dataset.says}_${language}`).value.trim() || place.dataset.ours;
  }
}

if (preview) {
  colour.addEventListener("input", paint);
  preview.closest("form").addEventListener("input", speak);
  paint();
  speak();
}

// ---- the snippet ----

document.querySelector("[data-copy]")?.addEventListener("click", async ({ currentTarget: button }) => {
  const source = document.getElementById(button.dataset.copy);
  try {
    await navigator.clipboard.writeText(source.textContent);
  } catch { // no clipboard without https: what is selected can be copied by hand
    getSelection().selectAllChildren(source);
    return;
  }
  button.querySelector("span").textContent = button.dataset.done;
});

// ---- the test ----

const trial = document.querySelector("[data-trial]");
const results = document.querySelector("[data-results]");
const says = trial?.dataset;

function tell(good, words) {
  const line = document.createElement("li");
  line.className = good ? "good" : "bad";
  line.textContent = words;
  results.append(line);
}

const fill = (words, values) => words.replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");

async function fetched(address) {
  try {
    const answer = await fetch(address, { signal: AbortSignal.timeout(PATIENCE), cache: "no-store" });
    return { answer, why: answer.ok ? "" : `HTTP ${answer.status}` };
  } catch (fault) {
    return { answer: null, why: fault.name === "TimeoutError" ? says.saysSilence : fault.message };
  }
}

async function tryScript() {
  const home = new URL(says.script).origin;
  if (home !== location.origin) tell(false, fill(says.saysOtherHome, { here: location.origin, there: home }));
  const { why } = await fetched(new URL(says.script).pathname + new URL(says.script).search);
  tell(!why, why ? fill(says.saysScriptBad, { address: says.script, why }) : says.saysScriptOk);
}

/** Read from the window's own header who may frame it: what a browser will obey. */
async function tryOrigin(page) {
  const { answer, why } = await fetched(`/chat/frame?${new URLSearchParams({ key: says.key })}`);
  if (why) return tell(false, fill(says.saysFrameBad, { why }));
  const rule = (answer.headers.get("Content-Security-Policy") ?? "").split("; ").find((one) => one.startsWith("frame-ancestors ")) ?? "";
  const allowed = rule.split(" ").slice(1).map((one) => (one === "'self'" ? location.origin : one));
  const site = page.origin;
  return allowed.includes(site) ? tell(true, fill(says.saysOriginOk, { site })) : tell(false, fill(says.saysOriginBad, { site }));
}

function trySocket() {
  const secret = btoa(String.fromCharCode(...crypto.getRandomValues(new Uint8Array(32)))).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
  return new Promise((resolve) => {
    const socket = io("/chat", { transports: ["websocket"], auth: { secret }, forceNew: true, reconnection: false, timeout: PATIENCE });
    const end = (good, words) => {
      clearTimeout(late);
      socket.disconnect();
      tell(good, words);
      resolve();
    };
    const late = setTimeout(() => end(false, fill(says.saysSocketBad, { why: says.saysSilence })), PATIENCE);
    socket.on("connect", () => end(true, says.saysSocketOk));
    socket.on("connect_error", (fault) => end(false, fill(says.saysSocketBad, { why: fault.message })));
  });
}

trial?.addEventListener("submit", async (event) => {
  event.preventDefault();
  results.replaceChildren();
  const typed = trial.querySelector("input").value.trim();
  if (!/^https?:\/\//.test(typed) || !URL.canParse(typed)) return tell(false, says.saysNoPage);
  trial.setAttribute("aria-busy", "true");
  if (says.on === "no") tell(false, says.saysOff);
  await tryScript();
  await tryOrigin(new URL(typed));
  await trySocket();
  return trial.removeAttribute("aria-busy");
});
