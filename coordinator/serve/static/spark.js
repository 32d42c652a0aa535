// Sixteen values over time, each a small line: for the inspector. Knows one cell at a time.

import { CHANNELS } from "./cells.js";
import { make } from "./dom.js";

const KEPT = 600, HIGH = 22, EVERY_MS = 100;

export class Sparks {
  constructor() { this.begin(null, []); }

  // `past`: [t, values] of earlier, as the server has kept it.
  begin(cell, past) {
    this.cell = cell;
    this.rows = past.slice(-KEPT);
    this.addedAt = 0;
  }

  add(t, cells, now) {
    if (this.cell === null || now - this.addedAt < EVERY_MS || (this.rows.length && t <= this.rows.at(-1)[0])) return;
    this.addedAt = now;
    this.rows.push([t, Array.from(cells.values.subarray(this.cell * CHANNELS, this.cell * CHANNELS + CHANNELS))]);
    if (this.rows.length > KEPT) this.rows.shift();
  }

  // A canvas of one channel's line; the middle is 0, the whole height is 4.
  canvas(channel) {
    const ratio = window.devicePixelRatio || 1, width = 150;
    const canvas = make("canvas", { width: width * ratio, height: HIGH * ratio, className: "spark", "aria-hidden": "true" }), pen = canvas.getContext("2d");
    const style = getComputedStyle(document.documentElement);
    pen.scale(ratio, ratio);
    pen.strokeStyle = style.getPropertyValue("--rule");
    pen.strokeRect(0, HIGH / 2, width, 0);
    if (this.rows.length < 2) return canvas;
    const first = this.rows[0][0], last = this.rows.at(-1)[0], span = Math.max(last - first, 1e-6);
    pen.strokeStyle = style.getPropertyValue("--accent");
    pen.lineWidth = 1.3;
    pen.beginPath();
    for (const [t, values] of this.rows) {
      pen.lineTo(((t - first) / span) * (width - 2) + 1, HIGH / 2 - Math.max(Math.min(values[channel] / 4, 0.5), -0.5) * (HIGH - 2));
    }
    pen.stroke();
    return canvas;
  }

  get span() { return this.rows.length < 2 ? "" : `${this.rows[0][0].toFixed(1)} to ${this.rows.at(-1)[0].toFixed(1)} T`; }
}
