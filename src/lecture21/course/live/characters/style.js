// The style of the figures that read text.

/** The style of the parts in this folder. */
export const WRITE_STYLE = `
.wide { flex: 1 1 100%; } .wide textarea { min-height: 3.6rem; font: 0.95rem/1.45 ui-monospace, monospace; }
.said { font-size: 0.85rem; color: var(--note); } .wrote button { margin-top: 0.5rem; } .wrote textarea { min-height: 8rem; } .wrote .said { margin-top: 0.4rem; } .wrote.full textarea { min-height: 3.6rem; height: 3.6rem; }
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
.panel.arcs { flex: 3 1 22rem; } .panel.heads { flex: 1 1 12rem; }
.pick { position: absolute; inset: 0; cursor: pointer; touch-action: pan-y; border-radius: 6px; }
.pick:focus-visible { outline: 3px solid var(--focus); }
.layers { font-size: 0.85rem; } .layers :is(th, td) { text-align: left; padding: 0.2rem; } .layers td { white-space: nowrap; }
.layers b { font: 0.9rem/1.5 ui-monospace, monospace; }
.text.strip { font-size: 0.95rem; line-height: 1.7; } .strip span { padding: 0.1em 0; }
`;

/** The style of the residual stream. */
export const STREAM_STYLE = `
.panel.stream-panel { flex: 3 1 20rem; } .panel.next { flex: 2 1 12rem; --names: 5.4rem; }
.stream { position: absolute; inset: 0; list-style: none; margin: 0; padding: 0; }
.stream li { display: grid; grid-template-columns: 9rem 1fr 3.8rem 1.6rem; gap: 0.4rem; align-items: center; height: var(--row);
  margin-left: var(--box); font-size: 0.9rem; }
.stream .part { display: flex; gap: 0.35rem; align-items: center; border: 2px solid; border-radius: 6px; padding: 0 0.35rem; height: 2.1rem;
  background: var(--paper); }
.stream .part.start { padding-left: 0.2rem; } .stream .gone { border-style: dashed; opacity: 0.6; }
.stream .part { font-size: 0.85rem; min-height: 0; white-space: nowrap; cursor: pointer; }
.stream .chosen { background: var(--accent); color: var(--on-accent); }
.stream input { flex: none; width: 1rem; height: 1rem; }
.stream .number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.stream .harm { background: var(--series-1); } .stream .own { border-width: 0 2px 0 0; }
.stream .best { font-family: ui-monospace, monospace; text-align: center; }
@container (max-width: 30rem) { .stream li { grid-template-columns: 8.3rem 1fr 3.5rem 1.2rem; gap: 0.25rem; font-size: 0.85rem; } }
`;
