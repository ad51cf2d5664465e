// What the reader leaves in this browser: answers, solved exercises, and the model that was trained. Nothing is sent.
// Small things are in localStorage and the model in IndexedDB. Where a browser refuses them, as some do for pages that
// are opened as files, the page keeps both until it is left.

const PREFIX = "lecture21-";
const EVENT = "lecture21-store";
const MODELS = "models";
const KIND = "what a reader of lecture21 keeps";
const PATIENCE = 15; // seconds that the browser has to answer
const SILENT = "The storage of this browser does not answer; reload the page, and try again.";
const WRONG =
  "This is not a complete file that “Save everything to a file” wrote; nothing was replaced. Choose another one.";
const NO_ROOM = "This browser did not keep all that the file has, so what was here is still here.";

/** What all figures of a page share where the browser keeps nothing. */
const page = (globalThis.liveMemory ??= { small: new Map(), model: null, refused: false });

/**
 * A safetensors file, its validation loss, its training, and the last text that it wrote meanwhile.
 * @typedef {{bytes: ArrayBuffer, nats: number, steps: number, sample?: string}} OwnModel
 */

/** @typedef {{small: Record<string, string>, model: OwnModel | null}} Everything  small: JSON, by name */

/** @returns {Record<string, string>} */
function allSmall() {
  const found = { ...smallInBrowser(), ...Object.fromEntries(page.small) }; // there was no room for those of the page
  if (page.model) found.model = descriptionOf(page.model); // what the browser keeps is an earlier one
  return found;
}

/** @returns {Record<string, string> | null}  null: the browser keeps nothing at all */
function smallInBrowser() {
  try {
    const names = Object.keys(localStorage).filter((key) => key.startsWith(PREFIX));
    return Object.fromEntries(names.map((key) => [key.slice(PREFIX.length), localStorage[key]]));
  } catch {
    page.refused = true;
    return null;
  }
}

const descriptionOf = (/** @type {OwnModel} */ { nats, steps, sample }) => JSON.stringify({ nats, steps, sample });

/** @param {string} name @param {string | null} text  null removes it */
function write(name, text) {
  page.small.delete(name);
  try {
    putSmall(name, text);
  } catch {
    page.refused = true;
    if (text !== null) page.small.set(name, text);
  }
}

/** The same, or an error where the browser does not keep it. @param {string} name @param {string | null} text */
function putSmall(name, text) {
  if (text === null) localStorage.removeItem(PREFIX + name);
  else localStorage.setItem(PREFIX + name, text);
  if (localStorage.getItem(PREFIX + name) !== text) throw new Error("not kept");
}

/**
 * Let the browser keep these small things and no others.
 * @param {Record<string, string>} small
 * @param {typeof write} put
 */
function putAllSmall(small, put) {
  // All are removed first: in any other order, one may not have room before another is gone.
  for (const name of Object.keys(smallInBrowser() ?? {})) putSmall(name, null);
  for (const [name, text] of Object.entries(small)) put(name, text);
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
    await putModel(model);
    page.model = null;
    page.refused = false; // an earlier one had no room
    write("model", descriptionOf(model));
  } catch {
    page.refused = true;
    page.model = model;
  }
}

/** Let the browser keep a model, or an error says that it does not. @param {OwnModel} model */
async function putModel(model) {
  await withModels("readwrite", (models) => models.put(model, "own"));
  const found = await modelInBrowser();
  if (!found || !isSame(found.bytes, model.bytes)) throw new Error("not kept");
}

const deleteModel = () => withModels("readwrite", (models) => models.delete("own"));

/** @returns {Promise<OwnModel | null>} */
async function modelInBrowser() {
  const found = await withModels("readonly", (models) => models.get("own"));
  return isModel(found) ? found : null;
}

/**
 * Let the browser keep what a file has in place of all else, or what it had.
 * @param {Everything} file
 */
