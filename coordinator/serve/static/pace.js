// The pace of virtual time: a slider of T a second, each step of it the same ratio. All viewers share one pace.

import { at, number, trouble } from "./dom.js";
import { ask } from "./link.js";

const SLACK = 0.7; // of what was wished; a machine that reaches less says what it does reach

export class Pace {
  // about: { least, most }, in T a second
  constructor(about) {
    Object.assign(this, { about, sent: 0 });
    at("pace-box").hidden = false;
    at("pace").oninput = () => this.wish(this.chosen());
  }

  chosen() {
    const { least, most } = this.about, found = least * (most / least) ** (at("pace").valueAsNumber / 100);
    return Number(found.toPrecision(2));
  }

  async wish(t_per_s) {
    this.tell(t_per_s, null);
    this.sent = performance.now();
    try { await ask("/api/pace", { t_per_s }); } catch (error) { trouble(error.message); }
  }

  // As it is now, whoever chose it; not while one is choosing here.
  show(pace) {
    if (!pace || performance.now() - this.sent < 1500) return;
    const { least, most } = this.about;
    at("pace").value = Math.round(100 * Math.log(pace.wished / least) / Math.log(most / least));
    this.tell(pace.wished, pace.reached);
  }

  tell(wished, reached) {
    const less = reached !== null && reached > 0 && reached < wished * SLACK;
    at("pace-told").textContent = less ? `${number(reached, 1)} of ${number(wished, 1)} T/s` : `${number(wished, 1)} T/s`;
    at("pace").setAttribute("aria-valuetext", `${number(wished, 1)} T a second`);
  }

  async step() {
    try { await ask("/api/step", {}); trouble(""); } catch (error) { trouble(error.message); }
  }
}
