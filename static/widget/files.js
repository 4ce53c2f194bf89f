// Files in both directions. A file lives as long as this page: its name stays, its bytes cannot.

const root = document.querySelector(".w");
const words = root.dataset;
const LARGEST = 10 * 1024 * 1024;
const PREVIEW = 3 * 1024 * 1024; // larger pictures are fetched when they are asked for
const PICTURES = ["image/png", "image/jpeg", "image/gif", "image/webp"];

/** Say what is wrong with a file before it travels, "" where nothing is. */
export function fault(file) {
  if (!file.size) return words.emptyFile;
  return file.size > LARGEST ? words.tooLarge : "";
}

/** Say what the server refused. */
export const refusal = (field) => ({ "file.size": words.tooLarge, "file.empty": words.emptyFile, "file.type": words.wrongKind })[field] ?? words.refused;

/** Post one file; `progress` hears whole percents. Resolves to {status, reason}; status 0 is a lost line. */
export function post(fields, file, headers, progress) {
  const body = new FormData();
  for (const [name, value] of Object.entries(fields)) body.set(name, value);
  body.set("file", file, file.name);
  return new Promise((resolve) => {
    const request = new XMLHttpRequest();
    request.open("POST", "/chat/files");
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
    request.responseType = "json";
    request.upload.addEventListener("progress", ({ loaded, total }) => progress(Math.floor((100 * loaded) / (total || 1))));
    for (const end of ["load", "error", "abort", "timeout"]) {
      request.addEventListener(end, () => resolve({ status: request.status, reason: request.response?.error ?? {} }));
    }
    request.send(body);
  });
}

export function sizeOf(bytes) {
  const number = new Intl.NumberFormat(words.language, { maximumFractionDigits: 1 });
  return bytes < 1024 * 1024 ? `${number.format(Math.ceil(bytes / 1024))} kB` : `${number.format(bytes / 1024 / 1024)} MB`;
}

/** Return the card of a file that the server holds; `fetchIt` brings its bytes. */
export function card(file, fetchIt) {
  const node = document.querySelector("template[data-file]").content.firstElementChild.cloneNode(true);
  node.querySelector("[data-name]").textContent = file.name;
  node.querySelector("[data-size]").textContent = sizeOf(file.size);
  node.addEventListener("click", async () => {
    try {
      save(await fetchIt(file.id), file.name);
    } catch {
      node.querySelector("[data-size]").textContent = words.gone;
    }
  });
  if (PICTURES.includes(file.type) && file.size <= PREVIEW) show(node.querySelector("img"), file, fetchIt);
  return node;
}

async function show(picture, file, fetchIt) {
  try {
    const bytes = await fetchIt(file.id);
    const reader = new FileReader();
    reader.addEventListener("load", () => { picture.src = reader.result; picture.hidden = false; });
    reader.readAsDataURL(new Blob([bytes], { type: file.type })); // the type that the server has decided
  } catch { /* its name is there */ }
}

function save(bytes, name) {
  const address = URL.createObjectURL(bytes);
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}
