// Small help with the document. Text is always text, never markup.

export const at = (id) => document.getElementById(id);

export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name in element && name !== "list") element[name] = value; else element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

export function tell(text) { at("told").textContent = text; }

export function trouble(text) {
  at("trouble").textContent = text;
  at("trouble").hidden = !text;
}

export const number = (value, digits = 2) =>
  value === null || value === undefined ? "–" : value.toLocaleString("en", { maximumFractionDigits: digits });

// Ask first: a promise of yes or no.
export function sure(text) {
  at("sure-text").textContent = text;
  at("sure").showModal();
  return new Promise((resolve) => at("sure").addEventListener("close", () => resolve(at("sure").returnValue === "yes"), { once: true }));
}
