// The list of runs: what each was, how it ended, and its last still, fetched when it comes into sight.

import { at, make, number, trouble } from "./dom.js";
import { ask, picture } from "./link.js";
import { theme } from "./theme.js";

theme();
let runs = [], trials = [], pair = []; // `pair`: ids of the runs to be compared, at most two

// Two are chosen; a third takes the place of the first.
function choose(id, on) {
  pair = pair.filter((each) => each !== id);
  if (on) pair = [...pair, id].slice(-2);
  showPair();
}

function showPair() {
  for (const box of document.querySelectorAll(".choice input")) box.checked = pair.includes(box.value);
  at("comparing").hidden = !pair.length;
  at("compare").disabled = pair.length < 2;
  at("comparing-told").textContent = pair.length < 2 ? `${pair[0]}: choose another one` : pair.join(" and ");
}

at("compare").onclick = () => location.assign(`/compare?a=${encodeURIComponent(pair[0])}&b=${encodeURIComponent(pair[1])}`);
at("compare-none").onclick = () => { pair = []; showPair(); };

const sight = new IntersectionObserver((entries) => {
  for (const { isIntersecting, target } of entries) {
    if (!isIntersecting) continue;
    sight.unobserve(target);
    picture(`/api/runs/${target.dataset.run}/stills/-1`).then((address) => { target.src = address; }, () => {});
  }
}, { rootMargin: "200px" });

function row(run) {
  if (run.trouble) return make("li", {}, make("span", {}, `${run.folder}: ${run.trouble}`));
  const image = make("img", { alt: "", width: 96, height: 96 });
  image.dataset.run = run.run;
  if (run.stills) sight.observe(image);
  const state = run.alive ? "alive" : run.verdict ?? "no verdict";
  const facts = [`${run.grid}, ${run.engine}, ${run.substrate}`, `seed ${run.seed}`, run.intervals === null ? "" : `${number(run.intervals, 0)} T`,
    run.loss_log10 === null ? "" : `loss ${number(run.loss_log10)}`].filter(Boolean).join(", ");
  const words = make("div", {},
    make("b", {}, run.rule), " ", make("span", { className: `chip ${run.alive ? "live" : run.verdict ?? ""}` }, state),
    make("p", {}, facts), make("p", { className: "quiet" }, `${run.started.replace("T", " ").slice(0, 19)}, ${run.run}, ${run.folder}`),
    run.alive ? make("p", { className: "quiet" }, `live: planaria serve ${run.run}`) : "");
  const box = make("input", { type: "checkbox", value: run.run, checked: pair.includes(run.run), "aria-label": `Compare ${run.rule} ${run.run}` });
  box.onchange = () => choose(run.run, box.checked);
  return make("li", {}, make("a", { href: `/past?run=${encodeURIComponent(run.run)}` }, image, words), make("label", { className: "choice" }, box, "compare with another"));
}

function trial(found) {
  if (found.trouble) return make("li", {}, make("span", {}, `${found.folder}: ${found.trouble}`));
  const state = found.verdict ?? "not over";
  const points = found.points?.length > 1
    ? make("p", {}, `${found.points.length} points: `, ...found.points.flatMap((verdict) => [make("span", { className: `chip ${verdict}` }, verdict), " "]))
    : "";
  const failed = found.failed ? `, ${found.failed} failed` : "";
  const inside = [make("b", {}, found.name), " ", make("span", { className: `chip ${found.verdict ?? ""}` }, state),
    make("p", {}, found.threshold ?? found.hypothesis ?? ""), points,
    make("p", { className: "quiet" }, `${found.replicates} swarms${failed}, ${found.rules.join(", ")}, seed ${found.seed}, ${found.folder}`)];
  if (!found.report) return make("li", {}, make("div", { className: "trial" }, ...inside));
  const button = make("button", { type: "button" }, "Report");
  button.onclick = async () => {
    const path = `/api/experiments/${encodeURIComponent(found.name)}/${encodeURIComponent(found.time)}/report`;
    try { location.assign((await ask(path, {})).path); } catch (error) { trouble(error.message); }
  };
  return make("li", {}, make("div", { className: "trial" }, ...inside, button));
}

function show() {
  const wanted = at("filter").value.toLowerCase().split(/\s+/).filter(Boolean);
  const fits = (row) => wanted.every((word) => JSON.stringify(Object.values(row)).toLowerCase().includes(word));
  const found = runs.filter(fits), tried = trials.filter(fits);
  at("experiments").hidden = !trials.length;
  at("trials").replaceChildren(...tried.map(trial));
  at("facts").textContent = found.length === runs.length ? `${runs.length}` : `${found.length} of ${runs.length}`;
  at("runs").replaceChildren(...found.map(row));
  if (!runs.length) at("runs").append(make("li", { className: "quiet" }, "No runs yet: planaria run lizard"));
}

at("filter").oninput = show;
try {
  [runs, trials] = await Promise.all([ask("/api/runs"), ask("/api/experiments")]);
  show();
} catch (error) { trouble(error.message); }
