// The log of a run that goes on: what has been comes by fetch, what happens by the socket, and both stand in one order.

import { ask } from "./link.js";

const AGAIN_MS = 1000;

export class Log {
  // `events`: an EventList; `shown(event)` after each that is new
  constructor(events, shown) {
    Object.assign(this, { events, shown, waiting: [], asking: false });
  }

  // What happens now; it waits until all that lies before it is known.
  note(each) {
    if (this.waiting) this.waiting.push(each); else this.add(each);
  }

  // Ask for what has been: at the beginning, and whenever the line was lost for a while.
  async catchUp() {
    this.waiting ??= [];
    if (this.asking) return;
    this.asking = true;
    try {
      const past = await ask(`/api/events?after=${this.events.newest}`), since = this.waiting;
      this.waiting = null;
      for (const each of [...past, ...since]) this.add(each);
    } catch {
      setTimeout(() => this.catchUp(), AGAIN_MS);
    } finally { this.asking = false; }
  }

  add({ number, event }) { if (this.events.add(number, event)) this.shown(event); }
}
