// What `lecture21.live.bundle` makes of an import that ends with ?worker.
declare module "*?worker" {
  export const source: string;
  export const inline: () => typeof import("../../src/lecture21/live/engine/worker.js");
}
