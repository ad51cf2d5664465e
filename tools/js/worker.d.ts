// What `lecture21.course.live.bundle` makes of an import that ends with ?worker.
declare module "*?worker" {
  export const source: string;
  export const inline: () => typeof import("../../src/lecture21/course/live/engine/worker.js");
}
