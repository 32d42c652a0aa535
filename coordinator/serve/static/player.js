// A past run to be seen at any time: every cell from its recording, or else the newest still of then. One thing is fetched at
// a time, and then the newest that was asked for.

import { trouble } from "./dom.js";
import { picture } from "./link.js";
import { Recorded } from "./recorded.js";

export class Player {
  // `run`: as /api/runs/ID tells it; `box`: see Recorded
  constructor(run, box, recorded) {
    Object.assign(this, { run, box, recorded, stills: new Map(), shown: null, wanted: null });
  }

  static async of(run, box) { return new Player(run, box, run.recorded ? await Recorded.of(run.run, box) : null); }

  // From when to when there is something to see, in T; null: never.
  get span() {
    const { recorded, stills } = this.run;
    return recorded ?? (stills.length ? [stills[0], stills.at(-1)] : null);
  }

  // The times that one can choose among, `step` T apart in a recording.
  times(step) {
    const { recorded, stills } = this.run;
    if (!recorded) return stills;
    return Array.from({ length: Math.floor((recorded[1] - recorded[0]) / step) + 1 }, (_, place) => recorded[0] + place * step);
  }

  async show(t) {
    if (!this.span) return;
    const there = Math.min(Math.max(t, this.span[0]), this.span[1]);
    if (this.recorded) {
      await this.recorded.show(there);
      this.shown = this.recorded.shown;
      return;
    }
    const place = Math.max(this.run.stills.findLastIndex((each) => each <= there), 0);
    this.wanted = place;
    if (!this.stills.has(place)) this.stills.set(place, picture(`/api/runs/${this.run.run}/stills/${place}`));
    try {
      const address = await this.stills.get(place);
      if (this.wanted !== place) return; // newest wins
      this.box.still.src = address;
      this.shown = this.run.stills[place];
    } catch (error) { this.stills.delete(place); trouble(error.message); }
  }
}
