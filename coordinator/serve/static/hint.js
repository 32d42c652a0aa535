// The first visit: three lines on what one sees and can do, until they are dismissed.

import { at } from "./dom.js";

const KEPT = "planaria-hint-seen";

export function hint() {
  at("hint").hidden = localStorage.getItem(KEPT) !== null;
  at("hint-close").onclick = () => {
    localStorage.setItem(KEPT, "1");
    at("hint").hidden = true;
    at("grid").focus({ preventScroll: true });
  };
}
