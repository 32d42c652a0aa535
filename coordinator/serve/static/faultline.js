// The line of faults over time, above the charts and on their axis: each fault a bar in the colour of its state, each
// single act (kill, erase, revive) a tick. Built from the events of the log; asks for nothing.

import { make } from "./dom.js";

const ROW = 15, ROWS_MAX = 6, TICKS = { kill: "--bad", erase: "--bad", revive: "--good", seed: "--good", freeze: "--warn" };
const COLOURS = { planned: "--quiet", injecting: "--warn", active: "--bad", healed: "--good", finished: "--good" };

export class FaultLine {
  constructor() {
    this.faults = new Map(); // id -> { kind, start, end, state }
    this.ticks = []; // { t, kind }
    this.canvas = make("canvas", { role: "img", "aria-label": "Faults over time" });
    this.legend = make("p", { className: "pairs" }, ...["injecting", "active", "healed"].flatMap((state) => {
      const dot = make("i", { className: `dot ${state}` });
      return [dot, ` ${state} \u00a0 `];
    }));
    this.box = make("div", { className: "faultline" }, make("p", { className: "u-title" }, "faults: what was done, and its state"), this.canvas, this.legend);
  }

  // One event of the log.
  add(event) {
    if (typeof event.t !== "number") return;
    if (event.event === "fault") {
      const over = event.state === "healed" || event.state === "finished", known = this.faults.get(event.fault);
      this.faults.set(event.fault, {
        kind: event.kind, start: event.start ?? known?.start ?? event.t, state: event.state, end: over ? event.t : null,
        active: event.state === "active" ? known?.active ?? event.t : known?.active ?? null,
      });
    } else if (event.event in TICKS && event.cells?.length) this.ticks.push({ t: event.t, kind: event.event });
  }

  // States come sooner from the list of faults than from the log.
  know(faults) {
    for (const fault of faults) {
      const known = this.faults.get(fault.id);
      if (known && known.end === null) known.state = fault.state;
      else if (!known) this.faults.set(fault.id, { kind: fault.kind, start: fault.start, state: fault.state, end: null, active: null });
    }
  }

  // Rows such that bars do not overlap.
  rows() {
    const ends = [], placed = [];
    for (const fault of [...this.faults.values()].sort((one, other) => one.start - other.start)) {
      let row = ends.findIndex((end) => end <= fault.start);
      if (row < 0) row = Math.min(ends.length, ROWS_MAX - 1);
      ends[row] = fault.end ?? Infinity;
      placed.push([row, fault]);
    }
    return placed;
  }

  draw(plot) {
    this.box.hidden = !plot || !(this.faults.size || this.ticks.length);
    if (this.box.hidden) return;
    const ratio = window.devicePixelRatio || 1, placed = this.rows(), count = Math.max(0, ...placed.map(([row]) => row + 1));
    const height = 14 + count * ROW, width = plot.width, { canvas } = this, pen = canvas.getContext("2d");
    [canvas.width, canvas.height] = [width * ratio, height * ratio];
    canvas.style.width = `${width}px`;
    canvas.style.height = `${height}px`;
    const style = getComputedStyle(document.documentElement), colour = (name) => style.getPropertyValue(name);
    const left = plot.bbox.left / ratio, right = left + plot.bbox.width / ratio;
    const x = (t) => Math.min(Math.max(left + plot.valToPos(t, "x"), left), right);
    pen.scale(ratio, ratio);
    pen.font = "11px system-ui, sans-serif";
    pen.fillStyle = colour("--rule");
    pen.fillRect(left, 6, right - left, 1);
    for (const tick of this.ticks) {
      pen.fillStyle = colour(TICKS[tick.kind]);
      pen.fillRect(x(tick.t) - 1, 1, 2, 11);
    }
    for (const [row, fault] of placed) {
      const from = x(fault.start), to = Math.max(x(fault.end ?? plot.scales.x.max ?? fault.start), from + 3), top = 14 + row * ROW;
      pen.fillStyle = colour(COLOURS[fault.state] ?? "--quiet");
      pen.globalAlpha = 0.28;
      pen.fillRect(from, top, to - from, ROW - 3);
      pen.globalAlpha = 1;
      pen.fillRect(from, top, 3, ROW - 3);
      if (fault.end !== null) pen.fillRect(to - 2, top, 2, ROW - 3);
      pen.fillStyle = colour("--ink");
      pen.fillText(fault.kind.replaceAll("_", " "), Math.min(from + 6, right - 60), top + 9.5);
    }
  }
}
