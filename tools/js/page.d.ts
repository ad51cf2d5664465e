// What the figures of a page share by global names: their scripts, the files that scripts carry, and what is kept.
declare var liveScripts: Record<string, string[]>;
declare var liveFigures: Record<
  string,
  { render: (context: Omit<import("../../src/lecture21/course/live/kit/frame.js").Context, "fields">) => unknown }
>;
declare var liveData: Record<string, string>;
declare var liveMemory: {
  small: Map<string, string>;
  model: import("../../src/lecture21/course/live/kit/store.js").OwnModel | null;
  refused: boolean;
};
