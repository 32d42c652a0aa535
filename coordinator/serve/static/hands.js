// The hands: tools that act on the swarm with the actions and faults that the server names, one vocabulary for all.
// A drag is sent as it goes, each piece when the one before has been answered; a fault is one act for the whole stroke.

import { act } from "./link.js";
import { at, make, tell, trouble } from "./dom.js";

const BRUSHES = ["erase", "seed", "kill", "revive", "freeze", "thaw"]; // the order in which they are offered
const RADIUS = { erase: 3, seed: 0 };
const POINTS_MAX = 200, NEAR = 0.3; // points of one act; cells below which a point is the one before

export class Hands {
  // on: { chosen(tool), acted(outcome) }; `centre`: the selector of the cell on which a picture starts
  constructor(words, on, centre) {
    Object.assign(this, { words, on, centre, radius: 2, tool: "look", strokes: [], busy: false });
    this.parameters = {};
    this.duration = "";
    const actions = BRUSHES.filter((name) => words.actions[name]?.chosen);
    this.tools = ["look", ...actions, "fault"];
    this.fault = "link_loss" in words.faults ? "link_loss" : Object.keys(words.faults)[0];
    const bar = at("tools");
    bar.replaceChildren();
    for (const name of this.tools) {
      const about = name === "look" ? "Drag to move the picture, click to inspect" : words.actions[name]?.help ?? "Begin a fault on what you draw";
      bar.append(make("button", { type: "button", title: about, onclick: () => this.choose(name), id: `tool-${name}` }, name));
    }
    this.choose("look");
  }

  get brush() { return this.tool !== "look"; }

  choose(tool) {
    this.tool = tool;
    if (tool in RADIUS) this.radius = RADIUS[tool];
    for (const name of this.tools) at(`tool-${name}`).setAttribute("aria-pressed", String(name === tool));
    this.showOptions();
    this.on.chosen(tool);
  }

  chooseNumber(place) { if (place < this.tools.length) this.choose(this.tools[place]); }

  wider(by) {
    this.radius = Math.min(Math.max(this.radius + by, 0), 20);
    this.showOptions();
    this.on.chosen(this.tool);
  }

  showOptions() {
    const box = at("options"), parts = [];
    const field = (name, input) => make("label", {}, `${name} `, input);
    if (!this.brush) {
      box.replaceChildren("Drag moves the picture, a click inspects a cell. Choose a tool to act on what you draw.");
      return;
    }
    if (this.tool === "fault") {
      const kinds = make("select", { "aria-label": "Kind of fault", id: "fault-kind" });
      for (const [kind, about] of Object.entries(this.words.faults)) {
        kinds.append(make("option", { value: kind, title: about.help, selected: kind === this.fault }, kind.replaceAll("_", " ")));
      }
      kinds.onchange = () => { this.fault = kinds.value; this.parameters = {}; this.showOptions(); };
      parts.push(kinds);
      for (const [name, about] of Object.entries(this.words.faults[this.fault].parameters)) {
        const shown = this.parameters[name] ?? about.default ?? Math.min(about.high, Math.max(about.low, 0.3));
        const input = make("input", { type: "number", min: about.low, max: about.high, step: "any", value: shown, title: about.help });
        input.oninput = () => { this.parameters[name] = input.valueAsNumber; };
        this.parameters[name] = shown;
        parts.push(field(name, input));
      }
      if (!this.words.faults[this.fault].instant) {
        const input = make("input", { type: "number", min: 0, step: "any", value: this.duration, placeholder: "until healed" });
        input.oninput = () => { this.duration = input.value; };
        parts.push(field("for T", input));
      }
    }
    const radius = make("input", { type: "range", min: 0, max: 20, step: 1, value: this.radius, "aria-label": "Brush radius in cells" });
    radius.oninput = () => { this.radius = radius.valueAsNumber; this.on.chosen(this.tool); };
    parts.push(field("brush", radius));
    const select = make("input", { type: "text", placeholder: "or cells: 50%, half:left", title: this.words.selectors, id: "select" });
    const go = () => { if (select.value.trim()) this.perform(select.value.trim()); };
    select.onkeydown = (event) => { if (event.key === "Enter") go(); };
    parts.push(select, make("button", { type: "button", onclick: go, id: "select-go" }, "Apply"));
    box.replaceChildren(...parts);
  }

  // ---- strokes

  draw(points, done) {
    if (this.strokes.at(-1)?.ended ?? true) {
      if (!points.length) return;
      this.strokes.push({ points: [], sent: 0, ended: false });
    }
    const stroke = this.strokes.at(-1);
    for (const point of points) {
      const last = stroke.points.at(-1);
      if (!last || Math.hypot(point.row - last.row, point.column - last.column) > NEAR) stroke.points.push(point);
    }
    stroke.ended = done;
    this.send();
  }

  async send() {
    const stroke = this.strokes[0];
    if (this.busy || !stroke || (this.tool === "fault" && !stroke.ended)) return;
    if (stroke.sent < stroke.points.length) {
      const from = Math.max(stroke.sent - 1, 0), path = stroke.points.slice(from, from + POINTS_MAX);
      stroke.sent = from + path.length;
      this.busy = true;
      await this.perform(this.pathOf(path));
      this.busy = false;
    } else if (stroke.ended) this.strokes.shift(); else return;
    this.send();
  }

  pathOf(points) {
    const exact = (value) => String(Math.round(value * 100) / 100);
    if (points.length === 1) {
      const [row, column] = [Math.round(points[0].row), Math.round(points[0].column)];
      return this.radius < 1 ? `cell:${row},${column}` : `circle:${row},${column},${this.radius}`;
    }
    return `path:${Math.max(this.radius, 0.5)},${points.flatMap(({ row, column }) => [exact(row), exact(column)]).join(",")}`;
  }

  // ---- acting

  actionOn(select) {
    if (this.tool !== "fault") return { do: this.tool, select };
    const action = { do: "inject", select, fault: this.fault, parameters: { ...this.parameters } };
    if (this.duration !== "" && !this.words.faults[this.fault].instant) action.for = Number(this.duration);
    return action;
  }

  perform(select) { return this.does(this.actionOn(select)); }

  plant(row, column) { return this.does({ do: "seed", select: `cell:${row},${column}` }); }

  async healAll() {
    await this.does({ do: "heal" });
    await this.does({ do: "thaw", select: "all" });
    await this.does({ do: "revive", select: "dead" });
  }

  async reset() {
    await this.healAll();
    await this.does({ do: "erase", select: "all" });
    await this.does({ do: "seed", select: this.centre });
  }

  async does(action) {
    try {
      const outcome = await act(action), fault = outcome.fault ? `, fault ${outcome.fault}` : "";
      trouble("");
      tell(`${outcome.do} ${outcome.selector ?? ""}: ${outcome.cells?.length ?? 0} cells${fault}`);
      this.on.acted(outcome);
      return outcome;
    } catch (error) {
      trouble(error.message);
      return null;
    }
  }
}
