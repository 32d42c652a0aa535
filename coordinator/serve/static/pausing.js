// Pause and its end. Two quick presses are one of each: what was asked for last counts until the cells say so themselves.

export class Pausing {
  // `act(word)` resolves to an outcome, or to null when nothing came of it
  constructor(act) { Object.assign(this, { act, asked: null, turn: Promise.resolve() }); }

  toggle(paused) {
    const pause = this.asked = !(this.asked ?? paused);
    this.turn = this.turn.then(() => this.act(pause ? "pause" : "resume")).then((done) => { if (!done) this.asked = null; });
  }

  seen(paused) { if (paused === this.asked) this.asked = null; }
}
