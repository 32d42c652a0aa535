// Two past runs side by side: both films at the same time, their curves in one chart, numbers and events of both.

import { Charts } from "./charts.js";
import { at, make, number, trouble } from "./dom.js";
import { ask } from "./link.js";
import { EventList, numberRows } from "./panels.js";
import { Player } from "./player.js";
import { theme } from "./theme.js";
import { viewBar } from "./viewbar.js";

const PLAY_MS = 80, PACE = 6; // T a second
const SIDES = [{ key: "a", colour: "--accent" }, { key: "b", colour: "--good" }];
const wish = new URLSearchParams(location.search), charts = new Charts();
const page = { runs: [], players: [], t: null, last: 0 };
let playing = null;
theme(() => charts.restyle());

// A frame with all that a player needs, and who it is.
function box(run, side) {
  const still = make("img", { alt: `The grid of run ${run.run}` }), paint = make("canvas", { "aria-hidden": "true", hidden: true });
  const grid = make("canvas", { className: "look", tabIndex: 0, role: "application", hidden: true,
    "aria-label": `Grid of cells of run ${run.run}. Arrow keys move, plus and minus zoom.` });
  const frame = make("div", { className: "frame still" }, still, paint, grid), caption = make("p", { className: "caption" });
  frame.append(caption);
  const dot = make("i", { className: `dot side-${side.key}` });
  at("pair").append(make("figure", {}, make("figcaption", {}, dot, make("a", { href: `/past?run=${encodeURIComponent(run.run)}` }, make("b", {}, run.rule)),
    ` ${run.grid}, ${run.engine} on ${run.substrate}, seed ${run.seed} `, make("span", { className: `chip ${run.verdict ?? ""}` }, run.verdict ?? "no verdict"),
    make("span", { className: "quiet" }, ` ${run.run}`)), frame));
  return { frame, still, paint, grid, card: null, caption };
}

function show(t) {
  page.t = t;
  at("scrub").value = t;
  at("when").textContent = `${t.toFixed(1)} T`;
  charts.point(t);
  for (const player of page.players) {
    const { span } = player;
    player.box.caption.textContent = !span ? "no picture was kept" : t > span[1] + 0.25 ? `ended at ${span[1].toFixed(1)} T` : t < span[0] - 0.25 ? `begins at ${span[0].toFixed(1)} T` : "";
    player.show(t);
  }
}

function play(on) {
  clearInterval(playing);
  playing = null;
  let last = performance.now();
  if (on) {
    playing = setInterval(() => {
      const now = performance.now(), t = Math.min(page.t + (now - last) / 1000 * PACE, page.last);
      last = now;
      show(t);
      if (t >= page.last) play(false);
    }, PLAY_MS);
  }
  at("play").setAttribute("aria-pressed", String(on));
  at("play").textContent = on ? "Stop" : "Play";
}

// One view for both, where both are recorded.
function views() {
  const recorded = page.players.map((player) => player.recorded).filter(Boolean);
  if (!recorded.length) return;
  at("view-card").hidden = false;
  const [first, ...others] = recorded;
  viewBar(first.views, () => {
    for (const other of others) { other.views.choose(first.views.chosen.id); other.views.channel = first.views.channel; }
    for (const each of recorded) each.draw();
  });
}

// Rows of both, by time.
function curves() {
  const rows = [];
  page.runs.forEach((run, place) => {
    const { key } = SIDES[place];
    for (const row of run.losses) rows.push({ t: row.t, [`loss_${key}`]: row.loss_log10, [`living_${key}`]: row.living, [`alive_${key}`]: row.alive });
  });
  charts.rows = rows.sort((one, other) => one.t - other.t);
  const names = page.runs.map((run) => `${run.rule} ${run.run}`), both = (name) => SIDES.map(({ key }) => `${name}_${key}`);
  charts.charts = [
    { title: "loss (log10), less is better", keys: both("loss"), names, floor: false },
    { title: "living cells (alpha > 0.1)", keys: both("living"), names, floor: true },
    { title: "cells with a process, or power", keys: both("alive"), names, floor: true },
  ];
  charts.draw(true);
}

function numbers() {
  const columns = page.runs.map((run) => ("alive" in run.measure ? numberRows({ measure: run.measure, now: {} }) : []));
  const names = columns.find((rows) => rows.length)?.map(([name]) => name) ?? [];
  const head = make("tr", {}, make("td"), ...page.runs.map((run, place) => make("th", { scope: "col" }, make("i", { className: `dot side-${SIDES[place].key}` }), ` ${run.rule}`)));
  const lived = make("tr", {}, make("th", { scope: "row" }, "lived for"), ...page.runs.map((run) => make("td", {}, `${number(run.intervals, 0)} T`)));
  at("numbers").replaceChildren(make("thead", {}, head), make("tbody", {}, lived, ...names.map((name, row) => make("tr", {}, make("th", { scope: "row" }, name),
    ...columns.map((rows) => make("td", { className: rows[row]?.[2] ?? "" }, rows[row]?.[1] ?? "–"))))));
}

function lists() {
  page.runs.forEach((run, place) => {
    const { key, colour } = SIDES[place], list = make("ol", { className: "list events", reversed: true }), events = new EventList(list);
    run.events.forEach((event, index) => events.add(index, event));
    charts.marks.push(...events.marks.map((mark) => ({ ...mark, colour })));
    at("lists").append(make("section", { className: "card" }, make("h2", {}, make("i", { className: `dot side-${key}` }), `Events of ${run.rule} ${run.run}`), list));
  });
}

at("all").onclick = () => location.assign("/");
at("scrub").oninput = () => { play(false); show(at("scrub").valueAsNumber); };
at("play").onclick = () => {
  if (playing === null && page.t >= page.last) show(0);
  play(playing === null);
};

try {
  const ids = SIDES.map(({ key }) => wish.get(key) ?? "");
  page.runs = await Promise.all(ids.map((id) => ask(`/api/runs/${encodeURIComponent(id)}`)));
  document.title = `${page.runs.map((run) => run.rule).join(" and ")} – Planaria`;
  lists();
  curves();
  numbers();
  page.players = await Promise.all(page.runs.map((run, place) => Player.of(run, box(run, SIDES[place]))));
  views();
  page.last = Math.max(0, ...page.players.map(({ span }) => span?.[1] ?? 0));
  at("scrub").max = page.last;
  at("play").disabled = page.last <= 0;
  at("state").textContent = `the same time of both, 0 to ${page.last.toFixed(0)} T`;
  show(page.last);
} catch (error) { trouble(error.message); at("state").textContent = ""; }
globalThis.planaria = { page, charts }; // for tests and the curious
