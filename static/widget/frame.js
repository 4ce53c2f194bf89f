// The visitor's side of a chat. Every write is HTTP with an id of its own, so trying again
// never doubles; the socket only says "fetch". What is on the screen is what the server holds,
// and below it what it does not hold yet.

import { io } from "../vendor/socket.io-client-4.8.4/socket.io.esm.min.js";
import * as before from "./before.js";
import * as files from "./files.js";
import { Keeping, subjectOf } from "./keeping.js";
import * as list from "./log.js";

const root = document.querySelector(".w");
const words = root.dataset;
const form = root.querySelector("[data-form]");
const field = form.elements.text;
const typing = root.querySelector("[data-typing]");
const banner = root.querySelector("[data-status]");
const query = new URLSearchParams(location.search);
const alone = parent === window;
const site = (words.origins ?? "").split(" ").find((origin) => origin === query.get("from")) ?? location.origin;

const PATIENCE = 15_000;
const FIRST_WAIT = 2_000;
const LONGEST_WAIT = 30_000;
const LOOK_ANYWAY = 15_000; // where sockets are blocked

let keeping = null;
let identity = "";
let open = alone;
let socket = null;
let earlier = false;
let solvedAt = null;
let desk = { open: true, reachable: true }; // whether somebody is there, as last told

const tellSite = (message) => { if (!alone) parent.postMessage(message, site); };

function headers(more = {}) {
  const named = identity ? { "X-Visitor-Identity": identity } : {};
  return { Accept: "application/json", Authorization: `Bearer ${keeping.secret}`, ...named, ...more };
}

function ask(path, options = {}) {
  return fetch(path, { ...options, headers: headers(options.headers), signal: AbortSignal.timeout(PATIENCE), cache: "no-store" });
}

const page = (from = {}) => `/chat/messages?${new URLSearchParams({ lang: words.language, key: words.key, ...from })}`;

// ---- reading ----

let fetching = false;
let again = false;
let stale = 0; // timer of another try
let patience = FIRST_WAIT;

/** Fetch what is missing: the newest page at first, later all that came after the last number we hold. */
async function refresh({ stick } = {}) {
  if (fetching) {
    again = true;
    return;
  }
  fetching = true;
  clearTimeout(stale);
  try {
    do again = false; while (await catchUp(stick) || again);
    patience = FIRST_WAIT;
  } catch {
    stale = setTimeout(refresh, patience); // a lost fetch must not wait for the next hint
    patience = Math.min(patience * 2, LONGEST_WAIT);
  } finally {
    fetching = false;
  }
}

/** Take one page; true when there is more after it. */
async function catchUp(stick) {
  const whose = keeping;
  const beginning = !list.oldest();
  const chat = await read(beginning ? {} : { after: list.newest() });
  if (whose !== keeping) return false;
  const first = list.oldest()?.place[0] ?? 0;
  const fresh = list.take(chat.items.filter((item) => item.place[0] >= first));
  list.readUpTo(chat.read_seq);
  if (beginning) ({ earlier } = chat);
  solvedAt = chat.solved_at;
  desk = chat;
  showAgent(chat);
  askBefore();
  list.draw({ earlier, solvedAt, ...(beginning ? { stick: true } : stick ? { stick } : {}) });
  list.log.removeAttribute("aria-busy");
  if (fresh.length) typing.hidden = true;
  acknowledge();
  return chat.later;
}

async function read(from) {
  const answer = await ask(page(from));
  if (answer.status === 401) beginAnew();
  if (!answer.ok) throw new Error(`the server said ${answer.status}`);
  return answer.json();
}

list.log.addEventListener("earlier", async () => {
  const whose = keeping;
  const chat = await read({ before: list.oldest().id }).catch(() => null);
  if (!chat || whose !== keeping) return;
  ({ earlier } = chat);
  list.take(chat.items);
  list.draw({ earlier, solvedAt, stick: "top" });
  list.log.focus();
});

const away = root.querySelector("[data-closed]");

/** Show the questions that are due, and when somebody will be back. */
function askBefore() {
  before.arrange({ first: !list.oldest() && !keeping.unsent().length, closed: !desk.open, reachable: desk.reachable || Boolean(identity), proven: Boolean(identity) });
  const back = desk.opens_at ? ` ${words.back.replace("{time}", whenOf(desk.opens_at))}` : "";
  away.textContent = desk.open ? "" : words.away + back;
  away.hidden = desk.open;
}

function whenOf(moment) {
  const format = new Intl.DateTimeFormat(words.language, { weekday: "long", hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
  return format.format(new Date(moment));
}

before.form.addEventListener("input", () => { keeping.answers = before.typed(); });

function showAgent({ agent, here }) {
  root.querySelector("[data-who]").textContent = agent ? words.with.replace("{name}", agent.name) : words.company;
  root.querySelector("[data-initials]").firstChild.textContent = agent ? agent.initials : words.company[0];
  root.querySelector("[data-here]").hidden = !(agent && here);
}

// ---- what the visitor has, and has seen ----

let told = ""; // "state id", as the server knows it

function acknowledge() {
  const answers = list.answers();
  const last = answers.at(-1)?.id;
  if (!last) return;
  const looking = open && document.visibilityState === "visible";
  if (looking) keeping.seen = last;
  const from = answers.findIndex((item) => item.id === keeping.seen);
  tellSite({ guiche: "fresh", count: answers.length - 1 - from });
  const news = `${looking ? "read" : "delivered"} ${last}`;
  if (news === told || (told === `read ${last}` && !looking)) return;
  told = news;
  ask("/chat/seen", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ id: last, state: looking ? "read" : "delivered" }),
  }).then((answer) => { if (!answer.ok) told = ""; }, () => { told = ""; });
}

