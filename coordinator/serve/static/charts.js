// Over time: loss, living cells, updates a second and stale age, with a line where something was done. Drawn with uPlot at
// most twice a second, from arrays of bounded length.

import { at, make } from "./dom.js";

const KEPT = 3600, DRAW_EVERY_MS = 500;
const CHARTS = [
  { title: "loss (log10), less is better", keys: ["loss_log10"], names: ["loss"], floor: false },
  { title: "cells: with a process, and living", keys: ["alive", "living"], names: ["alive", "living"], floor: true },
  { title: "updates a second", keys: ["updates_per_s"], names: ["updates/s"], floor: true },
  { title: "messages said a second", keys: ["messages_per_s"], names: ["messages/s"], floor: true },
  { title: "stale age (how old what is heard has become), 99th percentile, T", keys: ["stale_age_p99"], names: ["stale age"], floor: true },
  { title: "energy of all cells in a T, mJ", keys: ["energy"], names: ["mJ"], floor: true },
  { title: "processor cores used by all cells", keys: ["cores"], names: ["cores"], floor: true },
];

export class Charts {
  constructor() {
    this.rows = [];
    this.marks = [];
    this.plots = [];
    this.drawnAt = 0;
    this.charts = CHARTS;
    this.pointer = null; // a time to mark, while one scrubs
    this.faultLine = null; // drawn above them, on the same axis
    new ResizeObserver(() => this.resize()).observe(at("charts"));
  }

  // Earlier rows (loss.csv), then one a second.
  begin(losses) {
    this.rows = losses.slice(-KEPT).map((row) => ({ t: row.t, loss_log10: row.loss_log10, alive: row.alive, living: row.living }));
  }

  add(note) {
    const { measure: m, now } = note, last = this.rows.at(-1);
    if (last && m.intervals <= last.t) return;
    this.rows.push({ t: m.intervals, loss_log10: m.loss_log10, alive: m.alive, living: m.living,
      updates_per_s: now.updates_per_s, stale_age_p99: now.stale_age_p99,
      messages_per_s: now.messages_per_s, cores: now.cores,
      computed: now.computed_per_s * now.interval_s, line: now.line_bytes_per_s * now.interval_s }); // in a T
    if (this.rows.length > KEPT) this.rows = this.rows.filter((_, place) => place % 2 === 1);
    this.draw();
  }

  // Only charts that begin with one of these keys.
  only(keys) { this.charts = CHARTS.filter((chart) => keys.includes(chart.keys[0])); }

  // All but the chart of this key.
  without(key) { this.charts = this.charts.filter((chart) => chart.keys[0] !== key); }

  // What energy is reckoned for (one of hello's `spent`); null: none is.
  set chip(spent) {
    if (spent === this.spent) return;
    this.spent = spent;
    if (!spent) { this.without("energy"); return; }
    CHARTS.find((chart) => chart.keys[0] === "energy").title = `energy of all cells in a T, were they ${spent.chip}: mJ`;
    if (this.plots.length) this.restyle();
  }

  value(row, key) {
    if (key !== "energy" || !row.line) return row[key] ?? null;
    return (row.computed * this.spent.uj_update + row.line * this.spent.uj_byte) / 1000;
  }

  point(t) {
    if (t === this.pointer) return;
    this.pointer = t;
    for (const plot of this.plots) plot.redraw(false);
  }

  draw(force = false) {
    const now = performance.now();
    if (!force && now - this.drawnAt < DRAW_EVERY_MS || this.rows.length < 2) return;
    this.drawnAt = now;
    if (!this.plots.length) this.build();
    this.charts.forEach((chart, place) => this.plots[place].setData(this.data(chart)));
    this.faultLine?.draw(this.plots[0]);
  }

  data(chart) {
    return [this.rows.map((row) => row.t), ...chart.keys.map((key) => this.rows.map((row) => this.value(row, key)))];
  }

  build() {
    at("charts").replaceChildren(...(this.faultLine ? [this.faultLine.box] : []));
    const target = this.rows.some((row) => row.loss_log10 !== null);
    this.charts = this.charts.filter((chart) => target || chart.keys[0] !== "loss_log10");
    this.plots = this.charts.map((chart) => {
      const box = make("div", { role: "img", "aria-label": chart.title });
      at("charts").append(box);
      return new globalThis.uPlot(this.options(chart), this.data(chart), box);
    });
  }

  options(chart) {
    const style = getComputedStyle(document.documentElement), ink = style.getPropertyValue("--quiet"), rule = style.getPropertyValue("--rule");
    const colours = [style.getPropertyValue("--accent"), style.getPropertyValue("--good")];
    const axis = { stroke: ink, grid: { stroke: rule, width: 1 }, ticks: { stroke: rule, width: 1 }, font: "11px system-ui, sans-serif" };
    return {
      title: chart.title, width: this.width(), height: 132, cursor: { y: false, sync: { key: "t" } }, legend: { show: false },
      scales: { x: { time: false }, y: chart.floor ? { range: (_plot, _low, high) => [0, Math.max(high * 1.08, 1e-3)] } : {} },
      axes: [{ ...axis, size: 28 }, { ...axis, size: 52 }],
      series: [{ label: "T" }, ...chart.names.map((label, place) => ({ label, stroke: colours[place], width: 1.6, points: { show: false }, spanGaps: true }))],
      hooks: { draw: [(plot) => this.drawMarks(plot)] },
    };
  }

  drawMarks(plot) {
    const pen = plot.ctx, { left, top, width, height } = plot.bbox;
    const line = (t) => {
      const x = Math.round(plot.valToPos(t, "x", true));
      if (x < left || x > left + width) return;
      pen.beginPath();
      pen.moveTo(x, top);
      pen.lineTo(x, top + height);
      pen.stroke();
    };
    const style = getComputedStyle(document.documentElement);
    pen.save();
    pen.globalAlpha = 0.55;
    pen.setLineDash([3, 3]);
    for (const mark of this.marks.slice(-KEPT)) {
      pen.strokeStyle = style.getPropertyValue(mark.colour ?? "--bad");
      line(mark.t);
    }
    pen.restore();
    if (this.pointer === null) return;
    pen.save();
    pen.strokeStyle = style.getPropertyValue("--ink");
    pen.lineWidth = 2;
    line(this.pointer);
    pen.restore();
  }

  width() { return Math.max(at("charts").clientWidth - 14, 200); }

  resize() {
    for (const plot of this.plots) plot.setSize({ width: this.width(), height: 132 });
    this.faultLine?.draw(this.plots[0]);
  }

  // Colours are read when a plot is built.
  restyle() {
    for (const plot of this.plots) plot.destroy();
    this.plots = [];
    this.draw(true);
  }
}
