"""The look of all reports, of runs and of experiments: one sheet, light and dark. Text only."""

from __future__ import annotations

STYLE = """
:root { color-scheme: light dark; --paper: #fcfcfb; --card: #ffffff; --ink: #191a1c; --quiet: #63676d; --rule: #e3e4e6;
  --first: #2563c9; --second: #8fb4ea; --third: #b4531c; --area: #2f9e7a; --mark: #c0392b; }
@media (prefers-color-scheme: dark) { :root { --paper: #131416; --card: #1b1d20; --ink: #e9eaec; --quiet: #9aa0a8;
  --rule: #2d3035; --first: #6ea8ff; --second: #3f5f8f; --third: #f0955b; --area: #3fbf95; --mark: #ff7b6b; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 15px/1.5 system-ui, sans-serif;
  overflow-wrap: break-word; }
main { max-width: 960px; margin: 0 auto; padding: 32px 20px 64px; }
h1 { font-size: 26px; margin: 0; } h2 { font-size: 17px; margin: 36px 0 10px; }
h3 { font-size: 15px; font-weight: 500; margin: 18px 0 8px; }
p.lead { color: var(--quiet); margin: 4px 0 0; } p.lead + .strip, p.lead + .scroll { margin-top: 10px; }
.verdict { display: inline-block; padding: 2px 10px; border-radius: 999px; border: 1px solid; font-size: 14px; }
.pass { color: var(--area); } .fail { color: var(--mark); } .unknown { color: var(--third); }
.strip { display: flex; gap: 10px; flex-wrap: wrap; } figure { margin: 0; }
figure img { display: block; width: 142px; height: auto; image-rendering: pixelated; border-radius: 4px;
  background: #000; }
figure img + img { margin-top: 4px; }
.maps img, .faults img { image-rendering: auto; }
figcaption { font-size: 12px; color: var(--quiet); max-width: 142px; overflow-wrap: anywhere; }
.maps figure img { width: 236px; max-width: 100%; } .maps figcaption { max-width: 236px; }
.heat { font-size: 12px; color: var(--quiet); display: flex; gap: 8px; align-items: center; flex-wrap: wrap;
  margin: 8px 0 0; }
.heat i { width: 140px; height: 10px; border-radius: 3px; }
.scroll { overflow-x: auto; } .scroll > .curve { min-width: 640px; }
.curve { width: 100%; height: auto; background: var(--card); border: 1px solid var(--rule); border-radius: 8px; }
.curve + .curve { margin-top: 10px; }
.curve text { font: 11px system-ui, sans-serif; fill: var(--quiet); } .curve .axis { font-size: 12px; }
.curve .event { fill: var(--mark); } .curve .grid { stroke: var(--rule); }
.curve .line { fill: none; stroke-width: 2; } .curve image { image-rendering: pixelated; }
.curve .first { stroke: var(--first); } .curve .second { stroke: var(--second); stroke-width: 1.5; }
.curve .third { stroke: var(--third); } .curve .area { fill: var(--area); opacity: .35; }
.curve .mark { stroke: var(--mark); stroke-dasharray: 3 3; opacity: .7; } .curve .hover { fill: transparent; }
.curve .band { fill: var(--mark); opacity: .1; }
.curve .bound { stroke: var(--ink); stroke-dasharray: 4 3; opacity: .4; }
table { border-collapse: collapse; width: 100%; font-size: 14px; }
.numbers { columns: 2; column-gap: 40px; } .numbers div { display: flex; justify-content: space-between; gap: 12px;
  padding: 4px 0; border-bottom: 1px solid var(--rule); font-size: 14px; break-inside: avoid; }
.numbers span { color: var(--quiet); }
.numbers b { font-weight: 400; font-variant-numeric: tabular-nums; overflow-wrap: anywhere; text-align: right; }
th, td { text-align: left; padding: 5px 10px 5px 0; border-bottom: 1px solid var(--rule); vertical-align: top; }
th { color: var(--quiet); font-weight: 500; } td.n { font-variant-numeric: tabular-nums; white-space: nowrap; }
code { overflow-wrap: anywhere; }
pre { background: var(--card); border: 1px solid var(--rule); border-radius: 8px; padding: 12px; overflow-x: auto;
  font-size: 13px; }
pre.wrap { white-space: pre-wrap; overflow-wrap: anywhere; }
details summary { cursor: pointer; color: var(--quiet); margin: 10px 0; }
@media (max-width: 640px) { main { padding: 20px 14px 48px; } .numbers { columns: 1; }
  .strip { gap: 8px; } figure img, figcaption { width: 104px; max-width: 104px; }
  .maps figure img, .maps figcaption { width: 172px; max-width: 44vw; } }
"""
