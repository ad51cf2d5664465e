// What the book's scripts know by global names: each other, texts that the build writes, Sphinx's search, a browser's.
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
/** What Sphinx finds; an object of the code has a description. */
type Found = [page: string, title: string, anchor: string, description: string | null, score: number];
declare var Search: {
  output: HTMLElement;
  query: (query: string) => void;
  _parseQuery: (query: string) => unknown[];
  _performSearch: (...parsed: unknown[]) => Found[];
};
declare var DOCUMENTATION_OPTIONS: { LINK_SUFFIX: string };
declare function splitQuery(query: string): string[];
declare function _finishSearch(count: number): void;
interface Navigator {
  connection?: { saveData: boolean };
}
