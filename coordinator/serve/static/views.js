// The views: each says what colour a cell has. `colour(cells, cell, out, at)` writes r, g, b; the fourth byte is power.

import { AGE_UNKNOWN, ALPHA, CHANNELS, COST_UNKNOWN, LINKED } from "./cells.js";

// Stops of viridis (Smith, van der Walt: CC0) and of a blue, dark, orange scale of our own.
const RISING = [[68, 1, 84], [59, 82, 139], [33, 145, 140], [94, 201, 98], [253, 231, 37]];
const SIGNED = [[90, 170, 255], [30, 70, 130], [22, 24, 27], [150, 70, 20], [255, 170, 90]];
const DISTINCT = [[86, 180, 233], [230, 159, 0], [0, 158, 115], [204, 121, 167], [240, 228, 66], [213, 94, 0], [170, 170, 170]];

function ramp(stops, share, out, at) {
  const place = Math.min(Math.max(share, 0), 1) * (stops.length - 1), low = Math.min(Math.floor(place), stops.length - 2);
  for (let i = 0; i < 3; i++) out[at + i] = stops[low][i] + (stops[low + 1][i] - stops[low][i]) * (place - low);
}

function byte(value) { return Math.min(Math.max(value, 0), 1) * 255; }

// The second and third time round the colours are darker.
const hue = (number) => DISTINCT[number % DISTINCT.length].map((part) => part * (1 - 0.3 * (Math.floor(number / DISTINCT.length) % 3)));

// [[value, length], ...] as an array of values.
function expand(runs, count) {
  const values = new Float64Array(count);
  let at = 0;
  for (const [value, length] of runs) { values.fill(value, at, at + length); at += length; }
  return values;
}

export class Views {
  constructor(hello) {
    this.interval = hello.interval_s * 1000;
    this.engines = Array.isArray(hello.engines) ? hello.engines : null;
    this.engineNames = this.engines ? [...new Set(this.engines)] : [hello.engines];
    this.count = hello.cells;
    this.hosts = this.pids = null; // number of the host and process id of each cell; null: not told yet
    this.hostNames = [];
    this.channel = 4;
    this.spent = hello.spent ?? []; // what an update and a byte on the line cost, by chip
    this.chip = this.spent[0] ?? null;
    this.most = 1; // mJ, the bright end of the energy view
    this.list = [
      { id: "colour", name: "colour", about: "as the LEDs shine",
        colour: (cells, cell, out, at) => { for (let i = 0; i < 3; i++) out[at + i] = byte(cells.values[cell * CHANNELS + i]); } },
      { id: "paper", name: "on paper", about: "as the article prints it",
        colour: (cells, cell, out, at) => {
          const alpha = Math.min(Math.max(cells.values[cell * CHANNELS + ALPHA], 0), 1);
          for (let i = 0; i < 3; i++) out[at + i] = byte(1 - alpha + cells.values[cell * CHANNELS + i]);
        } },
      { id: "alpha", name: "alpha", about: "above 0.1 it is alive", scale: RISING, ends: ["0", "1"],
        colour: (cells, cell, out, at) => ramp(RISING, cells.values[cell * CHANNELS + ALPHA], out, at) },
      { id: "channel", name: "channel", about: "one of the 16 values", scale: SIGNED, ends: ["−1", "1"],
        colour: (cells, cell, out, at) => ramp(SIGNED, (cells.values[cell * CHANNELS + this.channel] + 1) / 2, out, at) },
      { id: "channels", name: "all 16", about: "all values side by side", scale: SIGNED, ends: ["−1", "1"], tiles: 4 },
      { id: "activity", name: "activity", about: "who has just updated", scale: RISING, ends: ["quiet", "now"], moving: true,
        colour: (cells, cell, out, at, now) => ramp(RISING, Math.exp((cells.updatedAt[cell] - now) / this.interval), out, at) },
      { id: "age", name: "stale age", about: "how old what it heard had become", scale: RISING, ends: ["fresh", "1 T"],
        colour: (cells, cell, out, at) => {
          const age = cells.ages[cell];
          if (age === AGE_UNKNOWN) out.fill(26, at, at + 3); else ramp(RISING, age / 100, out, at);
        } },
      { id: "energy", name: "energy", about: "what each would have used since its process began, were it this chip: computed updates and its line",
        scale: RISING, ends: ["0", ""],
        colour: (cells, cell, out, at) => ramp(RISING, this.energy(cells, cell) / this.most, out, at) },
      { id: "cost", name: "CPU time", about: "of an update, on this machine", scale: RISING, ends: ["0", "1 ms"],
        colour: (cells, cell, out, at) => {
          const cost = cells.costs[cell];
          if (cost === COST_UNKNOWN) out.fill(26, at, at + 3); else ramp(RISING, cost / 1000, out, at);
        } },
      { id: "error", name: "error", about: "squared distance to the target", scale: RISING, ends: ["none", "1"],
        colour: (cells, cell, out, at) => ramp(RISING, Math.sqrt(cells.error(cell) ?? 0), out, at) },
      { id: "life", name: "incarnation", about: "how often it was started",
        colour: (cells, cell, out, at) => out.set(hue(Math.max(cells.lives[cell], 1) - 1 + cells.epochs[cell] - 1), at) },
      { id: "engine", name: "engine", about: this.engineNames.join(", "),
        colour: (cells, cell, out, at) => out.set(hue(this.engines ? this.engineNames.indexOf(this.engines[cell]) : 0), at) },
      { id: "carrier", name: "process", about: "the newer the process, the brighter; cells of one colour share one, its number (pid) stands below the grid",
        scale: RISING, ends: ["oldest", "newest"],
        colour: (cells, cell, out, at) => {
          if (!this.pids || !this.pids[cell]) out.fill(26, at, at + 3); else ramp(RISING, this.ranks.get(this.pids[cell]), out, at);
        } },
      { id: "host", name: "host", about: "which machine or container runs it, and how many cells of all",
        colour: (cells, cell, out, at) => {
          if (this.hosts && this.hosts[cell] >= 0) out.set(hue(this.hosts[cell]), at); else out.fill(26, at, at + 3);
        } },
      { id: "phase", name: "phase", about: "white: linked, grey: asleep, warm: coming up",
        colour: (cells, cell, out, at) => {
          const linked = cells.phases[cell] === LINKED;
          out.set(linked ? (cells.asleep[cell] ? [86, 92, 99] : [235, 235, 235]) : [200, 140, 50], at);
        } },
    ].filter((view) => view.id !== "error" || hello.target !== null)
      .filter((view) => view.id !== "energy" || this.spent.length)
      .filter((view) => !hello.pace || !["cost", "carrier", "host"].includes(view.id)); // virtual time has none of them
    this.chosen = this.list[0];
  }

