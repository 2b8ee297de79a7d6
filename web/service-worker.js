/**
 * Keeps the site, and the answers that the last picture was drawn from, for a visit while the server cannot be reached.
 *
 * While it can be reached nothing changes: every request goes to the server, and where the browser can, without waiting for
 * this worker to be awake. What is kept is given only where the network gave nothing, and an answer of the API only to whoever
 * asks for the last known one, marked with the time from which it is. The core never asks so: it is told the truth.
 *
 * The page sends "keep" when the core is awake. Files are kept by build: those that a build shares with the one before are
 * copied, and the one before is deleted when the next is complete.
 */

/** The path below which the site lies; a site below another path of this origin keeps its own. */
const BASE = new URL(".", location.href).pathname;
const OWNER = BASE === "/" ? "irenic" : `irenic:${BASE}`;
const SITE = `${OWNER}-site-`;
const ANSWERS = `${OWNER}-answers`;
const MANIFEST = `${BASE}manifest.json`;
const FLOWS = `${BASE}flows/index.json`;
const API = `${BASE}api/`;

/** The same names are in `ui/api.py`. */
const LAST_KNOWN = "x-irenic-last-known";
const KEPT_AT = "x-irenic-kept-at";

/** Not needed without a server: the way of starting below the fast ones, and texts for the curious. */
const NOT_KEPT = /^(licenses\/|vendor\/pyodide\/(python_stdlib\.zip|pyodide(\.asm)?\.mjs)$)/;
/** What is asked for again and again while something runs: this worker need not wake for it. */
const NEVER_KEPT = [`${API}*/stream`, `${API}*/signal`];
/** What is answered where the server, or what it stores in, is away. */
const AWAY = [502, 503, 504];
const AT_ONCE = 4;
const MOST_ANSWERS = 100;
const LARGEST_ANSWER = 2_000_000;

addEventListener("install", (event) => {
  skipWaiting();
  event.addRoutes?.([
    { condition: { urlPattern: new URLPattern({ pathname: `${API}*` }), requestMethod: "POST" }, source: "network" },
    ...NEVER_KEPT.map((pathname) => ({ condition: { urlPattern: new URLPattern({ pathname }) }, source: "network" })),
    { condition: { urlPattern: new URLPattern({ pathname: `${BASE}*` }), requestMethod: "GET" }, source: "race-network-and-fetch-handler" },
  ]).catch(() => {}); // an older browser has fewer kinds of route and does without
});

addEventListener("activate", (event) => event.waitUntil(clients.claim()));

addEventListener("message", (event) => {
  if (event.data === "keep") {
    const [port] = event.ports;
    event.waitUntil(keepSite().then((build) => port.postMessage({ kept: build }), (error) => port.postMessage({ error: String(error) })));
  }
});

addEventListener("fetch", (event) => {
  const { request } = event;
  const { origin, pathname, searchParams } = new URL(request.url);
  if (request.method !== "GET" || origin !== location.origin) return;
  if (request.mode === "navigate" && searchParams.has("token")) event.respondWith(signedIn(request));
  else if (!pathname.startsWith(API)) event.respondWith(reached(request).catch((error) => keptFile(request, error)));
  else if (request.headers.has(LAST_KNOWN)) event.respondWith(answer(request));
});

/** Ask the server; a proxy that cannot reach it answers in its place. @param {Request} request */
async function reached(request) {
  const response = await fetch(request);
  if (AWAY.includes(response.status)) throw new Away(response);
  return response;
}

/** The server is away: `response` says so. */
class Away extends Error {
  /** @param {Response} response */
  constructor(response) {
    super(`the server answered ${response.status}`);
    this.response = response;
  }
}

/**
 * @param {Request} request
 * @param {Error} error What to say where nothing is kept.
 */
async function keptFile(request, error) {
  const site = (await caches.keys()).filter((name) => name.startsWith(SITE));
  for (const options of [{}, { ignoreSearch: true }]) {
    for (const name of site) {
      const found = await (await caches.open(name)).match(request, options);
      if (found) return found;
    }
  }
  return refusal(error);
}

