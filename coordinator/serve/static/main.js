// The page of one run: puts link, cells, views, board, hands and panels together, and draws at most thirty times a second.

import { Board } from "./board.js";
import { Cells } from "./cells.js";
import { Charts } from "./charts.js";
import { at, make, number, sure, tell, trouble } from "./dom.js";
import { Hands } from "./hands.js";
import { Link, ask } from "./link.js";
import { FaultLine } from "./faultline.js";
import { hint } from "./hint.js";
import { Log } from "./log.js";
import { EventList, showCell, showFaults, showNumbers } from "./panels.js";
import { Pace } from "./pace.js";
import { makePainter } from "./paint.js";
import { Patterns } from "./patterns.js";
import { Pausing } from "./pausing.js";
import { showWounds } from "./recovery.js";
import { Sparks } from "./spark.js";
import { Speed } from "./speed.js";
import { theme } from "./theme.js";
import { Then } from "./then.js";
import { viewBar } from "./viewbar.js";
import { Views } from "./views.js";

const FRAME_MS = 1000 / 30, INSPECT_EVERY_MS = 500, FAULTS_EVERY_MS = 2000;
const page = { hello: null, cells: null, views: null, hands: null, chosen: null, over: false };
let squares = new Uint8ClampedArray(4), dirty = true, nextDraw = 0, receipt = 0, looking = null;
let painter = makePainter(at("paint"), (other) => { painter = other; dirty = true; });
const events = new EventList(), charts = new Charts(), faultLine = new FaultLine(), sparks = new Sparks();
const log = new Log(events, showEvent);
charts.faultLine = faultLine;

const board = new Board(at("frame"), at("grid"), {
  hover: (cell) => tell(cell === null || !page.cells ? "\u00a0" : describe(cell)),
  pick: (cell) => inspect(cell),
  stroke: (points, done) => page.hands?.draw(points, done),
  plant: (cell) => page.hands?.plant(Math.floor(cell / page.cells.width), cell % page.cells.width),
  changed: () => { dirty = true; },
});

// T may have been raised while the swarm was coming up.
function pace(interval) { if (page.views && interval > 0) page.views.interval = interval * 1000; }

function describe(cell) {
  const { cells } = page, row = Math.floor(cell / cells.width), column = cell % cells.width;
  if (!cells.on(cell)) return `cell ${row}, ${column}: no process`;
  const error = cells.error(cell);
  const off = error === null ? "" : `, error ${Math.sqrt(error).toFixed(2)}`;
  const alpha = cells.values[cell * 16 + 3].toFixed(2), life = `${cells.epochs[cell]}.${cells.lives[cell]}`;
  return `cell ${row}, ${column}: alpha ${alpha}, incarnation ${life}${off}${page.views.told(cells, cell)}${cells.asleep[cell] ? ", asleep" : ""}`;
}

// ---- what arrives

const link = new Link({
  frame(buffer) {
    if (!page.cells) return;
    page.cells.apply(buffer, performance.now());
    pausing.seen(page.cells.paused);
    receipt = page.cells.number;
    dirty = true;
  },
  note(note) {
    if (note.type === "hello") welcome(note);
    else if (note.type === "numbers") count(note);
    else if (note.type === "event") log.note(note);
    else if (note.type === "whereabouts") { if (page.views.place(note)) showViews(); dirty = true; }
    else if (note.type === "trouble") trouble(note.line);
    else if (note.type === "over") { page.over = true; showState(false); }
  },
  state(state) {
    page.link = state;
    if (state === "refused") trouble("The token is missing or wrong: open the address that the command printed, with all that stands behind #.");
    showState(page.cells?.paused ?? false);
  },
});

function count(note) {
  showNumbers(note);
  charts.add(note);
  showState(note.now.paused);
  pace(note.now.interval_s);
  showWounds(note.wounds, note.measure.intervals);
  page.then?.reach(note.history);
  page.interval = note.now.interval_s;
  page.tempo?.show?.(note.now.pace);
}

