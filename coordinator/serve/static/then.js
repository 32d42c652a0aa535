// Other times and other lives: scrubbing back while the run goes on, and a twin of the run beside it. Both are whole frames
// that are fetched when wanted, one at a time, the newest wish first. Draws the twin; what was is drawn by the page.

import { Cells } from "./cells.js";
import { at, make, number, trouble } from "./dom.js";
import { ask, framed } from "./link.js";
import { makePainter } from "./paint.js";

const TWIN_EVERY_T = 1, MARGIN = 8;

// Fetches whole frames into cells of its own; `got` is called for each.
class Fetched {
  constructor(hello, path, got) {
    Object.assign(this, { cells: new Cells(hello), path, got, wanted: null, shown: null, busy: false, loss: null });
  }

  async show(t) {
    this.wanted = t;
    if (this.busy) return;
    this.busy = true;
    try {
      while (this.wanted !== null && this.shown !== this.wanted) {
        const next = this.wanted, { data, loss } = await framed(`${this.path}${next}`);
        this.cells.apply(data, performance.now());
        Object.assign(this, { shown: next, loss });
        this.got(this);
      }
    } catch (error) { this.wanted = null; trouble(error.message); } finally { this.busy = false; }
  }
}

export class Then {
  // on: { changed(), pointer(t | null) }
  constructor(hello, on) {
    Object.assign(this, { hello, on, t: null, span: null, twin: null, squares: new Uint8ClampedArray(4) });
    this.past = new Fetched(hello, "/api/frames/", () => on.changed());
    const scrub = at("scrub");
    scrub.oninput = () => this.go(scrub.valueAsNumber);
    at("to-now").onclick = () => this.now();
    at("twin").onchange = () => this.choose(at("twin").value);
    this.painter ??= makePainter(at("twin-paint"), (other) => { this.painter = other; this.drawn = null; on.changed(); });
    this.now();
    this.fill();
  }

  async fill() {
    const kinds = await ask("/api/twins"), chosen = at("twin").value;
    at("twin").replaceChildren(make("option", { value: "" }, "nothing"), ...Object.entries(kinds).map(([kind, about]) => make("option", { value: kind }, about)));
    at("twin").value = chosen;
  }

  // From when to when there is something to see.
  reach(span) {
    this.span = span;
    const scrub = at("scrub");
    scrub.disabled = !span || span[1] - span[0] < 1;
    if (scrub.disabled) return;
    [scrub.min, scrub.max] = [span[0].toFixed(2), span[1].toFixed(2)];
    if (this.t === null) scrub.value = scrub.max;
  }

  go(t) {
    if (!this.span) return;
    this.t = t;
    at("scrub").value = t;
    at("to-now").disabled = false;
    at("then-t").textContent = `${t.toFixed(1)} T`;
    at("frame").classList.add("then");
    this.past.show(t);
    this.on.pointer(t);
    this.follow(t);
  }

  now() {
    this.t = null;
    this.past.wanted = this.past.shown = null;
    at("to-now").disabled = true;
    at("then-t").textContent = "now";
    at("scrub").value = at("scrub").max;
    at("frame").classList.remove("then");
    this.on.pointer(null);
    this.on.changed();
  }

  // What the page should draw: the past that one has scrubbed to, or null for now.
  get cells() { return this.t === null || this.past.shown === null ? null : this.past.cells; }

  choose(kind) {
    this.twin = kind ? new Fetched(this.hello, `/api/twins/${kind}/frames/`, () => { this.tell(); this.on.changed(); }) : null;
    at("twin-frame").hidden = !kind;
    at("both").classList.toggle("two", Boolean(kind));
    this.tell();
    this.on.changed();
  }

  // The run is at `t`: so should its twin be.
  follow(t) {
    if (this.twin) this.twin.show(Math.max(Math.floor(t / TWIN_EVERY_T) * TWIN_EVERY_T, 0));
  }

  tell() {
    const { twin } = this;
    if (!twin) return;
    const loss = twin.loss === null ? "" : `, loss ${number(twin.loss)}`;
    at("twin-told").textContent = twin.shown === null ? "computing" : `unharmed, at ${twin.shown} T${loss}`;
  }

  draw(views) {
    const { twin, painter } = this;
    if (!twin || twin.shown === null) return;
    const { cells } = twin, tiles = views.tiles, length = cells.count * tiles * tiles * 4, ratio = window.devicePixelRatio || 1;
    const [width, height] = ["clientWidth", "clientHeight"].map((side) => Math.round(at("twin-frame")[side] * ratio));
    const key = [twin.path, twin.shown, views.chosen.id, views.channel, width, height].join();
    if (key === this.drawn) return;
    this.drawn = key;
    if (painter.canvas.width !== width || painter.canvas.height !== height) [painter.canvas.width, painter.canvas.height] = [width, height];
    if (this.squares.length !== length) this.squares = new Uint8ClampedArray(length);
    const [rows, columns] = [cells.height * tiles, cells.width * tiles], room = 2 * MARGIN * ratio;
    const scale = Math.max(Math.min((width - room) / columns, (height - room) / rows), 0.5);
    views.fill(cells, this.squares, performance.now());
    painter.draw(this.squares, columns, rows, { scale, left: (width - scale * columns) / 2, top: (height - scale * rows) / 2 });
  }
}
