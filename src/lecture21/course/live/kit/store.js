// What the reader leaves in this browser: answers, solved exercises, and the model that was trained. Nothing is sent.
// Small things are in localStorage and the model in IndexedDB. Where a browser refuses them, as some do for pages that
// are opened as files, the page keeps both until it is left.

const PREFIX = "lecture21-";
const EVENT = "lecture21-store";
const MODELS = "models";
const KIND = "what a reader of lecture21 keeps";

/** What all figures of a page share where the browser keeps nothing. */
const page = (globalThis.liveMemory ??= { small: new Map(), model: null, refused: false });

/**
 * A safetensors file, its validation loss, its training, and the last text that it wrote meanwhile.
 * @typedef {{bytes: ArrayBuffer, nats: number, steps: number, sample?: string}} OwnModel
 */

/** @returns {Record<string, string>} */
function allSmall() {
  const found = Object.fromEntries(page.small);
  try {
    for (const key of Object.keys(localStorage))
      if (key.startsWith(PREFIX)) found[key.slice(PREFIX.length)] = localStorage[key];
  } catch {
    page.refused = true;
  }
  return found;
}

/** @param {string} name @param {string | null} text  null removes it */
function write(name, text) {
  page.small.delete(name);
  try {
    if (text === null) localStorage.removeItem(PREFIX + name);
    else localStorage.setItem(PREFIX + name, text);
  } catch {
    page.refused = true;
    if (text !== null) page.small.set(name, text);
  }
}

/**
 * Do something with the store of models. A request may succeed whose transaction then fails, as on a full disk: only
 * what the transaction has committed is there.
 * @param {IDBTransactionMode} mode
 * @param {(store: IDBObjectStore) => IDBRequest} action
 * @returns {Promise<any>}  what was stored, by whatever version of this page: to be checked
 */
async function withModels(mode, action) {
  const request = indexedDB.open("lecture21", 1);
  request.onupgradeneeded = () => request.result.createObjectStore(MODELS);
  const database = await result(request);
  try {
    const transaction = database.transaction(MODELS, mode);
    const committed = new Promise((resolve, reject) => {
      transaction.oncomplete = resolve;
      transaction.onabort = () => reject(transaction.error);
    });
    const [found] = await Promise.all([result(action(transaction.objectStore(MODELS))), committed]);
    return found;
  } finally {
    database.close();
  }
}

/** @template T @param {IDBRequest<T>} request @returns {Promise<T>} */
const result = (request) =>
  new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });

/** @param {OwnModel | null} model */
async function writeModel(model) {
  page.model = null;
  try {
    await withModels("readwrite", (models) => (model ? models.put(model, "own") : models.delete("own")));
  } catch {
    page.refused = true;
    page.model = model;
  }
  write("model", model && JSON.stringify({ nats: model.nats, steps: model.steps, sample: model.sample }));
}

const changed = () => dispatchEvent(new Event(EVENT));

export const store = {
  /** Whether the browser keeps what is written after the page is left, as far as is known. */
  get keeps() {
    allSmall();
    return !page.refused;
  },
  /**
   * Return what was kept under a name, or a start value.
   * @param {string} name
   * @param {unknown} [start]
   * @returns {any}  to be checked: another version of this page may have written it
   */
  get(name, start = null) {
    try {
      return JSON.parse(allSmall()[name]) ?? start;
    } catch {
      return start;
    }
  },
  /** @param {string} name @param {unknown} value  null removes it */
  set(name, value) {
    write(name, value === null ? null : JSON.stringify(value));
    changed();
  },
  /**
   * Call a function after each change, on this page or another; returns a function that ends this.
   * @param {() => void} action
   */
  onChange(action) {
    addEventListener(EVENT, action);
    addEventListener("storage", action);
    return () => {
      removeEventListener(EVENT, action);
      removeEventListener("storage", action);
    };
  },
  /** @returns {Promise<OwnModel | null>}  the model that the reader trained */
  async model() {
    if (page.model) return page.model;
    try {
      const found = await withModels("readonly", (models) => models.get("own"));
      return found?.bytes instanceof ArrayBuffer ? found : null;
    } catch {
      return null;
    }
  },
  /** @param {OwnModel} model */
  async keepModel(model) {
    await writeModel(model);
    changed();
  },
  /** Forget everything. */
  async clear() {
    for (const name of Object.keys(allSmall())) write(name, null);
    await writeModel(null);
    changed();
  },
  /** @returns {Promise<string>}  everything, as the text of a file */
  async exported() {
    const model = await store.model();
    return JSON.stringify({ kind: KIND, small: allSmall(), model: model && { ...model, bytes: toText(model.bytes) } });
  },
  /**
   * Replace everything by what `exported` returned on this device or another.
   * @param {string} text
   */
  async imported(text) {
    let found;
    try {
      found = JSON.parse(text);
    } catch {
      found = null;
    }
    const isSmall = found?.small && Object.values(found.small).every((each) => typeof each === "string");
    if (found?.kind !== KIND || !isSmall)
      throw new Error("This file does not have what a reader keeps; choose one that “Save to a file” wrote.");
    const model = found.model && { ...found.model, bytes: Uint8Array.from(atob(found.model.bytes), code).buffer };
    for (const name of Object.keys(allSmall())) write(name, null);
    for (const [name, value] of Object.entries(found.small)) write(name, value);
    await writeModel(model);
    changed();
  },
};

/** @param {string} character */
const code = (character) => character.charCodeAt(0);

/** @param {ArrayBuffer} bytes */
function toText(bytes) {
  let text = "";
  for (const byte of new Uint8Array(bytes)) text += String.fromCharCode(byte);
  return btoa(text);
}