  // Where each cell is; told anew when it has changed (coordinator/serve/whereabouts.py). Says whether names changed, too.
  place(note) {
    const before = [...this.hostNames, ...this.engineNames].join();
    this.hosts = expand(note.hosts, this.count);
    this.hostNames = note.host_names.map((name, at) => `${name} (${this.hosts.reduce((sum, host) => sum + (host === at), 0)})`);
    this.pids = expand(note.pids, this.count);
    const pids = [...new Set(this.pids)].filter(Boolean).sort((one, other) => one - other);
    this.ranks = new Map(pids.map((pid, at) => [pid, pids.length > 1 ? at / (pids.length - 1) : 1]));
    this.engineNames = note.engine_names;
    this.engines = Array.from(expand(note.engines, this.count), (at) => note.engine_names[at]);
    this.list.find((view) => view.id === "engine").about = this.engineNames.join(", ");
    return before !== [...this.hostNames, ...this.engineNames].join();
  }

  // Millijoules of this life on the chosen chip.
  energy(cells, cell) { return (cells.computed[cell] * this.chip.uj_update + cells.line[cell] * this.chip.uj_byte) / 1000; }

  // The bright end of the scale of energy; it grows in steps of 1, 2, 5.
  reach(cells) {
    if (this.chosen.id !== "energy") return;
    let most = 1e-3;
    for (let cell = 0; cell < cells.count; cell++) most = Math.max(most, this.energy(cells, cell));
    const ten = 10 ** Math.floor(Math.log10(most));
    this.most = ten * [1, 2, 5, 10].find((step) => step * ten >= most * 0.999);
    this.chosen.ends[1] = `${Number(this.most.toPrecision(1))} mJ`;
  }

  // In words: `process 1234 on host1`, and the energy where that is shown.
  told(cells, cell) {
    const spent = this.chosen.id === "energy" ? `, ${this.energy(cells, cell).toFixed(1)} mJ` : "";
    const pid = this.pids?.[cell], host = this.hostNames.length > 1 && this.hosts[cell] >= 0 ? ` on ${this.hostNames[this.hosts[cell]].split(" (")[0]}` : "";
    return (pid ? `, process ${pid}` : "") + host + (this.engineNames.length > 1 ? `, ${this.engines[cell]}` : "") + spent;
  }

  choose(id) { this.chosen = this.list.find((view) => view.id === id) ?? this.chosen; }

  step(by) {
    const at = this.list.indexOf(this.chosen);
    this.chosen = this.list[(at + by + this.list.length) % this.list.length];
  }

  // The picture's size in squares: 16 channels lie side by side as 4 by 4 tiles.
  get tiles() { return this.chosen.tiles ?? 1; }

  // Fills RGBA for every square; alpha 255: the cell has a process, 0: it has none.
  fill(cells, out, now) {
    const { height, width, count } = cells, tiles = this.tiles;
    this.reach(cells);
    if (tiles === 1) {
      for (let cell = 0; cell < count; cell++) {
        if (cells.on(cell)) this.chosen.colour(cells, cell, out, cell * 4, now); else out.fill(0, cell * 4, cell * 4 + 3);
        out[cell * 4 + 3] = cells.on(cell) ? 255 : 0;
      }
      return;
    }
    for (let channel = 0; channel < CHANNELS; channel++) {
      const top = Math.floor(channel / tiles) * height, left = (channel % tiles) * width;
      for (let cell = 0; cell < count; cell++) {
        const at = ((top + Math.floor(cell / width)) * width * tiles + left + (cell % width)) * 4;
        ramp(SIGNED, (cells.values[cell * CHANNELS + channel] + 1) / 2, out, at);
        out[at + 3] = cells.on(cell) ? 255 : 0;
      }
    }
  }

  get distinct() {
    if (this.chosen.id === "engine") return this.engineNames.map((name, at) => [name, hue(at)]);
    if (this.chosen.id === "host") return this.hostNames.map((name, at) => [name, hue(at)]);
    if (this.chosen.id === "life") return [1, 2, 3, 4].map((life) => [`${life}`, hue(life - 1)]);
    return [];
  }

  paintLegend(canvas) {
    const pen = canvas.getContext("2d"), strip = pen.createImageData(canvas.width, 1);
    for (let x = 0; x < canvas.width; x++) {
      ramp(this.chosen.scale, x / (canvas.width - 1), strip.data, x * 4);
      strip.data[x * 4 + 3] = 255;
    }
    for (let y = 0; y < canvas.height; y++) pen.putImageData(strip, 0, y);
  }
}
