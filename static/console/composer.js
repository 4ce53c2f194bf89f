// The composer: channel, two drafts that never mix, and one message for one click.

import { $, $$, post, word } from "../ui/page.js";
import { toast } from "../ui/say.js";
import { lastSeq, merge, refreshTimeline, ticketId } from "./timeline.js";

const SAVE_EVERY = 2000;
const TELL_EVERY = 4000; // that somebody writes; notes are nobody's business
const saved = new Map(); // "ticket kind" -> text the server has
let sending = false;
let toldAt = 0;

export const composer = () => $("#composer");
const kindOf = (form) => form.dataset.kind;
const textOf = (form, kind = kindOf(form)) => form.elements[kind];

const ccOf = (form) => form.elements.cc?.value.trim() ?? "";
const written = (form, kind) => textOf(form, kind).value + (kind === "reply" ? `\n\0${ccOf(form)}` : "");

/** Show the line of copies where the answer is a mail and somebody gets one, or may. */
function placeCc(form, { open = false } = {}) {
  const line = $("#cmp-cc", form);
  if (!line) return;
  const mail = form.elements.channel.value === "email";
  const shown = open || !line.hidden || ccOf(form) !== "" || $("[data-cc]", line) !== null;
  line.hidden = !(mail && shown);
  $(".cmp-tabs [data-show-cc]", form).hidden = !mail || shown;
}

function addCc(address) {
  const form = composer();
  if (address) {
    const field = form.elements.cc;
    field.value = [ccOf(form).replace(/[,;\s]+$/, ""), address].filter(Boolean).join(", ");
    for (const guess of $$("[data-cc]", form)) if (guess.dataset.cc === address) guess.remove();
  } else choose("email", { focus: false });
  placeCc(form, { open: true });
  form.elements.cc.focus();
}

/** Note what the server sent, so that only changes are saved. */
export function adopt() {
  const form = composer();
  if (!form) return;
  for (const kind of ["reply", "note"]) saved.set(`${form.dataset.ticket} ${kind}`, written(form, kind));
  countSms(form);
}

/** Choose a channel, or the note. */
export function choose(channel, { focus = true } = {}) {
  const form = composer();
  const tab = form && $(`[role=tab][data-channel="${channel}"]`, form);
  if (!tab) return false;
  form.dataset.kind = channel === "note" ? "note" : "reply";
  if (channel !== "note") form.elements.channel.value = channel;
  for (const other of $$("[role=tab]", form)) {
    other.setAttribute("aria-selected", String(other === tab));
    other.tabIndex = other === tab ? 0 : -1;
  }
  for (const limit of $$("[data-limit]", form)) limit.hidden = limit.dataset.limit !== channel;
  const pick = $(".cmp-pick", form);
  pick.className = `cmp-pick only-small ${channel}`;
  pick.firstElementChild.replaceWith($(`[data-pick="${channel}"] svg`, form).cloneNode(true));
  placeCc(form);
  countSms(form);
  if (focus) textOf(form).focus();
  return true;
}

export function reply() {
  const form = composer();
  if (form) choose(form.elements.channel.value);
}

export function chooseNth(n) {
  const tabs = $$("#composer [role=tab]").filter((tab) => tab.dataset.channel !== "note");
  return tabs[n - 1] ? choose(tabs[n - 1].dataset.channel) : false;
}

export function send() {
  const form = composer();
  if (form) form.requestSubmit(kindOf(form) === "note" ? $("#save-note") : $("#send"));
}

async function submit(form, then, { anyway = false } = {}) {
  const kind = kindOf(form);
  const field = textOf(form, kind);
  if (sending || !field.value.trim()) return;
  const ticket = form.dataset.ticket;
  const values = new FormData();
  values.set("body", field.value);
  values.set("client_msg_id", form.elements.client_msg_id.value);
  values.set("seen_seq", lastSeq());
  if (anyway) values.set("anyway", "1");
  if (kind === "reply") {
    values.set("channel", form.elements.channel.value);
    values.set("then", then);
    if (form.elements.channel.value === "email") values.set("cc", ccOf(form));
    for (const file of form.elements.files?.files ?? []) values.append("files", file);
  }
  sending = true;
  form.setAttribute("aria-busy", "true");
  $("#composer-error").replaceChildren();
  try {
    const answer = await post(`/tickets/${ticket}/${kind}`, values);
    const body = await answer.text();
    if (ticketId() !== ticket) return;
    if (answer.status === 409) {
      // A colleague answered meanwhile: show it, and ask once.
      refreshTimeline();
      return refuse(form, body, () => submit(form, then, { anyway: true }));
    }
    if (!answer.ok) return refuse(form, answer.status < 500 ? body : "");
    merge(body);
    field.value = "";
    saved.set(`${ticket} ${kind}`, written(form, kind));
    if (form.elements.files) form.elements.files.value = "";
    form.elements.client_msg_id.value = crypto.randomUUID();
    toast(kind === "note" ? form.dataset.saved : form.dataset.sent);
    document.dispatchEvent(new CustomEvent("console:sent", { detail: { kind, then } }));
  } catch {
    // Nobody knows whether it arrived: the same id goes with the next try, so it is one message.
    refuse(form, "");
  } finally {
    sending = false;
    form.removeAttribute("aria-busy");
  }
}

