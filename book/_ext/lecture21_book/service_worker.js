// Keeps on the reader's device the pages that were visited, and the whole book when the reader asks for it. FILES has the
// digest of each file and its bytes when compressed; it and VERSION, its digest, are written above when the book is built.
// A version is one cache, of files that each have their digest. A page that is kept comes with its kept files, any other
// page with all of its files from the server: what is kept is never mixed into a page of another version. What was kept of
// a version is fetched again of the next one before that takes over, for all pages at once.
"use strict";

const ROOT = self.registration.scope;
const OURS = `lecture21 ${ROOT} `; // other books may share the host
const CACHE = OURS + VERSION;
const WHOLE = `${ROOT}the-whole-book`; // in a cache: the reader has asked for it, and has got it
const AT_ONCE = 6; // downloads

/** The file of the book at an address; null if the book has none there. */
function pathOf(url) {
  const address = url.split(/[?#]/)[0];
  if (!address.startsWith(ROOT)) return null;
  let path = decodeURIComponent(address.slice(ROOT.length));
  if (path === "" || path.endsWith("/")) path += "index.html";
  return Object.hasOwn(FILES, path) ? path : null;
}

const addressOf = (path) => new URL(path, ROOT).href;

/** Put a response into the cache if it is the file of this version; return whether it is. */
async function put(cache, path, response) {
  const bytes = await response.arrayBuffer();
  const digest = [...new Uint8Array(await crypto.subtle.digest("SHA-256", bytes))];
  const text = digest.map((byte) => byte.toString(16).padStart(2, "0")).join("");
  if (!response.ok || !text.startsWith(FILES[path].digest)) return false;
  await cache.put(addressOf(path), new Response(bytes, { headers: response.headers }));
  return true;
}

/** Keep one file: from an earlier version if it is the same there, else from the server. */
async function keep(cache, path, url = addressOf(path), earlier = []) {
  if (await cache.match(addressOf(path))) return;
  for (const place of earlier) {
    const kept = await place.match(addressOf(path));
    if (kept && (await put(cache, path, kept))) return;
  }
  // The browser often has the file. While a new version is being published, the server has files of both.
  for (const mode of ["force-cache", "no-cache"]) if (await put(cache, path, await fetch(url, { cache: mode }))) return;
  throw new Error("a new version of the book is being published; reload the page");
}

/** Do something with many files, some at a time; after the first error those that have begun end. */
async function forEach(paths, action) {
  const left = [...paths];
  const errors = [];
  const work = async () => {
    while (left.length && !errors.length) await action(left.pop()).catch((error) => errors.push(error));
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  if (errors.length) throw errors[0];
}

const keptIn = async (cache) => (await cache.keys()).map(({ url }) => pathOf(url)).filter((path) => path !== null);

async function install() {
  const names = (await caches.keys()).filter((name) => name.startsWith(OURS) && name !== CACHE);
  const earlier = await Promise.all(names.map((name) => caches.open(name)));
  const cache = await caches.open(CACHE);
  const whole = (await Promise.all(earlier.map((each) => each.match(WHOLE)))).some(Boolean);
  const kept = (await Promise.all(earlier.map(keptIn))).flat();
  await forEach(whole ? Object.keys(FILES) : new Set(kept), (path) => keep(cache, path, addressOf(path), earlier));
  if (whole) await cache.put(WHOLE, new Response());
}

async function activate() {
  const names = await caches.keys();
  await Promise.all(names.filter((name) => name.startsWith(OURS) && name !== CACHE).map((name) => caches.delete(name)));
  await self.clients.claim(); // the page of a first visit, too, loads the rest of its files through this worker
}

/** Keep a page that was opened before this worker was there, and the files that it has loaded. */
async function keepVisited(urls) {
  const cache = await caches.open(CACHE);
  for (const url of urls) {
    const path = pathOf(url);
    if (path) await keep(cache, path, url).catch(() => {}); // it was visited, not asked for
  }
}

/** What of the book is not kept, and whether the reader has asked for all of it. */
async function missing(cache) {
  const kept = new Set(await keptIn(cache));
  const paths = Object.keys(FILES).filter((path) => !kept.has(path));
  return { paths, bytes: paths.reduce((sum, path) => sum + FILES[path].bytes, 0) };
}

async function status(port) {
  const cache = await caches.open(CACHE);
  const { paths, bytes } = await missing(cache);
  port.postMessage({ whole: paths.length === 0 && Boolean(await cache.match(WHOLE)), bytes });
}

async function keepWhole(port) {
  try {
    const cache = await caches.open(CACHE);
    const { paths, bytes } = await missing(cache);
    let arrived = 0;
    await forEach(paths, async (path) => {
      await keep(cache, path);
      arrived += FILES[path].bytes;
      port.postMessage({ arrived, bytes });
    });
    await cache.put(WHOLE, new Response());
    await status(port); // read back
  } catch (error) {
    let reason = error.message;
    if (error.name === "QuotaExceededError") reason = "the browser has no room for it";
    else if (error instanceof TypeError) reason = "the connection was lost"; // of fetch
    port.postMessage({ failed: reason });
  }
}

let asked = null;

async function answer(event, path) {
  const { request } = event;
  // A new version is complete: the only page in sight is about to be replaced, so nothing else uses this one. It is asked
  // to take over once: if it is slow to, the reader gets this version's page, and no empty one again and again.
  const { waiting } = self.registration;
  if (request.mode === "navigate" && waiting && waiting !== asked && (await self.clients.matchAll()).length < 2) {
    asked = waiting;
    waiting.postMessage({ takeOver: true });
    return new Response("", { headers: { Refresh: "0" } });
  }
  const kept = await keptAt(path);
  if (kept && (request.mode === "navigate" || (await isOnKeptPage(event)))) return kept;
  try {
    const response = await fetch(request);
    const copy = response.clone();
    event.waitUntil(
      caches
        .open(CACHE)
        .then((cache) => put(cache, path, copy))
        .catch(() => {}), // without room, it is just shown
    );
    waiting?.postMessage({ visited: [request.url] });
    return response;
  } catch (error) {
    if (kept) return kept;
    throw error;
  }
}

/** What is kept of this version; it makes no cache where a later version has removed it. */
const keptAt = (path) => caches.match(addressOf(path), { cacheName: CACHE });

async function isOnKeptPage({ clientId }) {
  const page = pathOf((await self.clients.get(clientId))?.url ?? "");
  return page !== null && Boolean(await keptAt(page));
}

self.addEventListener("install", (event) => event.waitUntil(install()));
self.addEventListener("activate", (event) => event.waitUntil(activate()));
self.addEventListener("message", (event) => {
  const [port] = event.ports;
  const { takeOver, visited, keep: wanted } = event.data;
  if (takeOver) self.skipWaiting();
  else if (visited) event.waitUntil(keepVisited(visited));
  else event.waitUntil(wanted ? keepWhole(port) : status(port));
});
self.addEventListener("fetch", (event) => {
  const path = event.request.method === "GET" ? pathOf(event.request.url) : null;
  if (path) event.respondWith(answer(event, path));
});
