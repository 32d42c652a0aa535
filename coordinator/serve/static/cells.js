// The cells as the page knows them: arrays by cell number, brought up to date by frames (coordinator/serve/wire.py).

export const CHANNELS = 16, ALPHA = 3, AGE_UNKNOWN = 65535, COST_UNKNOWN = 65535;
const MAGIC = 0x4c50, VERSION = 3, HEAD = 32, SLEEPING = 128;
export const OFF = 0, LINKED = 4, FAILED = 5;

export class Cells {
  constructor(hello) {
    const count = hello.cells;
    this.height = hello.height;
    this.width = hello.width;
    this.count = count;
    this.unit = hello.value_bytes === 1 ? 1 / 32 : 1 / 1024;
    this.values = new Float32Array(count * CHANNELS);
    this.lives = new Uint32Array(count);
    this.epochs = new Uint16Array(count);
    this.updates = new Uint16Array(count);
    this.ages = new Uint16Array(count).fill(AGE_UNKNOWN);
    this.costs = new Uint16Array(count).fill(COST_UNKNOWN); // CPU microseconds of an update
    this.computed = new Uint32Array(count); // updates of this life that computed something
    this.line = new Uint32Array(count); // bytes that a chip would have had on its line
    this.phases = new Uint8Array(count);
    this.asleep = new Uint8Array(count);
    this.updatedAt = new Float64Array(count); // ms of the page's clock
    this.target = hello.target === null ? null : Uint8Array.from(atob(hello.target), (sign) => sign.charCodeAt(0));
    this.number = 0;
    this.t = 0;
    this.paused = false;
  }

  on(cell) { return this.phases[cell] !== OFF && this.phases[cell] !== FAILED; }

  alive() {
    let count = 0;
    for (let cell = 0; cell < this.count; cell++) if (this.on(cell)) count++;
    return count;
  }

  // Returns the numbers of the cells that changed. Throws at what is no frame.
  apply(buffer, now) {
    const head = new DataView(buffer);
    if (head.getUint16(0, true) !== MAGIC || head.getUint8(2) !== VERSION) throw new Error("this is no frame");
    const bytes = head.getUint8(3), count = head.getUint32(12, true), first = this.number === 0;
    this.number = head.getUint32(4, true);
    this.t = head.getFloat64(16, true);
    this.paused = head.getUint8(24) !== 0;
    let at = HEAD;
    const take = (Kind, width = 1) => {
      const array = new Kind(buffer, at, count * width);
      at += array.byteLength;
      return array;
    };
    const cells = take(Uint32Array), lives = take(Uint32Array), epochs = take(Uint16Array);
    const updates = take(Uint16Array), ages = take(Uint16Array), costs = take(Uint16Array), computed = take(Uint32Array), line = take(Uint32Array);
    const values = take(bytes === 1 ? Int8Array : Int16Array, CHANNELS), phases = take(Uint8Array);
    for (let row = 0; row < count; row++) {
      const cell = cells[row];
      if (updates[row] !== this.updates[cell] && !first) this.updatedAt[cell] = now;
      this.lives[cell] = lives[row];
      this.epochs[cell] = epochs[row];
      this.updates[cell] = updates[row];
      this.ages[cell] = ages[row];
      this.costs[cell] = costs[row];
      this.computed[cell] = computed[row];
      this.line[cell] = line[row];
      this.phases[cell] = phases[row] & ~SLEEPING;
      this.asleep[cell] = phases[row] & SLEEPING;
      for (let channel = 0; channel < CHANNELS; channel++) {
        this.values[cell * CHANNELS + channel] = values[row * CHANNELS + channel] * this.unit;
      }
    }
    return cells;
  }

  // Squared distance to the target over the four visible channels; null without a target.
  error(cell) {
    if (this.target === null) return null;
    let sum = 0;
    for (let channel = 0; channel < 4; channel++) {
      const value = this.on(cell) ? this.values[cell * CHANNELS + channel] : 0;
      sum += (value - this.target[cell * 4 + channel] / 255) ** 2;
    }
    return sum;
  }
}