async function welcome(hello) {
  const again = page.hello?.run === hello.run;
  if (page.hello && !again) { location.reload(); return; } // another run has taken its place
  page.hello = hello;
  page.cells = new Cells(hello);
  if (again) { dirty = true; log.catchUp(); return; }
  document.title = `${hello.rule} – Planaria`;
  at("title").textContent = hello.rule;
  at("facts").textContent = `${hello.height}×${hello.width}${hello.torus ? " torus" : ""}, ${number(hello.cells)} ${hello.pace ? "cells in virtual time" : "processes"}, engine ${hello.engine}${hello.pace ? "" : `, T ${hello.interval_s} s`}, run ${hello.run}`;
  page.tempo = hello.pace ? new Pace(hello.pace) : null;
  if (hello.pace) charts.without("cores"); // its cells have no processes that could be asked
  at("hint-virtual").hidden = !hello.pace;
  at("hint-real").hidden = at("speed-box").hidden = Boolean(hello.pace);
  page.patterns = hello.begins ? new Patterns({ started: (name) => { page.starting = name; showState(false); } }, hello.rule) : null;
  page.views = new Views(hello);
  showViews();
  page.then = new Then(hello, { changed: () => { dirty = true; }, pointer: (t) => charts.point(t) });
  page.interval = hello.interval_s;
  page.hands = new Hands(await ask("/api/vocabulary"), {
    chosen: () => {
      board.brush = page.hands?.brush ?? false;
      board.radius = page.hands?.radius ?? 0;
      at("grid").classList.toggle("look", !board.brush);
      dirty = true;
    },
    acted: () => askFaults(),
  }, `cell:${hello.height >> 1},${hello.width >> 1}`, Boolean(hello.pace));
  page.tempo ??= new Speed((action) => page.hands.does(action), () => page.interval, askFaults);
  charts.begin(await ask("/api/losses"));
  await log.catchUp();
  askFaults();
  for (const id of ["pause", "step", "speed", "heal", "reset"]) at(id).disabled = false;
}

function showEvent(event) {
  faultLine.add(event);
  charts.marks = events.marks;
  showCounters();
  if (event.event === "inject" || event.event === "heal") askFaults();
}

function showCounters() {
  const hurt = { kill: 0, erase: 0, inject: 0, revive: 0 };
  for (const mark of events.marks) if (mark.kind in hurt) hurt[mark.kind] += 1;
  at("counters").textContent = `so far: kill ${hurt.kill}, erase ${hurt.erase}, fault ${hurt.inject}, revive ${hurt.revive}`;
}

async function askFaults() {
  try {
    const faults = await ask("/api/faults");
    faultLine.know(faults);
    if (page.unasked) { page.unasked = false; trouble(""); } // what could not be asked before can be now
    page.tempo?.know?.(faults);
    showFaults(faults, (id) => page.hands.does({ do: "heal", id }));
  } catch (error) { page.unasked = true; trouble(error.message); }
}
setInterval(() => { if (page.link === "live" && !document.hidden && !page.over) askFaults(); }, FAULTS_EVERY_MS);

function showState(paused) {
  const chip = at("state"), kind = page.starting ? "starting" : page.over ? "over" : page.link === "live" ? (paused ? "paused" : "live") : "lost";
  chip.className = `chip ${kind}`;
  const word = { over: "the run is over", live: "live", paused: "paused", lost: "connection lost", starting: `starting ${page.starting}` }[kind];
  if (chip.textContent !== word) chip.textContent = word;
  at("pause").textContent = paused ? "Go on" : "Pause";
}

// ---- views

const showViews = () => viewBar(page.views, () => { dirty = true; charts.chip = page.views.chip; });

// ---- one cell

async function inspect(cell) {
  page.chosen = cell;
  dirty = true;
  clearInterval(looking);
  if (cell === null) { at("cell").hidden = true; sparks.begin(null, []); return; }
  if (cell !== sparks.cell) {
    sparks.begin(cell, []);
    ask(`/api/cells/${cell}/values`).then((past) => { if (sparks.cell === cell) sparks.begin(cell, past); }, () => {});
  }
  const look = async () => {
    try { const found = await ask(`/api/cells/${cell}`); if (page.chosen === cell && found) showCell(found, inspect, page.cells.width, sparks); }
    catch (error) { trouble(error.message); }
  };
  looking = setInterval(() => { if (!document.hidden) look(); }, INSPECT_EVERY_MS);
  await look();
}

