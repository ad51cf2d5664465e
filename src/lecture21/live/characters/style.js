// The style of the figures that read text.

/** The style of the parts in this folder. */
export const WRITE_STYLE = `
.wide { flex: 1 1 100%; } .wide textarea { min-height: 3.6rem; font: 0.95rem/1.45 ui-monospace, monospace; }
.said { font-size: 0.85rem; color: var(--note); }
details { font-size: 0.9rem; margin-top: 0.5rem; } summary { cursor: pointer; min-height: 1.75rem; padding: 0.15rem 0; }
.bars { list-style: none; margin: 0; padding: 0; font-size: 0.9rem; }
.bars li { display: grid; grid-template-columns: var(--names, 5.2rem) 1fr 4.2rem; gap: 0.5rem; align-items: center; min-height: 1.5rem; }
.bars .name { white-space: nowrap; overflow: hidden; text-overflow: ellipsis; font-family: ui-monospace, monospace; }
.bars .number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.track { position: relative; height: 1rem; } .track > * { position: absolute; inset: 0 auto 0 0; border-radius: 0 3px 3px 0; }
.drawn { background: var(--accent); } .own { border: 1.5px solid var(--ink); border-left: 0; }
.cut .own { background: var(--line); border-color: var(--line); } .cut { color: var(--note); }
.key { display: flex; flex-wrap: wrap; gap: 0.1rem 1rem; font-size: 0.85rem; color: var(--note); margin: 0.3rem 0 0; }
.maps { display: grid; gap: 3px 5px; align-items: center; font-size: 0.8rem; color: var(--note); text-align: center; }
.maps label { display: block; cursor: pointer; border: 2px solid transparent; border-radius: 3px; line-height: 0; }
.maps label:hover { border-color: var(--note); } .maps label:has(:checked) { border-color: var(--focus); }
.maps label:has(:focus-visible) { outline: 3px solid var(--focus); outline-offset: 1px; }
.maps input { position: absolute; opacity: 0; pointer-events: none; }
.maps canvas { image-rendering: pixelated; aspect-ratio: 1; border: 1px solid var(--line); touch-action: auto; }
.text.strip { font-size: 0.95rem; line-height: 1.7; } .strip span { padding: 0.1em 0; }
`;

/** The style of the table of the residual stream. */
export const STREAM_STYLE = `
.stream { width: 100%; font-size: 0.9rem; } .stream th, .stream td { padding: 0.1rem 0.4rem; white-space: nowrap; }
.stream thead th { white-space: normal; vertical-align: bottom; color: var(--note); font-weight: 400; font-size: 0.85rem; line-height: 1.25; }
.stream .part { display: flex; gap: 0.4rem; align-items: center; min-height: 1.9rem; }
.stream button { padding: 0.05rem 0.35rem; min-height: 1.6rem; font-size: 0.9rem; border-color: transparent; background: none; text-decoration: underline dotted; }
.stream button[aria-pressed="true"] { background: var(--accent); color: var(--on-accent); text-decoration: none; }
.stream tr:has([aria-pressed="true"]) > * { background: var(--panel); }
.panel.stream-panel { flex: 3 1 20rem; } .panel.next { flex: 2 1 12rem; --names: 4.4rem; }
.stream thead th:nth-child(2) { text-align: left; } .stream td.bar { width: 45%; text-align: left; }
.stream .axis { position: relative; min-width: 5.5rem; height: 0.9rem; } .stream .axis span { position: absolute; top: 0; bottom: 0; }
.stream .axis .zero { border-left: 1.5px solid var(--note); top: -0.3rem; bottom: -0.3rem; }
.stream .long { border: 1.5px solid var(--note); } .stream .plus { background: var(--accent); } .stream .minus { background: var(--minus); }
.stream .gone { color: var(--note); } .stream small { display: none; font-size: 0.8rem; }
.stream .best { font-family: ui-monospace, monospace; }
@container (max-width: 60rem) { .stream .extra { display: none; } .stream .axis { min-width: 4rem; } }
@container (max-width: 34rem) {
  .stream { font-size: 0.85rem; } .stream small { display: block; }
  .stream th, .stream td { padding: 0.1rem 0.15rem; } .stream .part { gap: 0.1rem; } .panel.stream-panel { flex-basis: 100%; }
}
`;
