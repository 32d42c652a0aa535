// What was lost, and how long recovery took: the newest wounds, each in a sentence.

import { at, make, number } from "./dom.js";

const SHOWN = 6;
const WORDS = { kill: "killed", erase: "erased", freeze: "frozen" };

export function showWounds(wounds, now) {
  const rows = wounds.slice(-SHOWN).reverse().map((wound) => {
    const harms = Object.entries(wound.harms).map(([what, cells]) => `${number(cells)} cells ${WORDS[what] ?? what.replaceAll("_", " ")}`).join(", ");
    const fell = wound.loss_worst === null || wound.loss_before === null ? "" : `, loss ${number(wound.loss_before)} to ${number(wound.loss_worst)}`;
    const healed = wound.healed === null ? `healing for ${number(Math.max(now - wound.last_harm, 0), 0)} T`
      : `recovered in ${number(wound.took, 1)} T (${number(wound.took_s, 1)} s)`;
    return make("li", {}, make("span", { className: "t" }, `${wound.began.toFixed(1)} T`),
      make("span", {}, `${harms}${fell}: `, make("b", { className: wound.healed === null ? "warn" : "good" }, healed)));
  });
  at("wounds").replaceChildren(...rows.length ? rows : [make("li", { className: "quiet" }, "nothing was lost so far")]);
}
