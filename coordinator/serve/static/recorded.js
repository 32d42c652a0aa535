// A recording to scrub through: every cell's 16 values at any time, in the views of the live page. One frame is fetched at a
// time, and then the newest that was asked for.

import { Board } from "./board.js";
import { Cells } from "./cells.js";
import { tell, trouble } from "./dom.js";
import { ask, bytes } from "./link.js";
import { makePainter } from "./paint.js";
import { viewBar } from "./viewbar.js";
import { Views } from "./views.js";

const KNOWN = ["colour", "paper", "alpha", "channel", "channels", "error", "engine"]; // what a recording can tell

export class Recorded {
  // box: elements { frame, still, paint, grid, card (of the views, or none) }
  constructor(run, hello, box) {
    Object.assign(this, { run, box });
    this.cells = new Cells(hello);
    this.views = new Views(hello);
    this.views.list = this.views.list.filter((view) => KNOWN.includes(view.id));
    this.squares = new Uint8ClampedArray(4);
    this.shown = null; // the time on the screen
    box.still.hidden = true;
    for (const each of [box.paint, box.grid, box.card]) if (each) each.hidden = false;
    this.painter = makePainter(box.paint, (other) => { this.painter = other; this.draw(); });
    this.board = new Board(box.frame, box.grid, {
      hover: (cell) => this.describe(cell), pick: (cell) => this.describe(cell), stroke() {}, plant() {}, changed: () => this.draw(),
    });
    box.grid.addEventListener("keydown", (event) => { if (this.board.key(event)) event.preventDefault(); });
    if (box.card) viewBar(this.views, () => this.draw());
  }

  static async of(run, box) { return new Recorded(run, await ask(`/api/runs/${run}/hello`), box); }

  async show(t) {
    this.wanted = t;
    if (this.busy) return;
    this.busy = true;
    try {
      while (this.shown !== this.wanted) {
        const next = this.wanted;
        this.cells.apply(await bytes(`/api/runs/${this.run}/frames/${next}`), performance.now());
        this.shown = next;
        this.draw();
      }
    } catch (error) { trouble(error.message); } finally { this.busy = false; }
  }

  describe(cell) {
    if (cell === null) return;
    const { width, values } = this.cells, state = values.slice(cell * 16, cell * 16 + 16);
    const told = this.cells.on(cell) ? Array.from(state, (value) => value.toFixed(2)).join(" ") : "no process";
    tell(`cell ${Math.floor(cell / width)}, ${cell % width}: ${told}`);
  }

  draw() {
    if (this.shown === null || !this.board) return;
    const { cells, views, board, painter } = this, tiles = views.tiles, length = cells.count * tiles * tiles * 4;
    if (this.squares.length !== length) this.squares = new Uint8ClampedArray(length);
    if (board.rows !== cells.height * tiles || board.columns !== cells.width * tiles) {
      board.shape(cells.height, cells.width, tiles); // which draws
      return;
    }
    const [width, height] = board.size();
    for (const canvas of [painter.canvas, board.canvas]) {
      if (canvas.width !== width || canvas.height !== height) [canvas.width, canvas.height] = [width, height];
    }
    views.fill(cells, this.squares, performance.now());
    painter.draw(this.squares, cells.width * tiles, cells.height * tiles, board.view);
    board.drawOver(null, null);
  }
}
