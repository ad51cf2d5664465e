// What the figures of a page share by global names: their scripts, the files that scripts carry, and what is kept.
declare var liveFigures: Record<string, import("../../src/lecture21/course/live/kit/frame.js").Figure>;
declare var liveData: Record<string, string>;
declare var liveMemory: {
  small: Map<string, string>;
  model: import("../../src/lecture21/course/live/kit/store.js").OwnModel | null;
  refused: boolean;
};
