// Ctrl K: every command of the page by its name. Money commands open a preview, never act.

import { $, $$ } from "../ui/page.js";

const dialog = $("#palette");
const words = $("#palette-words");
const list = $("#palette-list");
let commands = [];

const plain = (text) => text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();

/** What acts here comes first, then where to go, then the conversations of the queue. */
function collect() {
  const named = $$("[data-command]")
    .filter((element) => element.offsetParent !== null || element.closest("[popover]"))
    .map((element) => ({
      element,
      name: element.dataset.command,
      keys: element.dataset.keys ?? "",
      group: element.matches("a") ? "go" : "here",
    }));
  const talks = $$("#queue .q-row").map((row) => ({
    element: row,
    name: `${$("b", row).textContent} #${row.dataset.number}`,
    keys: "",
    group: "talks",
  }));
  commands = ["here", "go"].flatMap((group) => named.filter((command) => command.group === group)).concat(talks);
}

function render() {
  const asked = plain(words.value).split(/\s+/).filter(Boolean);
  const found = commands.filter((command) => asked.every((part) => plain(command.name).includes(part))).slice(0, 24);
  list.replaceChildren(...found.flatMap((command, index) =>
    command.group === found[index - 1]?.group ? [option(command, index)] : [heading(command.group), option(command, index)]));
  if (!found.length) list.replaceChildren(note());
  choose(0);
}

function option(command, index) {
  const item = document.createElement("li");
  item.id = `command-${index}`;
  item.role = "option";
  const picture = $("svg.i", command.element)?.cloneNode(true);
  if (picture) {
    picture.removeAttribute("role");
    picture.setAttribute("aria-hidden", "true");
    item.append(picture);
  }
  item.append(command.name);
  if (command.element.matches("[data-money]")) item.className = "money";
  const keys = document.createElement("span");
  keys.className = "end";
  for (const key of command.keys.split(" ").filter(Boolean)) {
    const cap = document.createElement("kbd");
    cap.textContent = key;
    keys.append(cap);
  }
  item.append(keys);
  item.addEventListener("click", () => run(command));
  return item;
}

function heading(group) {
  const item = document.createElement("li");
  item.role = "presentation";
  item.className = "group";
  item.textContent = dialog.dataset[group];
  return item;
}

function note() {
  const item = document.createElement("li");
  item.role = "option";
  item.ariaDisabled = "true";
  item.textContent = dialog.dataset.none;
  return item;
}

const options = () => $$("[role=option]:not([aria-disabled])", list);

function choose(index) {
  const all = options();
  if (!all.length) return;
  const at = (index + all.length) % all.length;
  all.forEach((item, i) => item.setAttribute("aria-selected", String(i === at)));
  words.setAttribute("aria-activedescendant", all[at].id);
  all[at].scrollIntoView({ block: "nearest" });
}

function run(command) {
  dialog.close();
  command.element.click();
}

words?.addEventListener("input", render);
words?.addEventListener("keydown", (event) => {
  const at = options().findIndex((item) => item.ariaSelected === "true");
  if (event.key === "ArrowDown") choose(at + 1);
  else if (event.key === "ArrowUp") choose(at - 1);
  else if (event.key === "Enter") options()[at]?.click();
  else return;
  event.preventDefault();
});
new MutationObserver(() => {
  if (!dialog.open) return;
  words.value = "";
  collect();
  render();
  words.focus();
}).observe(dialog, { attributeFilter: ["open"] });
