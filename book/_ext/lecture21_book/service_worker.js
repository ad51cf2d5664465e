// Keeps the whole book on the reader's device after a first visit. FILES, the digests of all files, and VERSION, the
// digest of FILES, are written above when the book is built.
// A version is one cache. It is used when all of its files are there, each with its digest, and by all pages at once:
// no page is ever made of two versions.
"use strict";

const ROOT = self.registration.scope;
const OURS = `lecture21 ${ROOT} `; // other books may share the host
const CACHE = OURS + VERSION;
const AT_ONCE = 6; // downloads

const digest = async (response) => {
  const bytes = await crypto.subtle.digest("SHA-256", await response.arrayBuffer());
  return [...new Uint8Array(bytes)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
};

/** Put one file into the cache: from an earlier version if it is the same there, else from the server. */
async function keep(cache, earlier, path) {
  const address = new URL(path, ROOT).href;
  for (const place of [cache, ...earlier]) {
    const kept = await place.match(address);
    if (kept && (await digest(kept.clone())) === FILES[path]) {
      if (place !== cache) await cache.put(address, kept);
      return;
    }
  }
  const response = await fetch(address, { cache: "no-cache" });
  // While a new version is being published, the server has files of both.
  if (!response.ok || (await digest(response.clone())) !== FILES[path]) throw new Error(`${path} is of another version`);
  await cache.put(address, response);
}

async function install() {
  const names = (await caches.keys()).filter((name) => name.startsWith(OURS) && name !== CACHE);
  const earlier = await Promise.all(names.map((name) => caches.open(name)));
  const cache = await caches.open(CACHE);
  const paths = Object.keys(FILES);
  const work = async () => {
    while (paths.length) await keep(cache, earlier, paths.pop());
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
}

async function removeEarlier() {
  const names = await caches.keys();
  await Promise.all(names.filter((name) => name.startsWith(OURS) && name !== CACHE).map((name) => caches.delete(name)));
}

async function answer(request, path) {
  // A new version is complete: the only page in sight is about to be replaced, so nothing else uses this one.
  const { waiting } = self.registration;
  if (request.mode === "navigate" && waiting && (await self.clients.matchAll()).length < 2) {
    waiting.postMessage("take over");
    return new Response("", { headers: { Refresh: "0" } });
  }
  const cache = await caches.open(CACHE);
  return (await cache.match(new URL(path, ROOT).href)) ?? fetch(request);
}

self.addEventListener("install", (event) => event.waitUntil(install()));
self.addEventListener("activate", (event) => event.waitUntil(removeEarlier()));
self.addEventListener("message", (event) => event.data === "take over" && self.skipWaiting());
self.addEventListener("fetch", (event) => {
  const url = event.request.url.split(/[?#]/)[0];
  if (event.request.method !== "GET" || !url.startsWith(ROOT)) return;
  let path = decodeURIComponent(url.slice(ROOT.length));
  if (path === "" || path.endsWith("/")) path += "index.html";
  if (path in FILES) event.respondWith(answer(event.request, path));
});