// ---- drawing

function draw(now) {
  requestAnimationFrame(draw);
  if (now < nextDraw - 4 || !page.cells || !page.views) return;
  if (!dirty && !(page.views.chosen.moving && !page.cells.paused)) return;
  nextDraw = Math.max(nextDraw + FRAME_MS, now); // on the average thirty a second, however the screen's turns fall
  dirty = false;
  const cells = page.then?.cells ?? page.cells, { views } = page, tiles = views.tiles, length = cells.count * tiles * tiles * 4;
  if (squares.length !== length) squares = new Uint8ClampedArray(length);
  board.shape(cells.height, cells.width, tiles);
  const [width, height] = board.size();
  for (const canvas of [painter.canvas, board.canvas]) {
    if (canvas.width !== width || canvas.height !== height) [canvas.width, canvas.height] = [width, height];
  }
  views.fill(cells, squares, performance.now());
  if (views.chosen.id === "energy") at("scale-end").textContent = views.chosen.ends[1];
  painter.draw(squares, cells.width * tiles, cells.height * tiles, board.view);
  if (page.then) {
    if (page.then.t === null) page.then.follow(page.cells.t);
    page.then.draw(views);
  }
  sparks.add(page.cells.t, page.cells, now);
  board.drawOver(page.chosen, page.hands?.line ?? null);
  page.drawn = (page.drawn ?? 0) + 1;
  if (receipt) { link.seen(receipt); receipt = 0; page.fresh = (page.fresh ?? 0) + 1; }
}
requestAnimationFrame(draw);

// ---- buttons and keys

const pausing = new Pausing((word) => page.hands?.does({ do: word }));
const togglePause = () => pausing.toggle(page.cells?.paused ?? false);
const step = () => page.tempo?.step();
at("step").onclick = step;
at("pause").onclick = togglePause;
at("heal").onclick = () => page.hands.healAll();
at("reset").onclick = async () => { if (await sure("Heal everything, wipe every cell and plant one seed in the centre?")) page.hands.reset(); };
at("help").onclick = () => at("keys").showModal();
at("closer").onclick = () => board.zoom(1.4);
at("farther").onclick = () => board.zoom(1 / 1.4);
at("fit").onclick = () => board.fit();
at("cell-close").onclick = () => inspect(null);
theme(() => charts.restyle());
hint();
at("export").onclick = async () => {
  try {
    const address = URL.createObjectURL(new Blob([await ask("/api/scenario")], { type: "application/toml" }));
    make("a", { href: address, download: `${page.hello.rule}-${page.hello.run}.toml` }).click();
    URL.revokeObjectURL(address);
  } catch (error) { trouble(error.message); }
};

addEventListener("keydown", (event) => {
  const elsewhere = event.target.closest("input, select, textarea, dialog");
  if (elsewhere || event.ctrlKey || event.metaKey || event.altKey || !page.views) return;
  if (event.key === " " && event.target.tagName === "BUTTON") return;
  const onGrid = event.target === at("grid") && board.key(event);
  if (onGrid) { event.preventDefault(); return; }
  const key = event.key.toLowerCase();
  if (key === " ") togglePause();
  else if (key === ".") step();
  else if (key === "v") { page.views.step(event.shiftKey ? -1 : 1); showViews(); }
  else if (key === "[" || key === "]") page.hands?.wider(key === "]" ? 1 : -1);
  else if (key === "i" && board.cursor) inspect(board.cell(board.cursor));
  else if (key === "escape") { page.hands?.choose("look"); inspect(null); }
  else if (key === "p" && page.patterns) page.patterns.open();
  else if (key === "?") at("keys").showModal();
  else if (/^[1-9]$/.test(key)) page.hands?.chooseNumber(Number(key) - 1);
  else return;
  event.preventDefault();
});

globalThis.planaria = { page, board, get painter() { return painter.kind; } }; // for tests and the curious