// ---- writing ----

let sending = false;
let pause = FIRST_WAIT;
let retry = 0;

async function sendAll() {
  if (sending || !keeping) return;
  sending = true;
  clearTimeout(retry);
  try {
    let post;
    while ((post = keeping.unsent()[0])) {
      if (!(await send(post))) {
        retry = setTimeout(sendAll, pause);
        pause = Math.min(pause * 2, LONGEST_WAIT);
        return;
      }
      pause = FIRST_WAIT;
    }
  } finally {
    sending = false;
  }
}

/**
 * Hand one message over; true when it needs no more trying. Whoever sits here when the answer
 * comes may be somebody else: then it waits for its writer, in nobody's sight.
 */
async function send(post) {
  const whose = keeping;
  const { written, ...message } = post;
  let answer;
  try {
    answer = await ask("/chat/messages", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ ...message, identity, widget: words.key }),
    });
  } catch {
    return whose !== keeping || later(post);
  }
  if (whose !== keeping) {
    if (answer.ok) whose.dropUnsent(post.client_msg_id);
    return true;
  }
  if (answer.status >= 500 || answer.status === 429) return later(post);
  if (answer.status === 401 || answer.status === 409) {
    beginAnew();
    return true; // it stays unsent, and goes into the new conversation
  }
  if (!answer.ok) {
    const reason = await answer.json().catch(() => ({}));
    if (whose !== keeping) return true;
    if (identity && reason.error?.field === "identity") {
      identity = ""; // it has expired: the message is hers all the same, only unproven
      return send(post);
    }
    const [part, name] = (reason.error?.field ?? "").split(".");
    if (part === "answers") return takeBack(post, name);
  }
  if (answer.ok && post.answers) keeping.answers = {};
  keeping.dropUnsent(post.client_msg_id);
  list.wait(post, answer.ok ? words.sent : words.refused, { failed: !answer.ok });
  list.draw({ earlier, solvedAt, stick: true });
  if (answer.ok) refresh({ stick: true });
  return true;
}

/** The server refused the form: her words go back into their field, nothing is lost. */
function takeBack(post, name) {
  keeping.dropUnsent(post.client_msg_id);
  list.drop(post.client_msg_id);
  list.draw({ earlier, solvedAt, stick: true });
  field.value = [post.text, field.value].filter(Boolean).join("\n");
  grow();
  askBefore();
  before.refuse(name ?? "");
  return true;
}

function later(post) {
  list.wait(post, words.unsent, { failed: true });
  list.draw({ earlier, solvedAt });
  return false;
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  const text = field.value.trim();
  if (!text) return;
  const answers = before.answers();
  if (answers === null) return; // what is wrong stands beside its question
  const post = {
    client_msg_id: crypto.randomUUID(),
    text,
    page: (query.get("page") ?? "").slice(0, 120),
    language: words.language,
    ...(answers && { answers }),
    written: Date.now(),
  };
  keeping.keepUnsent(post);
  before.form.hidden = true;
  list.wait(post, words.sending);
  list.draw({ earlier, solvedAt, stick: true });
  form.reset();
  grow();
  sendAll();
});

// ---- files ----

const chooser = root.querySelector("[data-files]");
chooser.addEventListener("change", () => {
  for (const file of [...chooser.files]) offerFile(file);
  chooser.value = "";
});
field.addEventListener("paste", (event) => {
  for (const file of [...event.clipboardData.files]) offerFile(file);
});
root.addEventListener("dragover", (event) => event.preventDefault());
root.addEventListener("drop", (event) => {
  event.preventDefault();
  for (const file of [...event.dataTransfer.files]) offerFile(file);
});

list.fetchFilesBy(async (id) => {
  const answer = await ask(`/chat/files/${id}`);
  if (!answer.ok) throw new Error(`the server said ${answer.status}`);
  return answer.blob();
});

function offerFile(file) {
  const answers = before.answers();
  if (answers === null) return;
  const post = { client_msg_id: crypto.randomUUID(), text: file.name || "file" };
  const problem = files.fault(file);
  list.wait(post, problem || words.sending, { failed: Boolean(problem) });
  list.draw({ earlier, solvedAt, stick: true });
  before.form.hidden = true;
  const more = { page: (query.get("page") ?? "").slice(0, 120), language: words.language, widget: words.key };
  if (!problem) sendFile(post, file, { ...more, ...(answers && { answers }) }, FIRST_WAIT);
}

