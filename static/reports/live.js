// The supervisor's board: draws the chart, fetches its two regions again after a hint.

import uPlot from "../vendor/uplot-1.6.32/uPlot.esm.js";
import { io } from "../vendor/socket.io-client-4.8.4/socket.io.esm.min.js";
import { $, $$, word } from "../ui/page.js";

const AT_MOST_EVERY = 2000; // ms between two fetches of a region
const ANYWAY = 30_000; // ages and countdowns move without a hint; a lost hint costs this much
let measure = "first_response";
let plot = null;

// ---- chart ----

/** Resolve a token to a colour a canvas understands. */
function colour(token) {
  const probe = document.createElement("i");
  probe.style.color = `var(${token})`;
  document.body.append(probe);
  const found = getComputedStyle(probe).color;
  probe.remove();
  return found;
}

function draw() {
  const place = $("#chart");
  if (!place) return;
  const { metrics, zone } = JSON.parse(place.dataset.chart);
  const curve = metrics[measure];
  const unit = $("#chart-unit");
  unit.textContent = curve.unit === 3600 ? unit.dataset.hours : unit.dataset.minutes;
  for (const button of $$("[data-measure]")) {
    button.setAttribute("aria-pressed", String(button.dataset.measure === measure));
  }
  place.setAttribute("aria-label", curve.summary);
  place.hidden = !curve.n;
  $("#chart-empty").hidden = Boolean(curve.n);
  plot?.destroy();
  plot = null;
  if (!curve.n) return;
  const target = curve.at.map(() => curve.target);
  plot = new uPlot(options(place, curve, zone), [curve.at, curve.p50, curve.p90, curve.p95, target], place);
}

function options(place, curve, zone) {
  const ink = { p50: colour("--data-2"), p90: colour("--data-1"), p95: colour("--data-2") };
  const [fill, grid, meta, aim, text] = ["--data-3", "--data-grid", "--text-3", "--data-target", "--text"].map(colour);
  const font = `500 11px ${getComputedStyle(document.body).fontFamily}`;
  const clock = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", timeZone: zone });
  const axis = { stroke: meta, font, ticks: { show: false } };
  const line = (label, more) => ({ label, spanGaps: true, points: { show: curve.n < 4, size: 5 }, ...more });
  return {
    width: place.clientWidth - 24,
    height: Math.max(206, place.clientHeight - 14),
    padding: [14, 64, 0, 0],
    tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), zone),
    legend: { show: false },
    cursor: { show: false },
    scales: { x: { time: true }, y: { range: (_, __, max) => [0, Math.max(max * 1.08, 1)] } },
    axes: [
      { ...axis, size: 28, grid: { show: false }, space: 70, values: (_, splits) => splits.map((at) => clock.format(at * 1000)) },
      { ...axis, size: 38, gap: 6, grid: { stroke: grid, width: 1 } },
    ],
    series: [
      {},
      line("p50", { stroke: ink.p50, width: 2 }),
      line("p90", { stroke: ink.p90, width: 2.25 }),
      line("p95", { stroke: ink.p95, width: 1.25, dash: [2, 3] }),
      { label: "target", stroke: aim, width: 1.5, dash: [4, 4], points: { show: false } },
    ],
    bands: [{ series: [2, 1], fill: faded(fill) }],
    hooks: { draw: [(u) => label(u, curve, { ink, aim, text, font })] },
  };
}

function faded(rgb) {
  return rgb.replace(/^rgb\((.*)\)$/, "rgb($1 / .38)").replaceAll(",", " ");
}

