// The list of bubbles. Everything a person wrote goes in as text, never as markup.

import { card } from "./files.js";

const root = document.querySelector(".w");
const words = root.dataset;
const log = root.querySelector("[data-log]");
const welcome = log.querySelector("[data-welcome]");
const older = log.querySelector("[data-earlier]");
const settled = log.querySelector("[data-settled]");
const hour = new Intl.DateTimeFormat(words.language, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const day = new Intl.DateTimeFormat(words.language, { day: "numeric", month: "short" });

const nodes = new Map(); // key -> element
const items = new Map(); // key -> what the server said
const waiting = new Map(); // client_msg_id -> {post, word, failed}
let order = []; // keys of server items

function copy(name) {
  return document.querySelector(`template[data-${name}]`).content.firstElementChild.cloneNode(true);
}

export function clockOf(moment) {
  const at = new Date(moment);
  const today = at.toDateString() === new Date().toDateString();
  return today ? hour.format(at) : `${day.format(at)}, ${hour.format(at)}`;
}

let fetchFile = null;
/** Say how the bytes of a file are fetched. */
export function fetchFilesBy(fetcher) { fetchFile = fetcher; }

const keyOf = (item) => item.client_msg_id || item.id;

function bubble(mine, author, text) {
  const node = copy(mine ? "mine" : "theirs");
  node.querySelector(".sr").textContent = `${mine ? words.you : author || words.company}: `;
  node.querySelector("[data-text]").textContent = text;
  return node;
}

/** A message that is only a file shows the file; its text is the file's name. */
function message(item) {
  const node = bubble(item.mine, item.author, item.text);
  for (const file of item.files) node.querySelector(".wb").append(card(file, fetchFile));
  node.querySelector("[data-text]").hidden = item.files.length === 1 && item.files[0].name === item.text;
  return node;
}

function slip(item) {
  const node = copy("slip");
  node.querySelector("[data-title]").textContent = item.title;
  node.classList.toggle("undone", item.undone);
  const table = node.querySelector("tbody");
  for (const [what, much] of item.rows) {
    const row = table.insertRow();
    const head = document.createElement("th");
    head.scope = "row";
    head.textContent = what;
    row.append(head);
    row.insertCell().textContent = much;
  }
  return node;
}

function say(node, { at = null, word, seen = false, failed = false, hidden = false }) {
  const line = node.querySelector(".st");
  line.hidden = hidden;
  line.classList.toggle("failed", failed);
  line.querySelector("[data-at]").textContent = at ? clockOf(at) : "";
  line.querySelector("[data-word]").textContent = word;
  line.querySelector("svg").classList.toggle("gone", !at);
  line.classList.toggle("seen", seen);
}

function nodeFor(key) {
  if (!nodes.has(key)) {
    const item = items.get(key);
    if (!item) nodes.set(key, bubble(true, "", waiting.get(key).post.text));
    else nodes.set(key, item.kind === "slip" ? slip(item) : message(item));
  }
  return nodes.get(key);
}

function redraw(key) {
  nodes.get(key)?.remove();
  nodes.delete(key);
}

const atEnd = () => log.scrollHeight - log.scrollTop - log.clientHeight < 60;

const stands = (one, other) => items.get(one).place[0] - items.get(other).place[0] || items.get(one).place[1] - items.get(other).place[1];

/** Take what the server holds into the list; return the keys that were new. */
export function take(fetched) {
  for (const item of fetched) if (waiting.has(item.client_msg_id) && item.files?.length) redraw(item.client_msg_id);
  const fresh = fetched.map(keyOf).filter((key) => !items.has(key));
  for (const item of fetched) {
    if (item.kind === "slip" && items.get(item.id)?.undone !== item.undone) redraw(item.id);
    items.set(keyOf(item), item);
    waiting.delete(item.client_msg_id);
  }
  order = [...items.keys()].sort(stands);
  return fresh;
}

/** Note that the staff have read everything up to a number. */
export function readUpTo(seq) {
  for (const item of items.values()) if (item.mine && item.place[0] <= seq) item.read = true;
}

const messages = () => order.map((key) => items.get(key)).filter((item) => item.kind === "message");
export const has = (key) => items.has(key);
export const oldest = () => messages()[0];
/** The number up to which nothing is missing. */
export const newest = () => messages().at(-1)?.place[0] ?? 0;
export const answers = () => messages().filter((item) => !item.mine);

export function wait(post, word, { failed = false } = {}) {
  if (!items.has(post.client_msg_id)) waiting.set(post.client_msg_id, { post, word, failed });
}

/** Take away what waits to be sent. */
export function drop(key) {
  waiting.delete(key);
  redraw(key);
}

/** Put every node in its place; nodes that stand right are not touched, so nothing is read twice. */
export function draw({ earlier, solvedAt = null, stick = atEnd() }) {
  const height = log.scrollHeight;
  const top = log.scrollTop;
  const keys = [...order, ...waiting.keys()];
  older.hidden = !earlier;
  welcome.hidden = keys.length > 0;
  let spot = older.nextElementSibling;
  for (const key of keys) {
    const node = nodeFor(key);
    if (node === spot) spot = spot.nextElementSibling;
    else log.insertBefore(node, spot);
    describe(key, keys[keys.indexOf(key) + 1]);
  }
  settled.hidden = !solvedAt;
  if (solvedAt) settled.querySelector("[data-when]").textContent = words.resolved.replace("{time}", clockOf(solvedAt));
  if (stick === "top") log.scrollTop = top + log.scrollHeight - height;
  else if (stick) log.scrollTop = log.scrollHeight;
}

function describe(key, following) {
  const unsent = waiting.get(key);
  if (unsent) return say(nodes.get(key), { word: unsent.word, failed: unsent.failed });
  const item = items.get(key);
  if (item.kind !== "message" || !item.mine) return undefined;
  const after = items.get(following);
  const hidden = Boolean(after?.mine) && after.read === item.read; // one line for a run of messages
  return say(nodes.get(key), { at: item.at, word: item.read ? words.read : words.sent, seen: item.read, hidden });
}

export function clear() {
  for (const node of nodes.values()) node.remove();
  for (const map of [nodes, items, waiting]) map.clear();
  order = [];
}

older.querySelector("button").addEventListener("click", () => log.dispatchEvent(new CustomEvent("earlier")));
export { log };
