// Light or dark: as the system says, or as was chosen here. `changed` is called when colours were.

import { at } from "./dom.js";

const KEPT = "planaria-theme";

export function theme(changed = () => {}) {
  const root = document.documentElement, kept = localStorage.getItem(KEPT);
  if (kept) root.dataset.theme = kept;
  at("theme").onclick = () => {
    const now = root.dataset.theme ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
    root.dataset.theme = now === "dark" ? "light" : "dark";
    localStorage.setItem(KEPT, root.dataset.theme);
    changed();
  };
}
