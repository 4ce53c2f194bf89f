// The console: ties the regions together.

import { $, word } from "../ui/page.js";
import { announce, toast } from "../ui/say.js";
import "../ui/sla.js";
import { adopt } from "./composer.js";
import "./keys.js";
import { refreshHeader, refreshQueue, start, watch } from "./live.js";
import "./palette.js";
import { toEnd } from "./timeline.js";
import { arrived, markCurrent, toggleQueue } from "./views.js";

let shownTicket = $("#work")?.dataset.ticket;

function afterSwap() {
  const work = $("#work");
  if (work && work.dataset.ticket !== shownTicket) {
    shownTicket = work.dataset.ticket;
    arrived();
    adopt();
    watch();
  }
}

// Not by htmx's event: the row that asked may have left the queue before its answer came.
const home = $("#work")?.parentElement;
if (home) new MutationObserver(afterSwap).observe(home, { childList: true });
if (!shownTicket && matchMedia("(min-width: 820px) and (max-width: 1279px)").matches) toggleQueue(true);

let drawerTakesFocus = false;

document.addEventListener("htmx:before:swap", (event) => {
  const target = event.detail?.ctx?.target;
  // A result that refreshes itself must not pull somebody out of the sentence she is writing.
  if (target?.id === "drawer") drawerTakesFocus = !target.firstElementChild || target.contains(document.activeElement);
});
document.addEventListener("htmx:after:swap", (event) => {
  afterSwap();
  const target = event.detail?.ctx?.target;
  if (target?.id === "drawer" && drawerTakesFocus) $("#drawer h2, #drawer [tabindex='-1']")?.focus();
  if (target?.id === "queue" || target?.id === "conversation-header") markCurrent();
});
document.addEventListener("htmx:response:error", (event) => {
  const target = event.detail?.ctx?.target;
  // A refusal of a small act is said, and the region stays as it was.
  if (["conversation-header", "panel", "queue", "work"].includes(target?.id)) {
    event.detail.ctx.swap = "none";
    toast(word("failed"));
    announce(word("failed"));
  }
});
document.addEventListener("htmx:error", () => toast(word("failed")));
document.addEventListener("console:queue", markCurrent);
document.addEventListener("console:sent", ({ detail }) => {
  refreshHeader();
  refreshQueue();
  if (detail.then === "solved") toast(word("resolved"));
});
document.addEventListener("sla:turn", ({ detail }) => announce(word(detail)));

adopt();
markCurrent();
toEnd();
document.fonts?.ready.then(toEnd);
start();
