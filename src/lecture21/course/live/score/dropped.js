// The files that a reader drops or chooses: those of a model, which may be a folder.

const WEIGHTS = "model.safetensors";
const TOKENIZER = "tokenizer.json";
const MOST = 2 ** 30; // bytes, which is what the engine has room for
const MOST_JSON = 2 ** 24;
const MOST_FILES = 1000;

/**
 * The files of a drop, with those of folders in it.
 * @param {DataTransfer} transfer
 * @returns {Promise<File[]>}
 */
export async function filesOf(transfer) {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.() ?? null);
  if (!entries.some((entry) => entry?.isDirectory)) return [...transfer.files];
  /** @type {File[]} */
  const found = [];
  for (const entry of entries) {
    for (const file of entry?.isDirectory ? await entriesOf(/** @type {FileSystemDirectoryEntry} */ (entry)) : [entry])
      if (file?.isFile && found.length < MOST_FILES)
        found.push(
          await new Promise((resolve, reject) => /** @type {FileSystemFileEntry} */ (file).file(resolve, reject)),
        );
  }
  return found;
}

/** @returns {Promise<FileSystemEntry[]>} */
async function entriesOf(/** @type {FileSystemDirectoryEntry} */ folder) {
  const reader = folder.createReader();
  /** @type {FileSystemEntry[]} */
  const found = [];
  for (;;) {
    /** @type {FileSystemEntry[]} */
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject)); // a hundred at most
    if (!some.length || found.length > MOST_FILES) return found;
    found.push(...some);
  }
}

/**
 * Read the weights and the tokenizer among some files.
 * @param {File[]} files
 * @returns {Promise<{ name: string, weights: ArrayBuffer, tokenizer: string | null }>}
 */
export async function readModel(files) {
  const all = files.filter(({ name }) => name.endsWith(".safetensors"));
  const file = all.find(({ name }) => name === WEIGHTS) ?? all[0];
  if (!file) throw new Error(`There is no model here: choose the ${WEIGHTS} of a run.`);
  if (all.length > 1 && file.name !== WEIGHTS) throw new Error("These are several models; choose one of them.");
  if (file.size > MOST)
    throw new Error(`This file has ${(file.size / 1e9).toFixed(1)} GB; the page reads 1 GB at most.`);
  const json = files.find(({ name }) => name === TOKENIZER);
  if (json && json.size > MOST_JSON)
    throw new Error(`This ${TOKENIZER} has ${(json.size / 1e6).toFixed(0)} MB, too many for a tokenizer.`);
  try {
    return { name: file.name, weights: await file.arrayBuffer(), tokenizer: json ? await json.text() : null };
  } catch {
    throw new Error("The browser could not read this file; was it moved or changed meanwhile?");
  }
}
