// Embed with: <script src="https://HOST/widget.js?key=KEY" async></script>
// A site that knows its visitor also sets data-identity to a signed token, or calls
// guiche.identify(token) once it has one; guiche.open() and guiche.close() do what they say.
(() => {
  const script = document.currentScript;
  const home = new URL(script.src).origin;
  const setup = { key: "", colour: "#B5451B", ink: "#FFFFFF", greetings: [] }; // the server puts the widget's own here
  const { colour, ink } = setup;
  const english = (document.documentElement.lang || navigator.language).startsWith("en");
  const words = english
    ? { open: "Open chat", close: "Close chat", fresh: "new", dismiss: "Dismiss" }
    : { open: "Abrir conversa", close: "Fechar conversa", fresh: "novas", dismiss: "Dispensar" };
  const icons = { open: "M21 12a8 8 0 0 1-11.6 7.1L4 21l1.9-5.4A8 8 0 1 1 21 12z", close: "m6 9 6 6 6-6" };
  const USED = "guiche-chat-used"; // this browser has a conversation: hear of answers at once
  const OPEN = "guiche-chat-open"; // this tab had the window open
  const GREETED = "guiche-chat-greeted"; // this visit has had its greeting
  let identity = script.dataset.identity ?? "";
  let frame = null;
  let open = false;
  let ready = false;
  let fresh = 0;
  let greeting = null; // the bubble of it
  let greeted = ""; // its words, once she has taken it up

  function kept(store, key) {
    try { return store()[key] === "1"; } catch { return false; }
  }
  function keep(store, key, yes) {
    try { if (yes) store()[key] = "1"; else delete store()[key]; } catch { /* storage is refused: nothing is kept */ }
  }
  const local = () => localStorage;
  const tab = () => sessionStorage;

  function element(name, styles, attributes = {}) {
    const made = document.createElementNS(name === "svg" || name === "path" ? "http://www.w3.org/2000/svg" : "http://www.w3.org/1999/xhtml", name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    Object.assign(made.style, styles);
    return made;
  }

  const button = element("button", {
    all: "unset", position: "fixed", right: "24px", bottom: "24px", width: "56px", height: "56px",
    boxSizing: "border-box", borderRadius: "50%", background: colour, color: ink, cursor: "pointer", zIndex: "2147483000",
    boxShadow: "0 12px 32px -8px rgb(18 22 31 / .4)", display: "grid", placeItems: "center",
  }, { type: "button" });
  const svg = element("svg", {}, { viewBox: "0 0 24 24", width: 26, height: 26, fill: "none", stroke: "currentColor", "stroke-width": 1.9, "stroke-linecap": "round", "stroke-linejoin": "round", "aria-hidden": "true" });
  const path = element("path", {});
  const count = element("span", {
    position: "absolute", top: "-2px", right: "-2px", minWidth: "22px", height: "22px", padding: "0 6px", boxSizing: "border-box",
    borderRadius: "11px", background: "#12161F", color: "#FFFFFF", font: "600 12px/22px system-ui, sans-serif", textAlign: "center",
  }, { "aria-hidden": "true" });
  svg.append(path);
  button.append(svg, count);
  // A page without rings around what has the focus is a page without a keyboard.
  button.addEventListener("focus", () => { if (button.matches(":focus-visible")) button.style.outline = `3px solid ${colour}`; button.style.outlineOffset = "3px"; });
  button.addEventListener("blur", () => { button.style.outline = "none"; });

  const small = () => innerWidth < 600;

  function arrange() {
    button.setAttribute("aria-label", open ? words.close : fresh ? `${words.open} (${fresh} ${words.fresh})` : words.open);
    button.setAttribute("aria-expanded", String(open));
    path.setAttribute("d", open ? icons.close : icons.open);
    count.textContent = fresh > 9 ? "9+" : String(fresh);
    count.style.display = fresh && !open ? "block" : "none";
    button.style.display = open && small() ? "none" : "grid";
    if (!frame) return;
    Object.assign(frame.style, small()
      ? { inset: "0", width: "100%", height: "100%", borderRadius: "0" }
      : { inset: "auto 24px 92px auto", width: "384px", height: "min(744px, calc(100vh - 116px))", borderRadius: "16px" });
    frame.style.display = open ? "block" : "none";
  }

  function make() {
    const query = new URLSearchParams({ lang: english ? "en" : "pt-BR", page: document.title.slice(0, 120), from: location.origin, ...(setup.key && { key: setup.key }) });
    frame = element("iframe", {
      position: "fixed", border: "0", zIndex: "2147483001", colorScheme: "light dark", background: "Canvas",
      boxShadow: "0 0 0 1px rgb(125 135 150 / .25), 0 20px 48px -12px rgb(18 22 31 / .3)",
    }, { src: `${home}/chat/frame?${query}`, title: english ? "Chat" : "Conversa" });
    button.before(frame); // in reading order: the window, then the button that closes it
  }

  function tell(message) {
    if (ready) frame.contentWindow.postMessage(message, home);
  }

  function toggle(next, { focus = true } = {}) {
    open = next;
    keep(tab, OPEN, open);
    if (open) {
      greeting?.remove();
      greeting = null;
      keep(tab, GREETED, true); // nobody is greeted in the middle of a conversation
      fresh = 0;
      keep(local, USED, true);
    }
    if (open && !frame) make();
    arrange();
    tell({ guiche: "shown", open, focus, greeted });
    if (!open && focus) button.focus();
  }

  /** Say something of ourselves where a rule fits this page: once a visit, never over an open window. */
  function greet() {
    const fits = (rule) => new RegExp(`^${rule.split("*").map((part) => part.replace(/[.+?^${}()|[\]\\]/g, "\\$&")).join(".*")}$`).test(location.pathname);
    const [, delay, texts] = setup.greetings.find(([path]) => fits(path)) ?? [];
    const text = texts?.[english ? "en" : "pt_BR"];
    if (!text || kept(tab, GREETED) || kept(local, USED)) return;
    setTimeout(() => {
      if (open || kept(tab, GREETED)) return;
      keep(tab, GREETED, true);
      const say = element("button", { all: "unset", cursor: "pointer", padding: "14px 4px 14px 16px", flex: "1" }, { type: "button" });
      const dismiss = element("button", { all: "unset", cursor: "pointer", width: "44px", height: "44px", textAlign: "center", font: "20px/44px system-ui, sans-serif" }, { type: "button", "aria-label": words.dismiss });
      greeting = element("div", {
        position: "fixed", right: "24px", bottom: "92px", maxWidth: "min(320px, calc(100vw - 48px))", zIndex: "2147483000", display: "flex",
        background: "#FFFFFF", color: "#12161F", borderRadius: "14px", font: "15px/1.4 system-ui, sans-serif", boxShadow: "0 0 0 1px rgb(18 22 31 / .12), 0 12px 32px -8px rgb(18 22 31 / .4)",
      }, { role: "status" });
      for (const control of [say, dismiss]) control.addEventListener("focus", () => { if (control.matches(":focus-visible")) Object.assign(control.style, { outline: "3px solid #12161F", outlineOffset: "-3px", borderRadius: "14px" }); });
      for (const control of [say, dismiss]) control.addEventListener("blur", () => { control.style.outline = "none"; });
      say.textContent = text;
      dismiss.textContent = "\u00d7";
      say.addEventListener("click", () => { greeted = text; toggle(true); });
      dismiss.addEventListener("click", () => { greeting?.remove(); greeting = null; });
      greeting.append(say, dismiss);
      button.before(greeting);
    }, delay * 1000);
  }

  button.addEventListener("click", () => toggle(!open));
  button.addEventListener("keydown", (event) => { if (event.key === "Escape" && open) toggle(false); });
  addEventListener("resize", arrange);
  addEventListener("message", (event) => {
    if (event.origin !== home || !frame || event.source !== frame.contentWindow) return;
    const { guiche: kind, count: waiting } = event.data ?? {};
    if (kind === "ready") {
      ready = true;
      tell({ guiche: "hello", identity, open, greeted });
    }
    if (kind === "close") toggle(false);
    if (kind === "fresh" && !open) {
      fresh = Number(waiting) || 0;
      arrange();
    }
  });

  window.guiche = {
    open: () => toggle(true),
    close: () => toggle(false),
    identify(token) {
      identity = String(token ?? "");
      tell({ guiche: "identity", identity });
    },
  };
  document.body.append(button);
  if (kept(tab, OPEN)) toggle(true, { focus: false });
  else if (kept(local, USED)) make();
  arrange();
  greet();
})();
