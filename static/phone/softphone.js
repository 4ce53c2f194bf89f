// The telephone in the browser: registers with the network, rings, and is picked up here.

import { $, post } from "../ui/page.js";

const box = $("#softphone");
const RENEW_EVERY = 45 * 60 * 1000; // the server's word is good for an hour

let call = null;

function show(state) {
  $("[data-state]", box).textContent = box.dataset[state];
  $(".dot", box).className = `dot ${state === "ready" ? "on" : state === "failed" ? "off" : "busy"}`;
  $("[data-accept]", box).hidden = state !== "ringing";
  $("[data-hang-up]", box).hidden = state !== "ringing" && state !== "talking";
  $("[data-mute]", box).hidden = state !== "talking";
}

async function token() {
  const answer = await post("/phone/token", {});
  if (!answer.ok) throw new Error("no token");
  return (await answer.json()).token;
}

function take(incoming) {
  if (call) return incoming.reject(); // one call at a time
  call = incoming;
  const over = () => {
    call = null;
    show("ready");
  };
  incoming.on("accept", () => show("talking"));
  for (const end of ["disconnect", "cancel", "reject"]) incoming.on(end, over);
  incoming.on("error", over);
  show("ringing");
  $("[data-accept]", box).focus();
}

async function begin() {
  try {
    const device = new globalThis.Twilio.Device(await token(), { closeProtection: true });
    device.on("registered", () => show("ready"));
    device.on("incoming", take);
    device.on("error", () => show("failed"));
    device.on("tokenWillExpire", async () => device.updateToken(await token()));
    setInterval(async () => device.updateToken(await token()), RENEW_EVERY);
    await device.register();
  } catch {
    show("failed");
  }
}

box?.addEventListener("click", (event) => {
  if (!call) return;
  if (event.target.closest("[data-accept]")) call.accept();
  if (event.target.closest("[data-hang-up]")) (call.status() === "pending" ? call.reject() : call.disconnect());
  const mute = event.target.closest("[data-mute]");
  if (mute) {
    call.mute(!call.isMuted());
    mute.setAttribute("aria-pressed", String(call.isMuted()));
  }
});

if (box) begin();
