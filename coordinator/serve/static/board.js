// The board: where squares lie on the screen, and what fingers, mouse and keys mean there. Tells `on`, changes no cell.
// on: { hover(cell), pick(cell), stroke(points, done), plant(cell), changed() }; a point is { row, column } in cells.

const CLOSEST = 96, DOUBLE_MS = 300, STILL_PX = 5, LARGE_STEP = 5;

export class Board {
  constructor(frame, canvas, on) {
    Object.assign(this, { frame, canvas, on, rows: 1, columns: 1, gridRows: 1, gridColumns: 1, brush: false, radius: 0 });
    this.view = { scale: 1, left: 0, top: 0 };
    this.fitted = true;
    this.cursor = null; // { row, column } of the keyboard
    this.hovered = null;
    this.fingers = new Map();
    this.stroke = null;
    this.lastTap = null;
    canvas.addEventListener("pointerdown", (event) => this.down(event));
    canvas.addEventListener("pointermove", (event) => this.move(event));
    canvas.addEventListener("pointerup", (event) => this.up(event));
    canvas.addEventListener("pointercancel", (event) => this.up(event));
    canvas.addEventListener("pointerleave", () => { this.hovered = null; on.hover(null); on.changed(); });
    canvas.addEventListener("wheel", (event) => {
      event.preventDefault();
      this.zoom(Math.exp(-event.deltaY / 400), this.pixel(event));
    }, { passive: false });
    canvas.addEventListener("contextmenu", (event) => event.preventDefault());
    new ResizeObserver(() => { if (this.fitted) this.fit(); on.changed(); }).observe(frame);
  }

  // `tiles`: how often the grid lies side by side in each direction.
  shape(rows, columns, tiles) {
    const same = this.rows === rows * tiles && this.columns === columns * tiles;
    Object.assign(this, { gridRows: rows, gridColumns: columns, rows: rows * tiles, columns: columns * tiles });
    if (!same) this.fit();
  }

  get ratio() { return window.devicePixelRatio || 1; }

  size() { return [Math.round(this.frame.clientWidth * this.ratio), Math.round(this.frame.clientHeight * this.ratio)]; }

  fit() {
    const [width, height] = this.size(), room = 8 * this.ratio;
    const scale = Math.max(Math.min((width - 2 * room) / this.columns, (height - 2 * room) / this.rows), 0.5);
    this.view = { scale, left: (width - scale * this.columns) / 2, top: (height - scale * this.rows) / 2 };
    this.fitted = true;
    this.on.changed();
  }

  zoom(factor, about) {
    const [width, height] = this.size(), at = about ?? { x: width / 2, y: height / 2 }, view = this.view;
    const least = Math.min(width / this.columns, height / this.rows) / 4;
    const scale = Math.min(Math.max(view.scale * factor, least), CLOSEST * this.ratio), by = scale / view.scale;
    this.view = { scale, left: at.x - (at.x - view.left) * by, top: at.y - (at.y - view.top) * by };
    this.fitted = false;
    this.on.changed();
  }

  pixel(event) {
    const box = this.canvas.getBoundingClientRect();
    return { x: (event.clientX - box.left) * this.ratio, y: (event.clientY - box.top) * this.ratio };
  }

  // In squares, with fractions: the centre of the first square is 0, 0.
  point(event) {
    const { x, y } = this.pixel(event), { scale, left, top } = this.view;
    const column = (x - left) / scale - 0.5, row = (y - top) / scale - 0.5;
    if (row < -0.5 || column < -0.5 || row >= this.rows - 0.5 || column >= this.columns - 0.5) {
      return { row, column, inside: false };
    }
    const tileRow = Math.floor((row + 0.5) / this.gridRows), tileColumn = Math.floor((column + 0.5) / this.gridColumns);
    return { row: row - tileRow * this.gridRows, column: column - tileColumn * this.gridColumns, inside: true };
  }

  cell(point) { return point?.inside ? Math.round(point.row) * this.gridColumns + Math.round(point.column) : null; }

  down(event) {
    this.canvas.focus({ preventScroll: true });
    this.canvas.setPointerCapture(event.pointerId);
    this.fingers.set(event.pointerId, { x: event.clientX, y: event.clientY });
    if (this.fingers.size === 2) { this.stroke = null; return; }
    const point = this.point(event), paint = this.brush && event.button === 0;
    this.stroke = { paint, from: { x: event.clientX, y: event.clientY }, moved: false, point };
    if (paint && point.inside) this.on.stroke([point], false);
  }

