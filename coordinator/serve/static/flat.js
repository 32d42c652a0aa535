// Painting squares as LEDs with Canvas 2D: the same call and the same look as paint.js, for where WebGL is not there or
// would be computed by the processor, which takes longer for it (`planaria bench page` has both, side by side).

const LEDS_FROM = 5; // device pixels a square; below, a square is its colour and no more
const WELL = "rgb(12, 14, 16)", HOUSING = "rgb(21, 23, 25)", MARK = "rgb(107, 31, 31)", LEAST = 19; // as the shader's
const SIDE = 0.86, CORNER = 0.17; // of a square: the lens, and how round it is

export class FlatPainter {
  constructor(canvas) {
    this.canvas = canvas;
    this.kind = "2d";
    this.pen = canvas.getContext("2d", { alpha: false });
    this.small = document.createElement("canvas");
    this.front = document.createElement("canvas"); // what lies before the light: a plate with a hole a square
    this.plate = "";
  }

  draw(rgba, columns, rows, view) {
    const { pen, canvas, small } = this, { scale, left, top } = view, leds = scale >= LEDS_FROM;
    if (small.width !== columns || small.height !== rows) [small.width, small.height] = [columns, rows];
    const shown = new Uint8ClampedArray(rgba), off = [];
    for (let at = 3; at < shown.length; at += 4) {
      if (shown[at] === 0) {
        if (leds) off.push(at >> 2);
        shown.set([12, 14, 16], at - 3);
      } else if (leds) for (let part = at - 3; part < at; part++) if (shown[part] < LEAST) shown[part] = LEAST;
      shown[at] = 255;
    }
    small.getContext("2d").putImageData(new ImageData(shown, columns, rows), 0, 0);
    pen.fillStyle = WELL;
    pen.fillRect(0, 0, canvas.width, canvas.height);
    pen.imageSmoothingEnabled = false;
    pen.drawImage(small, left, top, columns * scale, rows * scale);
    if (!leds) return;
    this.makePlate(columns, rows, view);
    pen.drawImage(this.front, 0, 0);
    this.markOff(off, columns, view);
  }

  // Only when the view has changed; only what is in the window.
  makePlate(columns, rows, { scale, left, top }) {
    const { front, canvas } = this, plate = [columns, rows, scale, left, top, canvas.width, canvas.height].join();
    if (plate === this.plate) return;
    this.plate = plate;
    [front.width, front.height] = [canvas.width, canvas.height];
    const pen = front.getContext("2d"), first = (from) => Math.max(Math.floor(-from / scale), 0);
    const last = (from, size, most) => Math.min(Math.ceil((size - from) / scale), most), side = SIDE * scale;
    pen.beginPath();
    pen.rect(left, top, columns * scale, rows * scale);
    for (let row = first(top); row < last(top, front.height, rows); row++) {
      for (let column = first(left); column < last(left, front.width, columns); column++) {
        pen.roundRect(left + (column + 0.5) * scale - side / 2, top + (row + 0.5) * scale - side / 2, side, side, CORNER * scale);
      }
    }
    pen.fillStyle = HOUSING;
    pen.fill("evenodd");
  }

  // A square without a process: dark, with a small cross.
  markOff(off, columns, { scale, left, top }) {
    const { pen, canvas } = this, arm = 0.2 * scale, seen = (at, size) => at > -scale && at < size + scale;
    pen.fillStyle = WELL;
    pen.strokeStyle = MARK;
    pen.lineWidth = Math.max(0.09 * scale, 1);
    pen.beginPath();
    for (const square of off) {
      const x = left + (square % columns + 0.5) * scale, y = top + (Math.floor(square / columns) + 0.5) * scale;
      if (!seen(x, canvas.width) || !seen(y, canvas.height)) continue;
      pen.fillRect(x - scale / 2, y - scale / 2, scale, scale);
      pen.moveTo(x - arm, y - arm);
      pen.lineTo(x + arm, y + arm);
      pen.moveTo(x + arm, y - arm);
      pen.lineTo(x - arm, y + arm);
    }
    pen.stroke();
  }
}
