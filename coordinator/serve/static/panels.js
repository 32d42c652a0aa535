// The panels beside the grid: numbers, one cell, faults, events. They show what they are given and ask for no frame.

import { CHANNELS } from "./cells.js";
import { at, make, number } from "./dom.js";

const EVENTS_SHOWN = 200, OVER = ["finished", "healed"];
const NAMES = ["red", "green", "blue", "alpha", ...Array.from({ length: CHANNELS - 4 }, (_, at) => `hidden ${at + 1}`)];
const PLACES = [[-1, -1], [-1, 0], [-1, 1], [0, -1], [0, 1], [1, -1], [1, 0], [1, 1]];

export function showNumbers(note) {
  at("numbers").replaceChildren(...numberRows(note).flatMap(([name, value, kind = ""]) => [make("dt", {}, name), make("dd", { className: kind }, value)]));
}

// [name, value, class] of each number.
export function numberRows(note) {
  const { measure: m, now } = note;
  return [
    [m.substrate === "virtual" ? "cells with power" : "processes alive", `${number(m.alive)} of ${number(m.grid.split("x").reduce((a, b) => a * b, 1))}`],
    ["living (alpha > 0.1)", number(m.living)],
    ["updates / s", number(now.updates_per_s ?? m.updates_per_s, 0)],
    ["messages / s", number(now.messages_per_s, 0)],
    ["stale age p99 (age of what is heard)", m.stale_age_p99 === null ? "–" : `${number(now.stale_age_p99 ?? m.stale_age_p99)} T`],
    ["heard, of half the living neighbours", m.heard_share === null ? "–" : `${number(m.heard_share * 100, 0)} %`],
    ["CPU of an update", m.cpu_us_per_update === null ? "–" : `${number(m.cpu_us_per_update, 0)} µs`],
    ["missed wakes (over a T late)", number(m.missed_wakes)],
    ["error (loss, log10)", number(m.loss_log10)],
    ["error, best of one-pixel shifts", number(m.loss_log10_shift1)],
    ["better than a blank grid by (gain)", number(m.gain_log10)],
    ["verdict", m.verdict ?? "too early", m.verdict ?? ""],
  ];
}

// `sparks`: the cell's values over time.
export function showCell(found, pick, width, sparks) {
  at("cell").hidden = false;
  at("cell-name").textContent = `Cell ${found.row}, ${found.column}`;
  const bars = make("div", { className: "bars" });
  found.state.forEach((value, channel) => bars.append(
    make("span", {}, NAMES[channel]), bar(value), sparks.canvas(channel), make("span", {}, value.toFixed(3))));
  const place = (cell) => `${Math.floor(cell / width)}, ${cell % width}`;
  const around = make("div", { className: "around", role: "group", "aria-label": "Neighbours" });
  const cells = new Map(PLACES.map(([down, right], slot) => [`${down},${right}`, found.neighbours[slot]?.cell ?? -1]));
  for (const down of [-1, 0, 1]) {
    for (const right of [-1, 0, 1]) {
      const cell = down || right ? cells.get(`${down},${right}`) : found.cell;
      const here = !down && !right;
      around.append(make("button", {
        type: "button", disabled: here || cell < 0, onclick: () => pick(cell),
        "aria-label": cell < 0 ? "beyond the border" : `cell ${place(cell)}`,
      }, here ? "●" : cell < 0 ? "" : "○"));
    }
  }
  const heard = found.neighbours.filter(({ cell }) => cell >= 0).map((other) => make("tr", {},
    make("td", {}, place(other.cell)), make("td", {}, other.on ? String(other.pid || "yes") : "none"),
    make("td", {}, other.sequence ? number(other.sequence) : "–"), make("td", {}, other.behind === null ? "silent" : number(other.behind)),
    make("td", {}, other.incarnation[1] ? other.incarnation.join(".") : "–"), make("td", {}, other.faults.join(", ") || "–")));
  const table = make("table", { className: "heard" }, make("thead", {}, make("tr", {},
    ...["neighbour", "process", "heard no.", "behind by", "life", "faults"].map((name) => make("th", { scope: "col" }, name)))), make("tbody", {}, ...heard));
  const counters = Object.entries(found.counters).filter(([, value]) => value).map(([name, value]) => `${name.replaceAll("_", " ")} ${number(value)}`);
  const worst = found.stale_ages.length ? `${Math.max(...found.stale_ages)} T` : "";
  const lost = found.counters.fault_lost ?? 0, received = found.counters.received ?? 0;
  const facts = [found.on ? `${found.pid ? `process ${found.pid}` : "has power"}, ${found.phase}` : "no process", `incarnation (life) ${found.epoch}.${found.life}`,
    worst && `oldest state it used (stale age) ${worst}`, received && `of ${number(received)} messages ${number(lost)} lost by faults`,
    found.faults.length && `under ${found.faults.map(({ id, kind }) => `fault ${id} ${kind.replaceAll("_", " ")}`).join(", ")}`];
  at("cell-body").replaceChildren(
    make("p", { className: "pairs" }, facts.filter(Boolean).join("; ")), bars,
    make("p", { className: "pairs" }, sparks.span && `lines: ${sparks.span}`), around, table,
    make("p", { className: "pairs" }, counters.join(", ")),
    make("ul", { className: "pairs plain-list" }, ...found.log.map((line) => make("li", {}, line))),
  );
}

