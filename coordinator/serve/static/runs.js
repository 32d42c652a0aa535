// The list of runs: what each was, how it ended, and its last still, fetched when it comes into sight.

import { at, make, number, trouble } from "./dom.js";
import { ask, picture } from "./link.js";
import { theme } from "./theme.js";

theme();
let runs = [];

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
  return make("li", {}, make("a", { href: `/past?run=${encodeURIComponent(run.run)}` }, image, words));
}

function show() {
  const wanted = at("filter").value.toLowerCase().split(/\s+/).filter(Boolean);
  const found = runs.filter((run) => wanted.every((word) => JSON.stringify(Object.values(run)).toLowerCase().includes(word)));
  at("facts").textContent = found.length === runs.length ? `${runs.length}` : `${found.length} of ${runs.length}`;
  at("runs").replaceChildren(...found.map(row));
  if (!runs.length) at("runs").append(make("li", { className: "quiet" }, "No runs yet: planaria run lizard"));
}

at("filter").oninput = show;
try {
  runs = await ask("/api/runs");
  show();
} catch (error) { trouble(error.message); }
