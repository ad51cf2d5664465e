// What the book's scripts know by global names: each other, texts that the build writes, Sphinx's search, a browser's.
declare var presentBeside: any;
declare var presentFit: any;
declare var speakersNotes: any;
declare var SEARCH_TEXTS: any;
declare var Search: any;
declare var DOCUMENTATION_OPTIONS: any;
declare function splitQuery(query: string): string[];
declare function _finishSearch(count: number): void;
interface Navigator {
  connection?: { saveData: boolean };
}