/** Name each line at its end; there is no legend. */
function label(u, curve, { ink, aim, text, font }) {
  const { ctx } = u;
  const dot = devicePixelRatio;
  ctx.save();
  ctx.font = font.replace("11px", `${11 * dot}px`);
  ctx.textBaseline = "middle";
  ctx.textAlign = "left";
  const ends = ["p95", "p90", "p50"].map((name) => ({ name, ...last(curve, name) })).filter((end) => end.value !== undefined);
  let floor = -Infinity;
  for (const end of ends) {
    const [x, y] = [u.valToPos(end.at, "x", true), u.valToPos(end.value, "y", true)];
    const shown = Math.max(y, floor + 13 * dot);
    floor = shown;
    ctx.fillStyle = ink[end.name];
    ctx.beginPath();
    ctx.arc(x, y, 3 * dot, 0, 7);
    ctx.fill();
    ctx.fillStyle = end.name === "p90" ? text : colour("--text-3");
    ctx.fillText(`${end.name} ${end.value.toLocaleString(document.documentElement.lang, { maximumFractionDigits: 1 })}`, u.bbox.left + u.bbox.width + 8 * dot, shown);
  }
  if (curve.target !== null) {
    ctx.fillStyle = aim;
    ctx.textBaseline = "bottom";
    ctx.strokeStyle = colour("--surface"); // a halo, so that lines pass behind the words
    ctx.lineWidth = 4 * dot;
    ctx.strokeText(curve.targetLabel, u.bbox.left + 4 * dot, u.valToPos(curve.target, "y", true) - 3 * dot);
    ctx.fillText(curve.targetLabel, u.bbox.left + 4 * dot, u.valToPos(curve.target, "y", true) - 3 * dot);
  }
  ctx.restore();
}

function last(curve, name) {
  const place = curve[name].findLastIndex((value) => value !== null);
  return place < 0 ? {} : { at: curve.at[place], value: curve[name][place] };
}

// ---- staying current ----

/** One region that is fetched again, at most every two seconds and never under a hand. */
class Region {
  constructor(id, { still, after = () => {} }) {
    Object.assign(this, { id, still, after, timer: 0, fetched: performance.now() });
  }

  refresh() {
    if (this.timer) return;
    const wait = Math.max(250, this.fetched + AT_MOST_EVERY - performance.now());
    this.timer = setTimeout(() => this.fetch(), wait);
  }

  async fetch() {
    this.timer = 0;
    const place = $(`#${this.id}`);
    if (!place || document.hidden) return;
    if (this.still && $(this.still, place)) return this.refresh(); // nothing moves under the pointer
    this.fetched = performance.now();
    const focused = document.activeElement?.id;
    await window.htmx.ajax("GET", `/live/${this.id}${place.dataset.query}`, { target: place, swap: "outerHTML", source: place });
    if (focused && document.activeElement === document.body) document.getElementById(focused)?.focus();
    this.after();
  }
}

function shown() {
  const place = $("#updated");
  if (place) place.textContent = word("updated", { clock: $("#figures")?.dataset.at });
}

const regions = [
  new Region("figures", { after: () => { draw(); shown(); } }),
  new Region("lists", { still: "tbody:hover, tbody :focus-visible" }),
];
const refresh = () => regions.forEach((region) => region.refresh());

function live(yes) {
  const banner = $("#not-live");
  if (banner) banner.hidden = yes;
  document.body.dataset.live = yes ? "yes" : "no";
}

const socket = io("/console", { transports: ["websocket"] });
socket.on("connect", () => { live(true); refresh(); }); // whatever was missed meanwhile
socket.on("disconnect", () => live(false));
socket.on("hint", refresh);
socket.on("figures", refresh);
socket.on("approval", refresh);
socket.on("signed_out", () => location.assign("/login?reason=signed_out"));
setInterval(refresh, ANYWAY);

document.addEventListener("visibilitychange", () => document.hidden || refresh());
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-measure]");
  if (!button) return;
  measure = button.dataset.measure;
  draw();
});
document.addEventListener("change", (event) => event.target.closest("[data-filter]")?.requestSubmit());
new MutationObserver(draw).observe(document.documentElement, { attributeFilter: ["data-theme"] });
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
new ResizeObserver(([entry]) => {
  if (plot && Math.abs(plot.width - (entry.contentRect.width - 24)) > 1) draw();
}).observe($(".board"));

draw();
shown();
