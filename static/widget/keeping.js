// What stays in this browser: the conversation's secret, what has not been sent, what was seen.
// A private window refuses storage: then it lasts as long as this page.

const memory = new Map();

function read(key) {
  try { return localStorage.getItem(key) ?? memory.get(key) ?? null; } catch { return memory.get(key) ?? null; }
}
function write(key, value) {
  memory.set(key, value);
  try { localStorage.setItem(key, value); } catch { /* see above */ }
}
function erase(key) {
  memory.delete(key);
  try { localStorage.removeItem(key); } catch { /* see above */ }
}
function keys() {
  try { return [...new Set([...Object.keys(localStorage), ...memory.keys()])]; } catch { return [...memory.keys()]; }
}

/** Return whom a token names. The server checks it; here it only keeps people's conversations apart. */
export function subjectOf(token) {
  try {
    const part = token.split(".")[1].replaceAll("-", "+").replaceAll("_", "/");
    const bytes = Uint8Array.from(atob(part), (letter) => letter.charCodeAt(0));
    return String(JSON.parse(new TextDecoder().decode(bytes)).sub ?? "");
  } catch {
    return "";
  }
}

function newSecret() {
  const bytes = crypto.getRandomValues(new Uint8Array(32));
  return btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

/** What one person has in this browser. Two people at one machine never share a conversation. */
export class Keeping {
  constructor(subject) {
    this.place = `guiche-chat:${encodeURIComponent(subject)}:`;
  }

  get secret() {
    let secret = read(`${this.place}secret`);
    if (!secret) {
      secret = newSecret();
      write(`${this.place}secret`, secret);
    }
    return secret;
  }

  /** Begin another conversation: this one is not ours, or no longer known. */
  forgetSecret() {
    erase(`${this.place}secret`);
  }

  /** What she has typed before her first message: gone once the server has it. */
  get answers() {
    try { return JSON.parse(read(`${this.place}answers`)) ?? {}; } catch { return {}; }
  }

  set answers(typed) {
    if (Object.keys(typed).length) write(`${this.place}answers`, JSON.stringify(typed));
    else erase(`${this.place}answers`);
  }

  get seen() {
    return read(`${this.place}seen`) ?? "";
  }

  set seen(id) {
    write(`${this.place}seen`, id);
  }

  /** One entry for each message: two tabs may write at once and neither erases the other's. */
  keepUnsent(post) {
    write(`${this.place}unsent:${post.client_msg_id}`, JSON.stringify(post));
  }

  dropUnsent(id) {
    erase(`${this.place}unsent:${id}`);
  }

  unsent() {
    const found = [];
    for (const key of keys()) {
      if (!key.startsWith(`${this.place}unsent:`)) continue;
      try { found.push(JSON.parse(read(key))); } catch { erase(key); }
    }
    return found.filter(Boolean).sort((one, other) => one.written - other.written);
  }
}
