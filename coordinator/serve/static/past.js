// One past run: its film to scrub through, with curves, numbers, events and report.

import { Charts } from "./charts.js";
import { at, tell, trouble } from "./dom.js";
import { ask } from "./link.js";
import { EventList, showNumbers } from "./panels.js";
import { Player } from "./player.js";
import { theme } from "./theme.js";

const PLAY_MS = 80, STILL_MS = 120, STEP = 0.25; // T between two places of a recording
const wish = new URLSearchParams(location.search), id = wish.get("run") ?? "", charts = new Charts(), events = new EventList();
let run = null, player = null, times = [], wanted = -1, playing = null;
theme(() => charts.restyle());

const numberOf = (name, otherwise) => { const found = Number(wish.get(name) ?? NaN); return Number.isFinite(found) ? found : otherwise; };

// `place`: which of `times`.
async function show(place) {
  wanted = place;
  at("scrub").value = place;
  const t = times[place];
  at("when").textContent = `${t.toFixed(1)} T`;
  const before = events.marks.filter((mark) => mark.t <= t).at(-1);
  tell(before ? `last before: ${before.text} at ${before.t.toFixed(1)} T` : "\u00a0");
  charts.point(t);
  await player.show(t);
}

// The place of a time.
const place = (t) => Math.max(times.findLastIndex((each) => each <= t + 1e-6), 0);

function play(on) {
  clearInterval(playing);
  playing = null;
  if (on) {
    const end = place(numberOf("to", times.at(-1)));
    let head = times[wanted], last = performance.now();
    playing = setInterval(() => {
      const now = performance.now();
      head += (now - last) / 1000 * Number(at("speed").value);
      last = now;
      const next = Math.min(player.recorded ? place(head) : wanted + 1, end);
      if (next !== wanted) show(next);
      if (next >= end) play(false);
    }, player.recorded ? PLAY_MS : STILL_MS);
  }
  at("play").setAttribute("aria-pressed", String(on));
  at("play").textContent = on ? "Stop" : "Play";
}

// T a second: as it was lived, and rounder ones.
function offerSpeeds() {
  const lived = 1 / run.interval_s, wished = numberOf("pace", 4), speeds = new Set([lived, 1, 4, 10, 40, wished]);
  for (const speed of [...speeds].sort((one, other) => one - other)) {
    const name = speed === lived ? `${Number(speed.toPrecision(3))} T/s, as lived` : `${Number(speed.toPrecision(3))} T/s`;
    at("speed").append(new Option(name, speed, speed === wished, speed === wished));
  }
  at("speed-box").hidden = !player.recorded;
}

at("all").onclick = () => location.assign("/");
at("scrub").oninput = () => { play(false); show(at("scrub").valueAsNumber); };
at("play").onclick = () => {
  if (playing === null && wanted + 1 >= times.length - 1) show(place(numberOf("from", times[0])));
  play(playing === null);
};
at("report").onclick = async () => {
  try { location.assign((await ask(`/api/runs/${run.run}/report`, {})).path); } catch (error) { trouble(error.message); }
};

try {
  run = await ask(`/api/runs/${encodeURIComponent(id)}`);
  document.title = `${run.rule} ${run.run} – Planaria`;
  at("title").textContent = run.rule;
  at("facts").textContent = `${run.grid}, ${run.engine} on ${run.substrate}, seed ${run.seed}, ${run.started.replace("T", " ").slice(0, 19)}, ${run.folder}`;
  at("state").textContent = run.alive ? "alive" : run.verdict ?? "no verdict";
  at("state").className = `chip ${run.verdict ?? ""}`;
  at("repeat").textContent = run.repeat;
  at("report").disabled = false;
  run.events.forEach((event, number) => events.add(number, event));
  charts.marks = events.marks;
  if ("alive" in run.measure) showNumbers({ measure: run.measure, now: {} });
  charts.begin(run.losses);
  charts.only(["loss_log10", "alive"]);
  charts.draw(true);
  player = await Player.of(run, { frame: at("frame"), still: at("still"), paint: at("paint"), grid: at("grid"), card: at("view-card") });
  times = player.times(STEP);
  offerSpeeds();
  at("scrub").max = Math.max(times.length - 1, 0);
  at("play").disabled = times.length < 2;
  if (!times.length) tell("no stills were kept");
  else if (wish.get("play")) { await show(place(numberOf("from", times[0]))); play(true); } else await show(times.length - 1);
} catch (error) { trouble(error.message); }
globalThis.planaria = { // for tests and the curious
  get run() { return run; }, get shown() { return wanted; }, get recorded() { return player?.recorded ?? null; }, get playing() { return playing !== null; },
};