function refuse(form, html, insist) {
  const place = $("#composer-error");
  const page = new DOMParser().parseFromString(html, "text/html");
  const text = page.body.textContent.trim() || form.dataset.notSent;
  const banner = document.createElement("div");
  banner.className = "banner danger";
  banner.textContent = text;
  if (insist && kindOf(form) === "reply") {
    const again = document.createElement("button");
    again.type = "button";
    again.className = "btn sm end";
    again.textContent = form.dataset.anyway;
    again.addEventListener("click", insist);
    banner.append(again);
  }
  place.replaceChildren(banner);
}

/** Put the words of a message that is not going anywhere back into the composer. */
function writeAgain(message) {
  reply();
  const inside = $(".mail-b", message) ?? $(".bub", message);
  const text = [...inside.childNodes].filter((node) => node.nodeType === Node.TEXT_NODE || node.matches?.(".amt, b"));
  insert(text.map((node) => node.textContent).join("").trim());
}

async function takeBack(button) {
  const message = button.closest(".msg");
  button.disabled = true;
  try {
    const answer = await post(`/messages/${button.dataset.undo}/undo`, {});
    if (answer.ok) writeAgain(message);
    else refuse(composer(), await answer.text());
  } catch {
    button.disabled = false; // nobody knows: the timeline will tell
  }
  refreshTimeline();
}

function forgetOldUndos() {
  for (const button of $$("[data-undo]")) if (Number(button.dataset.until) <= Date.now()) button.closest(".retry").remove();
}

async function saveDrafts() {
  const form = composer();
  if (!form || sending) return;
  for (const kind of ["reply", "note"]) {
    const key = `${form.dataset.ticket} ${kind}`;
    const now = written(form, kind);
    if (saved.get(key) === now) continue;
    const before = saved.get(key);
    saved.set(key, now);
    const draft = { kind, body: textOf(form, kind).value, channel: form.elements.channel.value };
    if (kind === "reply") draft.cc = ccOf(form);
    try {
      const answer = await post(`/tickets/${form.dataset.ticket}/draft`, draft);
      if (!answer.ok) saved.set(key, before);
    } catch {
      saved.set(key, before); // off line: the next round tries again
    }
  }
}

/** Put text at the caret, with a space where words would touch. */
export function insert(text) {
  const field = textOf(composer());
  const { selectionStart: start, selectionEnd: end, value } = field;
  const lead = start && !/\s$/.test(value.slice(0, start)) ? " " : "";
  field.setRangeText(lead + text, start, end, "end");
  field.dispatchEvent(new Event("input", { bubbles: true }));
  field.focus();
}

// GSM-7 fits 160 (153 in a chain), anything else is sent as UCS-2: 70 (67). The server counts
// alike (helpdesk/phone/segments.py); no sign is cut in two, so a part may stay short of full.
const GSM7 = /^[\n\r @£$¥èéùìòÇØøÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ!"#¤%&'()*+,\-./0-9:;<=>?¡A-ZÄÖÑÜ§¿a-zäöñüà^{}\\[~\]|€\f]*$/;
const TWICE = /[\^{}\\[~\]|€\f]/; // signs that take two places in it

export function segments(text) {
  const seven = GSM7.test(text);
  const [alone, chained] = seven ? [160, 153] : [70, 67];
  const sizes = [...text].map((sign) => (seven ? (TWICE.test(sign) ? 2 : 1) : sign.length));
  const units = sizes.reduce((sum, size) => sum + size, 0);
  if (units <= alone) return { units, limit: alone, parts: 1 };
  let parts = 1;
  let used = 0;
  for (const size of sizes) {
    if (used + size > chained) [parts, used] = [parts + 1, 0];
    used += size;
  }
  return { units, limit: units + chained - used, parts };
}

function countSms(form) {
  const place = $("[data-sms]", form);
  if (!place) return;
  const { units, limit, parts } = segments(textOf(form, "reply").value);
  place.textContent = word("sms", { n: units, limit, parts });
}

document.addEventListener("submit", (event) => {
  if (event.target.id !== "composer") return;
  event.preventDefault();
  submit(event.target, event.submitter?.value ?? "");
});
document.addEventListener("click", (event) => {
  const tab = event.target.closest("#composer [role=tab]");
  if (tab) choose(tab.dataset.channel);
  const pick = event.target.closest("[data-pick]");
  if (pick) choose(pick.dataset.pick);
  const snippet = event.target.closest("[data-insert]");
  if (snippet) insert(snippet.dataset.insert);
  if (event.target.closest("[data-show-cc]")) addCc("");
  const guess = event.target.closest("[data-cc]");
  if (guess) addCc(guess.dataset.cc);
  const again = event.target.closest("[data-retry]");
  if (again) writeAgain(again.closest(".msg"));
  const undo = event.target.closest("[data-undo]");
  if (undo) takeBack(undo);
});
document.addEventListener("input", (event) => {
  if (!event.target.closest("#composer")) return;
  countSms(composer());
  const at = Date.now();
  if (event.target.id === "body-reply" && at - toldAt > TELL_EVERY) {
    toldAt = at;
    document.dispatchEvent(new CustomEvent("console:typing"));
  }
});
document.addEventListener("keydown", (event) => {
  const tab = event.target.closest?.("#composer [role=tab]");
  if (tab && (event.key === "ArrowRight" || event.key === "ArrowLeft")) {
    const tabs = $$("#composer [role=tab]");
    const next = tabs[(tabs.indexOf(tab) + (event.key === "ArrowRight" ? 1 : tabs.length - 1)) % tabs.length];
    choose(next.dataset.channel, { focus: false });
    next.focus();
  }
});
addEventListener("pagehide", saveDrafts);
setInterval(saveDrafts, SAVE_EVERY);
setInterval(forgetOldUndos, 1000);
