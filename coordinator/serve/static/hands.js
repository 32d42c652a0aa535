// The hands: tools that act on the swarm with the actions and faults that the server names, one vocabulary for all.
// A drag is sent as it goes, each piece when the one before has been answered; a fault is one act for the whole stroke.

import { act } from "./link.js";
import { at, make, tell, trouble } from "./dom.js";

const BRUSHES = ["erase", "seed", "kill", "revive", "freeze", "thaw"]; // the order in which they are offered
const CUT = { fault: "partition", name: "isolate" }; // one side of a line from the other
const RADIUS = { erase: 3, seed: 0 };
// Brushes that are faults: the newcomer's word -> kind, and its first parameters.
const FAULTS = {
  slow: { fault: "slow", parameters: { factor: 4 } }, lie: { fault: "byzantine", parameters: { mode: "random" } },
  flip: { fault: "bit_flip", parameters: { count: 3 } }, lose: { fault: "link_loss", parameters: { rate: 0.5 } },
  late: { fault: "link_delay", parameters: { delay: 4 } },
};
const ABOUT = {
  look: "Drag to move the picture, click to inspect", fault: "Begin a fault on what you draw",
  cut: "Draw a line: the links across it are cut",
};
// What actions are where no cell has a process.
const VIRTUAL = {
  kill: "Cut the power: it stays dark until it is revived", revive: "Give the power back: it begins empty, with a new life",
  freeze: "Stop the clock: it keeps its state and says nothing", thaw: "Let the clock go on", erase: "The memory is lost, the power stays",
};
const POINTS_MAX = 200, NEAR = 0.3; // points of one act; cells below which a point is the one before

const exact = (value) => String(Math.round(value * 100) / 100);

export class Hands {
  // on: { chosen(tool), acted(outcome) }; `centre`: the selector of the cell on which a picture starts
  constructor(words, on, centre, virtual = false) {
    Object.assign(this, { words, on, centre, radius: 2, tool: "look", strokes: [], busy: false });
    this.parameters = {};
    this.duration = "";
    const actions = BRUSHES.filter((name) => words.actions[name]?.chosen);
    this.cuts = words.faults[CUT.fault]?.parameters.name?.choices?.includes(CUT.name) ?? false;
    const harms = Object.keys(FAULTS).filter((name) => FAULTS[name].fault in words.faults);
    this.tools = ["look", ...actions, ...harms, ...(this.cuts ? ["cut"] : []), "fault"];
    this.fault = "link_loss" in words.faults ? "link_loss" : Object.keys(words.faults)[0];
    const bar = at("tools");
    bar.replaceChildren();
    for (const name of this.tools) {
      const brush = FAULTS[name], kind = brush && words.faults[brush.fault];
      const about = (virtual ? VIRTUAL[name] : null) ?? words.actions[name]?.help ?? ABOUT[name] ?? `${kind.help} (${brush.fault})`;
      bar.append(make("button", { type: "button", title: about, onclick: () => this.choose(name), id: `tool-${name}` }, name));
    }
    this.choose("look");
  }

  get faulty() { return this.held.faulty; }

  // The tool as it is now: a stroke is done with the one it was drawn with, whatever is chosen meanwhile.
  get held() {
    const { tool, radius, fault, duration } = this, faulty = tool === "fault" || tool in FAULTS;
    return { tool, radius, fault, duration, parameters: { ...this.parameters }, faulty, whole: faulty || tool === "cut" };
  }

  // The line that is being drawn, to be shown.
  get line() {
    const stroke = this.strokes.at(-1), points = stroke?.held.tool === "cut" ? stroke.points : [];
    return points.length > 1 ? { from: points[0], to: points.at(-1) } : null;
  }

  get brush() { return this.tool !== "look"; }

  choose(tool) {
    this.tool = tool;
    if (tool in FAULTS) { this.fault = FAULTS[tool].fault; this.parameters = { ...FAULTS[tool].parameters }; }
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
    if (this.tool === "cut") {
      box.replaceChildren("Draw a line: all links across it are cut until the fault is healed.");
      return;
    }
    if (this.faulty) {
      const kinds = make("select", { "aria-label": "Kind of fault", id: "fault-kind" });
      for (const [kind, about] of Object.entries(this.words.faults)) {
        kinds.append(make("option", { value: kind, title: about.help, selected: kind === this.fault }, kind.replaceAll("_", " ")));
      }
      kinds.onchange = () => { this.choose("fault"); this.fault = kinds.value; this.parameters = {}; this.showOptions(); };
      parts.push(kinds);
      for (const [name, about] of Object.entries(this.words.faults[this.fault].parameters)) {
        if (about.choices?.length) {
          const words = make("select", { title: about.help });
          for (const word of about.choices) words.append(make("option", { value: word, selected: word === this.parameters[name] }, word));
          words.onchange = () => { this.parameters[name] = words.value; };
          this.parameters[name] ??= about.choices[0];
          parts.push(field(name, words));
          continue;
        }
        if (about.word) {
          const word = make("input", { type: "text", value: this.parameters[name] ?? "", placeholder: about.word, title: about.help });
          word.oninput = () => { this.parameters[name] = word.value; };
          parts.push(field(name, word));
          continue;
        }
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
      this.strokes.push({ points: [], sent: 0, ended: false, held: this.held });
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
    if (this.busy || !stroke || (stroke.held.whole && !stroke.ended)) return;
    if (stroke.held.tool === "cut") {
      const from = stroke.points[0], to = stroke.points.at(-1);
      this.strokes.shift();
      this.busy = true;
      if (from !== to) await this.does(this.cut(from, to));
      this.busy = false;
    } else if (stroke.sent < stroke.points.length) {
      const from = Math.max(stroke.sent - 1, 0), path = stroke.points.slice(from, from + POINTS_MAX);
      stroke.sent = from + path.length;
      this.busy = true;
      await this.does(this.actionOn(this.pathOf(path, stroke.held.radius), stroke.held));
      this.busy = false;
    } else if (stroke.ended) this.strokes.shift(); else return;
    this.send();
  }

  pathOf(points, radius) {
    if (points.length === 1) {
      const [row, column] = [Math.round(points[0].row), Math.round(points[0].column)];
      return radius < 1 ? `cell:${row},${column}` : `circle:${row},${column},${radius}`;
    }
    return `path:${Math.max(radius, 0.5)},${points.flatMap(({ row, column }) => [exact(row), exact(column)]).join(",")}`;
  }

  // ---- acting

  cut(from, to) {
    const points = [from.row, from.column, to.row, to.column].map(exact).join(",");
    return { do: "inject", select: `side:${points}`, fault: CUT.fault, parameters: { name: CUT.name } };
  }

  actionOn(select, { tool, fault, parameters, duration, faulty } = this.held) {
    if (!faulty) return { do: tool, select };
    const action = { do: "inject", select, fault, parameters };
    if (duration !== "" && !this.words.faults[fault].instant) action.for = Number(duration);
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