async function replaceAll({ small, model }) {
  const before = smallInBrowser() ?? {};
  const hadModel = before.model ? await modelInBrowser() : null;
  try {
    if (model) await putModel(model);
    putAllSmall(small, putSmall);
  } catch {
    putAllSmall(before, write);
    if (model) await (hadModel ? putModel(hadModel) : deleteModel()).catch(() => {}); // it may be there already
    throw new Error(NO_ROOM);
  }
  if (!model) await deleteModel().catch(() => {}); // without its description, no page offers it
}

async function removeModel() {
  try {
    await deleteModel();
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
  /** Whether there is nothing that a file could replace. */
  get isEmpty() {
    return Object.keys(allSmall()).length === 0;
  },
  /**
   * Return what was kept under a name, or a start value.
   * @param {string} name
   * @param {unknown} [start]
   * @returns {any}  to be checked: another version of this page may have written it
   */
  get(name, start = null) {
    const text = allSmall()[name];
    return isSmall([name, text]) ? JSON.parse(text) : start;
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
    return allSmall().model ? modelInBrowser() : null;
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
    const small = Object.fromEntries(Object.entries(allSmall()).filter(isSmall)); // not what no page can read
    return JSON.stringify({ kind: KIND, small, model: model && { ...model, bytes: toText(model.bytes) } });
  },
  /**
   * Return what a file has that `exported` wrote on this device or another, once all of it is checked.
   * @param {string} text
   * @returns {Everything}
   */
  read(text) {
    try {
      const { kind, small, model } = JSON.parse(text);
      const own = model && modelOf(model);
      if (kind === KIND && isRecord(small) && Object.entries(small).every(isSmall) && (own === null || isModel(own))) {
        delete small.model; // without a model there is none to describe
        return { small: own ? { ...small, model: descriptionOf(own) } : small, model: own };
      }
    } catch {
      // no such file
    }
    throw new Error(WRONG);
  },
  /**
   * Replace everything by what `read` returned; where the browser does not keep all of it, an error says so and
   * nothing is replaced. A page whose browser keeps nothing at all has it until it is left.
   * @param {Everything} file
   */
  async replaceBy(file) {
    const { small, model } = file;
    const isKept = smallInBrowser() !== null;
    if (isKept) await replaceAll(file);
    page.small = new Map(isKept ? [] : Object.entries(small));
    page.model = isKept ? null : model;
    page.refused = !isKept;
    changed();
  },
};

/** A model as a file has it; what is not of its kind is left to `isModel`. */
function modelOf(/** @type {any} */ { bytes, nats, steps, sample }) {
  const own = { bytes: Uint8Array.from(atob(bytes), code).buffer, nats, steps };
  return typeof sample === "string" ? { ...own, sample } : own;
}

/** What this version of the page keeps, so that a figure can read it. @type {Record<string, (value: any) => boolean>} */
const FITS = {
  answers: (found) => isRecord(found) && Object.values(found).every((each) => typeof each === "string"),
  solved: (found) => Array.isArray(found) && found.every((each) => typeof each === "string"),
  designs: (found) => Object.values(found).every((each) => Array.isArray(each.design)),
  path: (found) => found === "done" || (Number.isInteger(found) && found > 0),
};

const isRecord = (/** @type {unknown} */ found) => typeof found === "object" && found !== null && !Array.isArray(found);

/** Whether this is a name with JSON, of its kind if this version of the page knows it. */
function isSmall(/** @type {[string, any]} */ [name, text]) {
  try {
    const value = JSON.parse(text);
    return typeof text === "string" && value !== null && (!Object.hasOwn(FITS, name) || FITS[name](value));
  } catch {
    return false;
  }
}

/** @param {string} character */
const code = (character) => character.charCodeAt(0);

/** @param {ArrayBuffer} bytes */
function toText(bytes) {
  let text = "";
  for (const byte of new Uint8Array(bytes)) text += String.fromCharCode(byte);
  return btoa(text);
}
