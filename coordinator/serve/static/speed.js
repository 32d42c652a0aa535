// The speed of real processes: all their clocks slower or faster, which is a fault like others, so that it stands in the log;
// and a step of one T. Virtual time has a pace instead (pace.js).

import { at } from "./dom.js";

const KIND = "clock_drift", OVER = ["healed", "finished"];

export class Speed {
  // `does`: carries out an action, null where it failed; `interval()`: T in seconds; `changed` is called after a choice
  constructor(does, interval, changed) {
    Object.assign(this, { does, interval, fault: null });
    at("speed").onchange = async () => { await this.pick(Number(at("speed").value)); changed(); };
  }

  // All faults as they stand: one of them may be the speed, whoever chose it.
  know(faults) {
    this.fault = faults.find((fault) => !OVER.includes(fault.state) && fault.kind === KIND && fault.selector === "all") ?? null;
    if (document.activeElement === at("speed")) return;
    at("speed").value = String(this.fault ? Math.round(100 / (1 + this.fault.parameters.drift)) / 100 : 1);
  }

  // The one before is healed.
  async pick(speed) {
    if (this.fault) await this.does({ do: "heal", id: this.fault.id });
    if (speed !== 1) await this.does({ do: "inject", select: "all", fault: KIND, parameters: { drift: 1 / speed - 1 } });
  }

  // One T: the clocks go on, and stand again.
  async step() {
    if (!await this.does({ do: "resume" })) return;
    await new Promise((resolve) => setTimeout(resolve, this.interval() * 1000));
    await this.does({ do: "pause" });
  }
}
