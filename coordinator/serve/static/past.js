// One past run: its film to scrub through, with curves, numbers, events and report.

import { Charts } from "./charts.js";
import { at, tell, trouble } from "./dom.js";
import { ask, picture } from "./link.js";
import { EventList, showNumbers } from "./panels.js";
import { Recorded } from "./recorded.js";
import { theme } from "./theme.js";

const PLAY_MS = 120, STEP = 0.25; // of a recording, in T; played at twice that a frame
const id = new URLSearchParams(location.search).get("run") ?? "", charts = new Charts(), events = new EventList();
const stills = new Map(); // place -> address
let run = null, wanted = -1, playing = null, recorded = null;
theme(() => charts.restyle());

// `place`: the number of a still, or of a step of the recording.
async function show(place) {
  wanted = place;
  at("scrub").value = place;
  const t = recorded ? run.recorded[0] + place * STEP : run.stills[place];
  at("when").textContent = `${t.toFixed(1)} T`;
  const before = events.marks.filter((mark) => mark.t <= t).at(-1);
  tell(before ? `last before: ${before.text} at ${before.t.toFixed(1)} T` : "\u00a0");
  charts.point(t);
  if (recorded) { await recorded.show(t); return; }
  if (!stills.has(place)) stills.set(place, picture(`/api/runs/${run.run}/stills/${place}`));
  try {
    const address = await stills.get(place);
    if (wanted === place) at("still").src = address; // newest wins
  } catch (error) { stills.delete(place); trouble(error.message); }
}

function play(on) {
  clearInterval(playing);
  playing = on ? setInterval(() => {
    const step = recorded ? 2 : 1;
    if (wanted + step <= last()) show(wanted + step); else play(false);
  }, PLAY_MS) : null;
  at("play").setAttribute("aria-pressed", String(on));
  at("play").textContent = on ? "Stop" : "Play";
}

const last = () => recorded ? Math.floor((run.recorded[1] - run.recorded[0]) / STEP) : run.stills.length - 1;

at("all").onclick = () => location.assign("/");
at("scrub").oninput = () => { play(false); show(at("scrub").valueAsNumber); };
at("play").onclick = () => {
  if (playing === null && wanted + 1 >= last()) show(0);
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
  run.events.forEach((event, place) => events.add(place, event));
  charts.marks = events.marks;
  if ("alive" in run.measure) showNumbers({ measure: run.measure, now: {} });
  charts.begin(run.losses);
  charts.only(["loss_log10", "alive"]);
  charts.draw(true);
  if (run.recorded) recorded = await Recorded.of(run.run);
  at("scrub").max = Math.max(last(), 0);
  if (last() >= 0) await show(last()); else tell("no stills were kept");
} catch (error) { trouble(error.message); }
globalThis.planaria = { get run() { return run; }, get shown() { return wanted; }, get recorded() { return recorded; } };