  move(event) {
    const before = this.fingers.get(event.pointerId), now = { x: event.clientX, y: event.clientY };
    if (this.fingers.size === 2 && before) { this.pinch(event.pointerId, before, now); return; }
    const point = this.point(event);
    this.hovered = point.inside ? point : null;
    this.on.hover(this.cell(point));
    this.on.changed();
    if (!before || !this.stroke) return;
    this.fingers.set(event.pointerId, now);
    if (Math.hypot(now.x - this.stroke.from.x, now.y - this.stroke.from.y) > STILL_PX) this.stroke.moved = true;
    if (this.stroke.paint) { if (point.inside) this.on.stroke([point], false); return; }
    if (this.stroke.moved) this.pan(now.x - before.x, now.y - before.y);
  }

  pan(x, y) {
    this.view = { ...this.view, left: this.view.left + x * this.ratio, top: this.view.top + y * this.ratio };
    this.fitted = false;
    this.on.changed();
  }

  pinch(id, before, now) {
    const [other] = [...this.fingers].filter(([each]) => each !== id).map(([, finger]) => finger);
    const apart = (finger) => Math.max(Math.hypot(finger.x - other.x, finger.y - other.y), 1);
    this.fingers.set(id, now);
    this.pan((now.x - before.x) / 2, (now.y - before.y) / 2);
    const box = this.canvas.getBoundingClientRect();
    const middle = { x: ((now.x + other.x) / 2 - box.left) * this.ratio, y: ((now.y + other.y) / 2 - box.top) * this.ratio };
    this.zoom(apart(now) / apart(before), middle);
  }

  up(event) {
    const known = this.fingers.delete(event.pointerId), stroke = this.stroke;
    if (!known || !stroke || this.fingers.size) return;
    this.stroke = null;
    if (stroke.paint) this.on.stroke([], true);
    const cell = this.cell(stroke.point);
    if (stroke.moved || event.type === "pointercancel" || cell === null) { this.lastTap = null; return; }
    const twice = this.lastTap && event.timeStamp - this.lastTap.at < DOUBLE_MS && this.lastTap.cell === cell;
    this.lastTap = twice ? null : { at: event.timeStamp, cell };
    if (twice && this.brush) this.on.plant(cell); else if (!stroke.paint) this.on.pick(cell);
  }

  // Returns whether the key meant something here.
  key(event) {
    const steps = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
    if (event.key in steps) {
      const [down, right] = steps[event.key].map((step) => step * (event.shiftKey ? LARGE_STEP : 1));
      const from = this.cursor ?? { row: this.gridRows >> 1, column: this.gridColumns >> 1 };
      this.cursor = {
        row: Math.min(Math.max(from.row + down, 0), this.gridRows - 1),
        column: Math.min(Math.max(from.column + right, 0), this.gridColumns - 1), inside: true,
      };
      this.on.hover(this.cell(this.cursor));
    } else if (event.key === "Enter" && this.cursor) {
      if (this.brush) { this.on.stroke([this.cursor], false); this.on.stroke([], true); } else this.on.pick(this.cell(this.cursor));
    } else if (event.key === "+" || event.key === "=") this.zoom(1.3);
    else if (event.key === "-") this.zoom(1 / 1.3);
    else if (event.key === "0") this.fit();
    else return false;
    this.on.changed();
    return true;
  }

  // Cursor, brush, line and chosen cell, above the picture.
  drawOver(chosen, line) {
    const pen = this.canvas.getContext("2d"), { scale, left, top } = this.view;
    pen.clearRect(0, 0, this.canvas.width, this.canvas.height);
    const square = (row, column, style) => {
      pen.strokeStyle = style;
      pen.strokeRect(left + column * scale, top + row * scale, scale, scale);
    };
    pen.lineWidth = 2 * this.ratio;
    if (chosen !== null) square(Math.floor(chosen / this.gridColumns), chosen % this.gridColumns, "#ffd24a");
    if (this.cursor && document.activeElement === this.canvas) square(this.cursor.row, this.cursor.column, "#fff");
    pen.lineWidth = 1.5 * this.ratio;
    pen.strokeStyle = "rgb(255 255 255 / .85)";
    if (line) {
      pen.beginPath();
      pen.moveTo(left + (line.from.column + 0.5) * scale, top + (line.from.row + 0.5) * scale);
      pen.lineTo(left + (line.to.column + 0.5) * scale, top + (line.to.row + 0.5) * scale);
      pen.stroke();
    } else if (this.hovered && this.brush) {
      pen.beginPath();
      pen.arc(left + (this.hovered.column + 0.5) * scale, top + (this.hovered.row + 0.5) * scale, (this.radius + 0.5) * scale, 0, 7);
      pen.stroke();
    }
  }
}
