// Files of figures, such as weights: from the notebook, from the book, or from scripts that carry them.

import { create } from "./frame.js";

/**
 * Return a file that the figure needs, such as weights: from the notebook, or from the book.
 * @param {import("./state.js").Model} model
 * @param {string} name  of the trait; on a page, NAME_url has its address
 * @returns {Promise<ArrayBuffer>}
 */
export async function loadFile(model, name) {
  const given = model.get(name);
  if (given && given.byteLength) {
    const bytes = given.buffer
      ? new Uint8Array(given.buffer, given.byteOffset, given.byteLength)
      : new Uint8Array(given);
    return bytes.slice().buffer;
  }
  const url = model.get(`${name}_url`);
  if (!url) throw new Error(`This figure was given no ${name}.`);
  const failed = `The file ${url.split("/").pop()} could not be loaded`;
  if (location.protocol === "file:") return loadScript(`${url}.js`, failed);
  let response;
  try {
    response = await fetch(url);
  } catch {
    throw new Error(`${failed}; check the connection and reload the page.`);
  }
  if (response.status === 404) return loadScript(`${url}.js`, failed); // the zip file of the book has it once
  if (!response.ok) throw new Error(`${failed} (status ${response.status}).`);
  return response.arrayBuffer();
}

/**
 * Return a file from the script that has its content: pages that are opened as files cannot fetch.
 * @param {string} url  of the script
 * @param {string} failed  what to say if there is none
 * @returns {Promise<ArrayBuffer>}
 */
async function loadScript(url, failed) {
  const script = create("script", { src: url });
  const arrived = new Promise((resolve, reject) => {
    script.addEventListener("load", resolve);
    script.addEventListener("error", () => reject(new Error(`${failed}.`)));
  });
  document.head.append(script);
  await arrived;
  script.remove();
  return Uint8Array.from(atob(globalThis.liveData[url]), (character) => character.charCodeAt(0)).buffer;
}
