// The choice of another pattern: what there is, a line of what to expect of each, how far to turn it. Starting one ends the
// running swarm; its page follows at the same address.

import { at, make, number, trouble } from "./dom.js";
import { ask, picture } from "./link.js";

const REGIMES = { growing: "grows", persistent: "grows and stays", regenerating: "grows, stays, heals" };

export class Patterns {
  // on: { started(name) }; `present`: the run's rule; `cells`: what a dot is ("processes", "cells in virtual time")
  constructor(on, present, cells) {
    Object.assign(this, { on, cells, rows: [], chosen: present, regime: "", pictures: new Map() });
    at("patterns").hidden = false;
    at("patterns").disabled = false;
    at("patterns").onclick = () => this.open();
    at("regime").onchange = () => { this.regime = at("regime").value; this.show(); };
    at("begin-angle").oninput = () => this.turn();
    for (const button of at("turns").querySelectorAll("button")) {
      button.onclick = () => { at("begin-angle").value = button.dataset.turn; this.turn(); };
    }
    at("begin-form").onsubmit = (event) => { event.preventDefault(); this.begin(); };
    at("begin-cancel").onclick = () => at("begin").close();
  }

  get row() { return this.rows.find((row) => row.name === this.chosen); }

  get angle() { return at("begin-angle").valueAsNumber || 0; }

  async open() {
    at("begin-trouble").textContent = "";
    if (at("begin").open) return;
    at("begin").showModal();
    if (!this.rows.length) {
      try { this.rows = await ask("/api/patterns"); } catch (error) { at("begin-trouble").textContent = error.message; return; }
      const there = new Set(this.rows.map((row) => row.regime));
      at("regime").replaceChildren(make("option", { value: "" }, "all"), ...Object.entries(REGIMES).map(([name, about]) =>
        make("option", { value: name, disabled: !there.has(name) }, `${name}: ${about}${there.has(name) ? "" : " (none comes with it; planaria train can)"}`)));
    }
    this.show();
    at("cards").querySelector("[aria-checked=true]")?.focus();
  }

  show() {
    const rows = this.rows.filter((row) => !this.regime || row.regime === this.regime);
    if (!rows.some((row) => row.name === this.chosen) && rows.length) this.chosen = rows[0].name;
    at("cards").replaceChildren(...rows.map((row) => this.card(row)));
    this.told();
    this.turn();
  }

  card(row) {
    const image = make("img", { alt: "", width: 64, height: 64 }), chosen = row.name === this.chosen;
    if (!this.pictures.has(row.name)) this.pictures.set(row.name, picture(`/api/patterns/${row.name}/picture`));
    this.pictures.get(row.name).then((address) => { image.src = address; }, () => {});
    const variant = row.name === row.motif ? "" : ` (${row.name})`;
    return make("button", {
      type: "button", role: "radio", className: "pattern", "aria-checked": String(chosen), id: `pattern-${row.name}`, tabIndex: chosen ? 0 : -1,
      onclick: () => this.choose(row.name), onkeydown: (event) => this.key(event),
    }, image, make("span", {}, make("b", {}, row.motif), variant), make("span", { className: "small" }, row.regime));
  }

  choose(name) {
    this.chosen = name;
    this.show();
    at(`pattern-${name}`).focus();
  }

  // Arrows move the choice, as among radio buttons.
  key(event) {
    const by = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (!by) return;
    event.preventDefault();
    const names = [...at("cards").children].map((card) => card.id.slice("pattern-".length));
    this.choose(names[(names.indexOf(this.chosen) + by + names.length) % names.length]);
  }

  told() {
    const { row } = this;
    if (!row) return;
    at("expect").textContent = `${row.name}: ${row.expect}.`;
    at("begin-rows").placeholder = row.height;
    at("begin-columns").placeholder = row.width;
  }

  turn() {
    for (const image of at("cards").querySelectorAll("img")) image.style.rotate = `${-this.angle}deg`; // to the left, as angles are counted
    for (const button of at("turns").querySelectorAll("button")) {
      button.setAttribute("aria-pressed", String(Number(button.dataset.turn) === this.angle));
    }
  }

  async begin() {
    const size = ["begin-rows", "begin-columns"].map((id) => at(id).valueAsNumber), { row } = this;
    const wanted = { rule: this.chosen, angle: this.angle };
    if (size.some((side) => side > 0)) wanted.grid = [size[0] || row.height, size[1] || row.width];
    at("begin-go").disabled = true;
    try {
      await ask("/api/begin", wanted);
      at("begin").close();
      trouble("");
      this.on.started(this.chosen);
    } catch (error) { at("begin-trouble").textContent = error.message; } finally { at("begin-go").disabled = false; }
  }
}
