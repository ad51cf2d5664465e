// What the book's scripts know by global names: each other, the search's library, texts that the build writes.
declare var presentBeside: {
  arrange: (slide: HTMLElement, room: number) => void;
  release: (figure: HTMLElement) => void;
  end: (article: HTMLElement) => void;
};
declare var presentFit: {
  figures: (slide: HTMLElement, zoom: number, room: number) => void;
  code: (article: HTMLElement) => void;
  end: (article: HTMLElement) => void;
};
/** A section of a talk, as the speaker's notes show it; planned: minutes of the section, its row and the lecture. */
interface NotedSection {
  title: string;
  place: string;
  planned?: { here: number; row: number; all: number };
  notes: () => Node[];
  next: string;
}
declare var speakersNotes: (changed: (isOpen: boolean) => void) => {
  begin: (lecture?: { isStart: boolean }) => void;
  end: () => void;
  show: (section: NotedSection) => void;
  leave: () => void;
  resume: () => void;
  close: () => void;
  toggle: () => boolean;
};
/** A part of a page: its id, its heading, its text, and the names of a figure. */
type Passage = [anchor: string, heading: string, text: string, names?: string[]];
declare var SEARCH_TEXTS: Record<string, Passage[]>;
declare var MiniSearch: typeof import("minisearch").default;