// A bar from the middle: left is negative, right is positive, the whole width is 4.
function bar(value) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg"), share = Math.min(Math.abs(value) / 4, 0.5);
  svg.setAttribute("viewBox", "0 0 100 9");
  svg.setAttribute("preserveAspectRatio", "none");
  for (const [x, width, fill] of [[0, 100, "var(--rule)"], [value < 0 ? 50 - share * 100 : 50, share * 100, "var(--accent)"]]) {
    const rect = document.createElementNS("http://www.w3.org/2000/svg", "rect");
    for (const [name, each] of Object.entries({ x, y: 0, width, height: 9, fill })) rect.setAttribute(name, each);
    svg.append(rect);
  }
  return svg;
}

export function showFaults(faults, heal) {
  const active = faults.filter((fault) => !OVER.includes(fault.state)).reverse(), over = faults.length - active.length;
  const rows = active.map((fault) => {
    const parameters = Object.entries(fault.parameters).map(([name, value]) => `${name} ${typeof value === "number" ? number(value, 3) : value}`).join(", ");
    const ends = fault.duration === null || fault.duration === undefined ? "until healed" : `to ${number(fault.start + fault.duration, 1)} T`;
    return make("li", {},
      make("span", {}, `${fault.kind.replaceAll("_", " ")} ${parameters}, ${fault.cells} cells, ${ends}, ${number(fault.hits)} hits`),
      make("button", { type: "button", onclick: () => heal(fault.id), "aria-label": `Heal fault ${fault.id}` }, "Heal"));
  });
  at("faults").replaceChildren(...rows, make("li", { className: "quiet" }, active.length ? `${over} over` : over ? `none now, ${over} over` : "none"));
}

export class EventList {
  constructor(list = at("events")) {
    this.list = list;
    this.newest = -1;
    this.marks = []; // { t, text } for the charts
  }

  // Returns whether it was new.
  add(place, event) {
    if (place <= this.newest) return false;
    this.newest = place;
    const text = describe(event), { list } = this;
    list.prepend(make("li", {}, make("span", { className: "t" }, typeof event.t === "number" ? `${event.t.toFixed(1)} T` : ""), make("span", {}, text)));
    while (list.children.length > EVENTS_SHOWN) list.lastChild.remove();
    if (typeof event.t === "number" && (Array.isArray(event.cells) || ["pause", "resume", "heal"].includes(event.event))) this.marks.push({ t: event.t, text, kind: event.event });
    return true;
  }
}

function describe(event) {
  const kind = event.proof?.kind ? ` ${event.proof.kind.replaceAll("_", " ")}` : "";
  const select = event.selector ? ` ${event.selector.length > 40 ? `${event.selector.slice(0, 40)}…` : event.selector}` : "";
  const cells = Array.isArray(event.cells) ? ` (${event.cells.length} cells)` : "";
  if (event.event === "fault") return `fault ${event.fault} ${event.kind.replaceAll("_", " ")}: ${event.state}, ${number(event.hits)} hits`;
  return `${event.event}${kind}${select}${cells}${event.line ? ` ${event.line}` : ""}${event.error ? ` ${event.error}` : ""}`;
}