async function sendFile(post, file, more, wait) {
  const whose = keeping;
  const fields = { client_msg_id: post.client_msg_id, identity, ...more };
  const say = (word, failed = false) => {
    list.wait(post, word, { failed });
    list.draw({ earlier, solvedAt });
  };
  const { status, reason } = await files.post(fields, file, headers(), (percent) => say(words.percent.replace("{percent}", percent)));
  if (whose !== keeping) return; // somebody else sits here now
  if (!status || status >= 500 || status === 429) {
    say(words.unsent, true);
    setTimeout(sendFile, wait, post, file, more, Math.min(wait * 2, LONGEST_WAIT));
  } else if (status === 422 && identity && reason.field === "identity") {
    identity = "";
    sendFile(post, file, more, wait);
  } else if (status >= 400) {
    say(status === 413 ? words.tooLarge : files.refusal(reason.field), true);
    if (reason.field?.startsWith("answers")) {
      askBefore();
      before.refuse(reason.field.split(".")[1] ?? "");
    }
  } else {
    say(words.sent);
    refresh({ stick: true });
  }
}

field.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  form.requestSubmit();
});

function grow() {
  field.style.height = "auto";
  field.style.height = `${Math.min(field.scrollHeight, 120)}px`;
}

let lastTyping = -Infinity;
field.addEventListener("input", () => {
  grow();
  const now = performance.now();
  if (socket?.connected && now - lastTyping > 3000) {
    lastTyping = now;
    socket.emit("typing");
  }
});

// ---- the line ----

let typingTimer = 0;

function connect() {
  socket?.disconnect();
  socket = io("/chat", {
    transports: ["websocket"], auth: { secret: keeping.secret }, forceNew: true,
    reconnectionDelay: 400, reconnectionDelayMax: LONGEST_WAIT,
  });
  // The room is joined before we ask what was missed: what comes in between comes twice, never not at all.
  socket.on("connect", () => { offline(false); refresh(); sendAll(); });
  socket.on("disconnect", (why) => {
    offline(true);
    if (why === "io server disconnect") setTimeout((line) => line.connect(), FIRST_WAIT, socket); // it does not by itself
  });
  socket.on("connect_error", () => offline(true));
  socket.on("hint", () => refresh());
  socket.on("staff_typing", ({ name = "" }) => {
    root.querySelector("[data-typing-text]").textContent = words.typing.replace("{name}", name);
    typing.hidden = false;
    clearTimeout(typingTimer);
    typingTimer = setTimeout(() => { typing.hidden = true; }, 6000);
  });
}

/** Ask whether the line still carries: a machine that slept holds one that only looks alive. */
function feel() {
  const line = socket;
  if (!line?.connected) return;
  line.timeout(5000).emit("alive", (silence, told) => {
    if (line !== socket) return;
    if (silence) line.disconnect().connect();
    else if (told.seq > list.newest()) refresh(); // a hint was lost
  });
}

function offline(yes) {
  banner.textContent = yes ? words.offline : "";
  banner.hidden = !yes;
}

addEventListener("online", () => { refresh(); sendAll(); });
addEventListener("offline", () => offline(true));
function lookAgain() {
  if (!keeping || document.visibilityState !== "visible") return;
  refresh();
  feel();
}

addEventListener("focus", lookAgain);
document.addEventListener("visibilitychange", lookAgain);
setInterval(() => { if (socket?.connected) feel(); else lookAgain(); }, LOOK_ANYWAY);

// ---- who is here ----

function begin(token) {
  identity = token;
  keeping = new Keeping(subjectOf(token));
  told = "";
  list.clear();
  before.fill(keeping.answers);
  for (const post of keeping.unsent()) list.wait(post, words.sending);
  list.draw({ earlier: false, stick: true });
  connect();
  refresh({ stick: true });
  sendAll();
  form.querySelector("fieldset").disabled = false; // until now nobody knew who writes
}

function beginAnew() {
  keeping.forgetSecret();
  setTimeout(() => begin(identity), 0);
}

function show(yes, focus) {
  open = yes;
  if (!yes) return;
  list.draw({ earlier, solvedAt, stick: true });
  if (focus) field.focus();
  if (keeping) refresh();
}

function close() {
  if (alone) return;
  open = false;
  tellSite({ guiche: "close" });
}

const closer = root.querySelector("[data-close]");
closer.hidden = alone;
closer.addEventListener("click", close);
document.addEventListener("keydown", (event) => { if (event.key === "Escape") close(); });

addEventListener("message", (event) => {
  if (event.source !== parent || event.origin !== site) return;
  const { guiche: kind, identity: token = "", open: shown = false, focus = true, greeted = "" } = event.data ?? {};
  if (greeted) root.querySelector("[data-welcome-text]").textContent = greeted;
  if (kind === "hello") {
    begin(String(token));
    show(shown, shown && focus);
  }
  if (kind === "shown") show(shown, focus);
  if (kind === "identity" && keeping) {
    if (subjectOf(String(token)) === subjectOf(identity)) identity = String(token);
    else {
      form.reset(); // somebody else's words
      grow();
      begin(String(token));
    }
    refresh();
  }
});

if (alone) begin("");
else tellSite({ guiche: "ready" });