/** Whoever comes with a token may be another: what was answered to the one before is dropped. @param {Request} request */
async function signedIn(request) {
  try {
    const response = await reached(request);
    await caches.delete(ANSWERS);
    return response;
  } catch (error) {
    return keptFile(request, error);
  }
}

/**
 * Ask the server, and keep what it says; where it says nothing, say what it said last, if that is asked for.
 *
 * @param {Request} request
 */
async function answer(request) {
  const takesKept = request.headers.get(LAST_KNOWN) === "1";
  try {
    const response = await reached(request);
    if (response.status === 401 || response.status === 403) await caches.delete(ANSWERS);
    else if (takesKept && (response.ok || response.status === 404)) await keepAnswer(request, response.clone());
    return response;
  } catch (error) {
    const found = takesKept && (await (await caches.open(ANSWERS)).match(request.url));
    return found || refusal(error);
  }
}

/** What was answered, or the failure to get an answer. @param {unknown} error */
function refusal(error) {
  if (error instanceof Away) return error.response;
  throw error;
}

/**
 * @param {Request} request
 * @param {Response} response
 */
async function keepAnswer(request, response) {
  const body = await response.arrayBuffer();
  if (body.byteLength > LARGEST_ANSWER) return;
  const headers = new Headers(response.headers);
  headers.set(KEPT_AT, new Date().toISOString());
  for (const name of ["content-encoding", "content-length"]) headers.delete(name);
  const answers = await caches.open(ANSWERS);
  await answers.delete(request.url); // so that the oldest come first
  await answers.put(request.url, new Response(body, { status: response.status, headers }));
  const addresses = await answers.keys();
  for (const old of addresses.slice(0, Math.max(0, addresses.length - MOST_ANSWERS))) await answers.delete(old);
}

/** Keep every file of the site as it is now. @returns {Promise<string>} The build. */
async function keepSite() {
  const manifest = await fetched(MANIFEST, "no-cache");
  const { build, files } = await manifest.clone().json();
  const { flows } = await (await fetched(FLOWS, "no-cache")).json();
  const site = await caches.open(SITE + build);
  const before = await Promise.all((await caches.keys()).filter((name) => name.startsWith(SITE) && name !== SITE + build).map(kept));
  const wanted = Object.entries(files).filter(([place]) => !NOT_KEPT.test(place)).map(([place, hash]) => [`${BASE}${place}`, hash]);
  // Its headers say whether there is an API beside the site: it is never a copy of what an older build has kept.
  for (const each of wanted) if (each[0] === FLOWS) each[1] = null;
  // These answer with the policy of a flow, so that they are different ones for each.
  for (const { name } of flows) for (const place of [BASE, `${BASE}boot/worker.mjs`]) wanted.push([`${place}?flow=${encodeURIComponent(name)}`, null]);
  wanted.push([BASE, files["index.html"]]);
  const next = wanted.values();
  const keepNext = async () => {
    for (const [address, hash] of next) {
      if (await site.match(address)) continue;
      const old = hash && before.find((other) => other.files[address.slice(BASE.length)] === hash);
      const response = (old && (await old.cache.match(address))) || (await fetched(address, "default"));
      await site.put(address, response);
    }
  };
  try {
    await Promise.all(Array.from({ length: AT_ONCE }, keepNext));
  } catch (error) {
    if (error instanceof DOMException && error.name === "QuotaExceededError") await caches.delete(SITE + build); // no room for it
    throw error;
  }
  await site.put(MANIFEST, manifest); // last: what has it is complete
  for (const { name } of before) await caches.delete(name);
  return build;
}

/** @param {string} name Of a cache. */
async function kept(name) {
  const cache = await caches.open(name);
  const manifest = await cache.match(MANIFEST);
  return { name, cache, files: manifest ? (await manifest.json()).files : {} };
}

/**
 * @param {string} address
 * @param {RequestCache} cache
 */
async function fetched(address, cache) {
  const response = await fetch(address, { cache });
  if (!response.ok) throw new Error(`${address} answered ${response.status}`);
  return response;
}
