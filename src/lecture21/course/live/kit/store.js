// What the reader leaves in this browser: answers, solved exercises, and the model that was trained. Nothing is sent.
// Small things are in localStorage and the model in IndexedDB. Where a browser refuses them, as some do for pages that
// are opened as files, the page keeps both until it is left.

const PREFIX = "lecture21-";
const EVENT = "lecture21-store";
const MODELS = "models";
const KIND = "what a reader of lecture21 keeps";
const PATIENCE = 15; // seconds that the browser has to answer
const SILENT = "The storage of this browser does not answer; reload the page, and try again.";

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
  if (page.model) found.model = descriptionOf(page.model); // what the browser keeps is an earlier one
  return found;
}

const descriptionOf = (/** @type {OwnModel} */ { nats, steps, sample }) => JSON.stringify({ nats, steps, sample });

/** @param {string} name @param {string | null} text  null removes it */
function write(name, text) {
  page.small.delete(name);
  try {
    if (text === null) localStorage.removeItem(PREFIX + name);
    else localStorage.setItem(PREFIX + name, text);
    if (localStorage.getItem(PREFIX + name) !== text) throw new Error("not kept");
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
  /** @type {IDBTransaction | undefined} */
  let transaction;
  let timer = 0;
  let isLate = false;
  const work = async () => {
    const request = indexedDB.open("lecture21", 1);
    request.onupgradeneeded = () => request.result.createObjectStore(MODELS);
    const database = await result(request);
    try {
      if (isLate) return null; // the page has said that it gave up
      const begun = (transaction = database.transaction(MODELS, mode));
      const committed = new Promise((resolve, reject) => {
        begun.oncomplete = resolve;
        begun.onabort = () => reject(begun.error);
      });
      const [found] = await Promise.all([result(action(begun.objectStore(MODELS))), committed]);
      return found;
    } finally {
      database.close();
    }
  };
  const silence = new Promise((_, reject) => {
    timer = setTimeout(() => {
      isLate = true;
      reject(new Error(SILENT));
      transaction?.abort();
    }, 1000 * PATIENCE);
  });
  return Promise.race([work(), silence]).finally(() => clearTimeout(timer));
}

/** @template T @param {IDBRequest<T>} request @returns {Promise<T>} */
const result = (request) =>
  new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });

/**
 * Whether this is a model with all bytes of its file.
 * @param {any} found
 * @returns {found is OwnModel}
 */
function isModel(found) {
  if (!(found?.bytes instanceof ArrayBuffer) || !Number.isFinite(found.nats) || !Number.isInteger(found.steps))
    return false;
  try {
    const length = 8 + Number(new DataView(found.bytes).getBigUint64(0, true));
    const header = JSON.parse(new TextDecoder().decode(new Uint8Array(found.bytes, 8, length - 8)));
    delete header.__metadata__;
    const ends = Object.values(header).map((tensor) => tensor.data_offsets[1]);
    return found.bytes.byteLength === length + Math.max(...ends);
  } catch {
    return false;
  }
}

function isSame(/** @type {ArrayBuffer} */ one, /** @type {ArrayBuffer} */ other) {
  const bytes = new Uint8Array(other);
  return one.byteLength === other.byteLength && new Uint8Array(one).every((byte, i) => byte === bytes[i]);
}

/**
 * Keep a model once it is known that the browser does; else the page has it, and the browser what it had.
 * @param {OwnModel} model
 */
async function writeModel(model) {
  try {
    await withModels("readwrite", (models) => models.put(model, "own"));
    const found = await withModels("readonly", (models) => models.get("own"));
    if (!isModel(found) || !isSame(found.bytes, model.bytes)) throw new Error("not kept");
    page.model = null;
    page.refused = false; // an earlier one had no room
    write("model", descriptionOf(model));
  } catch {
    page.refused = true;
    page.model = model;
  }
}

async function removeModel() {
  try {
    await withModels("readwrite", (models) => models.delete("own"));
  } catch (error) {
    if (isInBrowser("model")) throw error;
  }
  page.model = null;
  write("model", null);
}

function isInBrowser(/** @type {string} */ name) {
  try {
    return localStorage.getItem(PREFIX + name) !== null;
  } catch {
    return false;
  }
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
    if (!allSmall().model) return null;
    const found = await withModels("readonly", (models) => models.get("own"));
    return isModel(found) ? found : null;
  },
  /** @param {OwnModel} model */
  async keepModel(model) {
    await writeModel(model);
    changed();
  },
  /** Forget everything. */
  async clear() {
    await removeModel();
    for (const name of Object.keys(allSmall())) write(name, null);
    changed();
  },
  /** @returns {Promise<string>}  everything, as the text of a file */
  async exported() {
    const model = await store.model();
    return JSON.stringify({ kind: KIND, small: allSmall(), model: model && { ...model, bytes: toText(model.bytes) } });
  },
  /**
   * Replace everything by what `exported` returned on this device or another, once all of it is checked.
   * @param {string} text
   */
  async imported(text) {
    const { small, model } = parsed(text);
    if (model) await writeModel(model);
    else await removeModel();
    for (const name of Object.keys(allSmall())) if (!(name in small) && name !== "model") write(name, null);
    for (const [name, value] of Object.entries(small)) if (name !== "model") write(name, value);
    changed();
  },
};

/**
 * Return what a file has that `exported` wrote.
 * @param {string} text
 * @returns {{small: Record<string, string>, model: OwnModel | null}}
 */
function parsed(text) {
  try {
    const { kind, small, model } = JSON.parse(text);
    const own = model && { ...model, bytes: Uint8Array.from(atob(model.bytes), code).buffer };
    const isSmall = Object.values(small).every((each) => typeof each === "string");
    if (kind === KIND && isSmall && !Array.isArray(small) && (own === null || isModel(own)))
      return { small, model: own };
  } catch {
    // no such file
  }
  throw new Error("This file does not have what a reader keeps; choose one that “Save to a file” wrote.");
}

/** @param {string} character */
const code = (character) => character.charCodeAt(0);

/** @param {ArrayBuffer} bytes */
function toText(bytes) {
  let text = "";
  for (const byte of new Uint8Array(bytes)) text += String.fromCharCode(byte);
  return btoa(text);
}
