// The choice of views with its legend. `changed` is called when another is shown.

import { at, make } from "./dom.js";

export function viewBar(views, changed) {
  at("views").replaceChildren(...views.list.map((view) => make("button", {
    type: "button", role: "radio", title: view.about, "aria-checked": String(view === views.chosen), id: `view-${view.id}`,
    onclick: () => { views.choose(view.id); viewBar(views, changed); },
  }, view.name)));
  const view = views.chosen, parts = [];
  if (view.id === "channel") {
    const select = make("select", { "aria-label": "Which channel" });
    for (let channel = 0; channel < 16; channel++) select.append(make("option", { value: channel, selected: channel === views.channel }, `${channel}`));
    select.onchange = () => { views.channel = Number(select.value); changed(); };
    parts.push(select);
  }
  if (view.id === "energy") {
    const select = make("select", { "aria-label": "Which chip" });
    views.spent.forEach((spent, at) => select.append(make("option", { value: at, selected: spent === views.chip, title: spent.source }, spent.chip)));
    select.onchange = () => { views.chip = views.spent[Number(select.value)]; changed(); };
    parts.push(select);
  }
  if (view.scale) {
    const strip = make("canvas", { width: 120, height: 10, "aria-hidden": "true" });
    views.paintLegend(strip);
    parts.push(make("span", {}, view.ends[0]), strip, make("span", { id: "scale-end" }, view.ends[1]));
  }
  for (const [name, colour] of views.distinct) {
    const dot = make("i");
    dot.style.background = `rgb(${colour.join(" ")})`;
    parts.push(make("span", {}, dot, ` ${name}`));
  }
  parts.push(make("span", {}, view.about));
  at("legend").replaceChildren(...parts);
  changed();
}
