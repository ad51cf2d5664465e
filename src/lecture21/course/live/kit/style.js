// The style of all figures, inside their shadow root. Colors come from the palette as custom properties.

export const STYLE = `
:host { display: block; }
[hidden] { display: none !important; }
* { box-sizing: border-box; }
.figure { container-type: inline-size; color: var(--ink); background: var(--panel); border: 1px solid var(--line);
  border-radius: 8px; padding: 0.9rem 1rem; font: 1rem/1.5 system-ui, sans-serif; text-align: left; }
p { margin: 0 0 0.5rem; }
.title { font-size: 1.05rem; font-weight: 700; margin: 0 0 0.25rem; line-height: 1.3; }
.try { color: var(--ink); } .try b { font-weight: 600; } .later { display: none; } .outcome { margin: 0.6rem 0 0; } .outcome b { font-weight: 600; } .outcome.solved { color: var(--right); font-weight: 600; } .closed > :not(style, .title, .gate) { display: none !important; }
.controls { display: flex; flex-wrap: wrap; gap: 0.5rem 1.25rem; align-items: end; margin: 0.6rem 0; }
.control { display: flex; flex-direction: column; gap: 0.15rem; font-size: 0.9rem; min-width: 0; }
.control output { font-variant-numeric: tabular-nums; font-weight: 600; }
.stage { display: flex; flex-wrap: wrap; gap: 0.9rem; align-items: flex-start; background: var(--paper);
  border-radius: 6px; padding: 0.6rem; min-width: 0; }
.stage > * { min-width: 0; }
.panel { flex: 1 1 14rem; min-width: 0; position: relative; }
.panel.full { flex-basis: 100%; }
.panel-title { font-size: 0.9rem; margin: 0 0 0.2rem; font-weight: 600; }
.drawing { position: relative; }
canvas, .chart { display: block; width: 100%; touch-action: pan-y; }
.chart text { font: 13px system-ui, sans-serif; fill: var(--note); dominant-baseline: central; } .chart .middle { text-anchor: middle; } .chart .end { text-anchor: end; }
.chart :is(.grid, .levels line) { stroke: var(--line); } .chart .levels line { stroke: var(--note); stroke-dasharray: 5 4; } .chart .notes text { fill: var(--ink); }
.chart .curve { fill: none; stroke-linejoin: round; } .chart .cursor { stroke: var(--ink); stroke-width: 1.5; } .chart .reads { stroke: var(--note); } .chart .read circle { stroke: var(--paper); }
.readout { position: absolute; z-index: 1; display: grid; max-width: 55%; padding: 0.2rem 0.5rem; pointer-events: none; font-size: 0.8rem; line-height: 1.35;
  font-variant-numeric: tabular-nums; background: var(--panel); border: 1px solid var(--line); border-radius: 6px; }
button, input, select, textarea { font: inherit; font-size: 0.95rem; color: var(--ink); background: var(--paper);
  border: 1px solid var(--note); border-radius: 6px; }
button { padding: 0.3rem 0.8rem; min-height: 2.25rem; cursor: pointer; }
button:hover:not(:disabled) { border-color: var(--ink); }
button:disabled { opacity: 0.55; cursor: default; }
button.main { background: var(--main-paper, var(--accent)); border-color: var(--accent); color: var(--main-ink, var(--on-accent)); font-weight: 600; }
button[aria-pressed="true"], .choice input:checked + span { background: var(--accent); border-color: var(--accent); color: var(--on-accent); }
input[type="number"], input[type="text"], select, textarea { padding: 0.3rem 0.5rem; min-height: 2.25rem; max-width: 100%; }
input[type="number"] { width: 7rem; }
textarea { width: 100%; min-height: 4.5rem; resize: vertical; }
input[type="file"] { max-width: 100%; }
input[type="range"] { width: 11rem; max-width: 100%; min-height: 2.25rem; accent-color: var(--accent); padding: 0; border: 0; background: none; }
input[type="checkbox"] { width: 1.15rem; height: 1.15rem; accent-color: var(--accent); margin: 0; }
.check { display: flex; flex-direction: row; align-items: center; gap: 0.45rem; min-height: 2.25rem; font-size: 0.95rem; }
fieldset { border: 0; padding: 0; margin: 0; } legend { padding: 0; font-size: 0.9rem; }
.choice { display: flex; flex-wrap: wrap; }
.choice label { display: block; flex: none; max-width: 100%; }
.choice input { position: absolute; opacity: 0; pointer-events: none; }
.choice span { display: block; padding: 0.3rem 0.7rem; min-height: 2.25rem; border: 1px solid var(--note); background: var(--paper);
  margin: 0 0 -1px -1px; font-size: 0.95rem; cursor: pointer; white-space: nowrap; }
.choice label:first-of-type span { border-radius: 6px 0 0 6px; } .choice label:last-of-type span { border-radius: 0 6px 6px 0; }
:is(button, input, select, textarea, summary, .handle, .chart, a):focus-visible, .choice input:focus-visible + span { outline: 3px solid var(--focus); outline-offset: 2px; }
.handle { position: absolute; width: 2.75rem; height: 2.75rem; min-height: 0; margin: -1.375rem 0 0 -1.375rem; padding: 0; border-radius: 50%;
  border: 0; background: none; touch-action: none; cursor: grab; }
.handle::before { content: ""; position: absolute; inset: 0.8rem; border-radius: 50%; background: var(--handle, var(--accent)); border: 2px solid var(--paper); }
.handle.square::before { border-radius: 2px; }
.grip { position: absolute; width: 2rem; height: 2rem; margin: -1rem 0 0 -1rem; border-radius: 50%; touch-action: none; cursor: grab; }
.handle:active { cursor: grabbing; }
.panel.losses { flex: 2 1 17rem; } .panel.samples { flex: 3 1 18rem; } .panel.samples .text { min-height: 10.5em; font-size: 1.1rem; }
.sketch { position: absolute; inset: 0; touch-action: pan-y; cursor: crosshair; border-radius: 6px; }
.sketch:focus-visible { outline: 3px solid var(--focus); }
details > summary { cursor: pointer; font-size: 0.9rem; padding: 0.3rem 0; width: fit-content; }
details:is(.more, .fold) { flex: 1 1 100%; min-width: 0; }
@container (min-width: 36.01rem) { .figure:not(.talk) .fold > summary { display: none; } }
.figure.asked .foot, .figure.talk .foot button + button { display: none; }
.options { display: flex; flex-direction: column; flex-basis: 100%; }
.options input { margin: 0; width: 1.15rem; height: 1.15rem; flex: none; accent-color: var(--accent); }
.actions { display: flex; flex-wrap: wrap; gap: 0.5rem; }
[hidden] { display: none !important; }
.options .check { line-height: 1.35; padding: 0.2rem 0; }
.right { color: var(--right); } .wrong { color: var(--error); }
.answer { display: block; margin-top: 0.35rem; }
.reading { margin: 0.6rem 0 0; min-height: 1.5em; }
.message:empty { display: none; }
.message { margin: 0.5rem 0 0; color: var(--error); font-weight: 600; } table + .message, .control > .message { margin: 0.15rem 0 0; max-width: 34rem; }
[aria-invalid="true"] { border-color: var(--error); outline: 2px solid var(--error); }
.stage.old { position: relative; outline: 2px dashed var(--error); outline-offset: -2px; }
.stage.old > :not(:has([aria-invalid="true"])) { filter: grayscale(1); }
.stage.old::after { content: "before your last change"; position: absolute; right: 0.6rem; top: -0.7rem; padding: 0 0.4rem; font-size: 0.8rem; color: var(--error);
  background: var(--paper); border: 1px solid; border-radius: 4px; }
.foot { display: flex; flex-wrap: wrap; gap: 0.5rem; margin-top: 0.6rem; align-items: center; }
.foot button { font-size: 0.85rem; min-height: 2rem; padding: 0.15rem 0.6rem; }
.note { font-size: 0.85rem; color: var(--note); margin: 0.4rem 0 0; }
.foot .said { font-size: 0.85rem; color: var(--note); }
table { border-collapse: collapse; font-size: 0.9rem; font-variant-numeric: tabular-nums; }
th, td { padding: 0.2rem 0.6rem; text-align: right; border-bottom: 1px solid var(--line); } th:first-child, td:first-child { text-align: left; } tbody th { font-weight: 400; }
.wrong { color: var(--error); }
.scroll { overflow-x: auto; max-width: 100%; } .drawing ~ .scroll, .panel > .panel + :is(.scroll, .fold) { margin-top: 0.3rem; }
.text { font: 0.95rem/1.5 ui-monospace, monospace; white-space: pre-wrap; overflow-wrap: anywhere; margin: 0; }
.legend { list-style: none; display: flex; flex-wrap: wrap; gap: 0.1rem 1rem; margin: 0.3rem 0 0; padding: 0; font-size: 0.9rem; }
.legend li { display: flex; align-items: center; gap: 0.4rem; }
.sample { width: 1.5rem; border-top: 3px solid; } .sample.dashed { border-top-style: dashed; } .sample.dotted { border-top-style: dotted; }
.hidden { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
@container (max-width: 30rem) { .control, .control input[type="range"] { width: 100%; } .panel { flex-basis: 100%; }
  .control:has(> input[type="number"]) { width: auto; flex: 1 1 8rem; } }
@media (prefers-reduced-motion: reduce) { * { transition: none !important; } }
`;
