/**
 * What the core is started from. The page fetches and compiles it once and hands it to every worker, the first and those
 * after it, so that a new worker only has to instantiate.
 *
 * @typedef {object} BootManifest `vendor/boot/assets.json`, made by `make/fast_boot.py`. Addresses in it are relative to the
 *   site's root; here they are whole.
 * @property {string} pyodide Folder of Pyodide's own files.
 * @property {string} wasm Pyodide's WebAssembly.
 * @property {string} wheels Folder of the wheels.
 * @property {string} lock Lock file of the wheels.
 * @property {object} [lockContents] The same, spared a request.
 * @property {string[]} packages What to load by the lock file.
 * @property {{ library: string, native: NativeModule[], packages: string[] }} [bundle] `packages` are those in the library.
 * @property {{ file: string, size: number, buildId: string }} [snapshot]
 *
 * @typedef {object} NativeModule An extension module of a wheel.
 * @property {string} path Its place in the interpreter's file system.
 * @property {string} wasm Where it is fetched from.
 * @property {string} files Container of the files that lie beside it.
 *
 * @typedef {object} Given What a worker is handed.
 * @property {WebAssembly.Module} [wasm]
 * @property {WebAssembly.Module[]} [native]
 * @property {Uint8Array[]} [nativeFiles]
 * @property {Uint8Array} [snapshot]
 */

const SITE = new URL("../", import.meta.url);
const MANIFEST = new URL("vendor/boot/assets.json", SITE);

/** Without a manifest, the files that every site has. @type {BootManifest} */
const ORDINARY = {
  pyodide: "vendor/pyodide/",
  wasm: "vendor/pyodide/pyodide.asm.wasm",
  wheels: "vendor/wheels/",
  lock: "vendor/wheels/pyodide-lock.json",
  packages: ["irenic"],
};

/** Keys of the manifest that hold addresses, at any depth. */
const ADDRESSES = new Set(["pyodide", "wasm", "wheels", "lock", "library", "files", "file"]);

/** @param {string} address */
async function get(address) {
  const response = await fetch(address);
  if (!response.ok) throw new Error(`${address} answered ${response.status}`);
  return response;
}

/** @param {string} address */
const compile = (address) => WebAssembly.compileStreaming(get(address));

/**
 * Fetch bytes into memory that workers share, where the page may have such memory: nothing is copied for a new worker then.
 *
 * @param {string} address
 * @param {number} size Bytes.
 */
async function bytes(address, size) {
  const response = await get(address);
  if (!globalThis.crossOriginIsolated || !response.body) return new Uint8Array(await response.arrayBuffer());
  const shared = new Uint8Array(new SharedArrayBuffer(size));
  let filled = 0;
  for (const reader = response.body.getReader(); ; ) {
    const { done, value } = await reader.read();
    if (done) break;
    shared.set(value, filled);
    filled += value.length;
  }
  if (filled !== size) throw new Error(`${address} has ${filled} bytes instead of ${size}`);
  return shared;
}

export class Assets {
  /** @type {Map<string, Promise<any>>} */
  #kept = new Map();

  /** @param {BootManifest} manifest */
  constructor(manifest) {
    this.manifest = manifest;
  }

  /** Read the manifest; a site without one still has its lock file. */
  static async open() {
    const response = await fetch(MANIFEST).catch(() => null);
    const text = response?.ok ? await response.text() : JSON.stringify(ORDINARY);
    return new Assets(JSON.parse(text, (key, value) => (ADDRESSES.has(key) && typeof value === "string" ? new URL(value, SITE).href : value)));
  }

  /**
   * Begin, or go on with, what a rung needs.
   *
   * @param {string} rung
   * @returns {{ [name in keyof Given]: Promise<Given[name]> }}
   */
  for(rung) {
    const { wasm, bundle, snapshot } = this.manifest;
    if (rung === "lockfile" || !bundle) return {};
    const native = {
      wasm: this.#once("wasm", () => compile(wasm)),
      native: this.#once("native", () => Promise.all(bundle.native.map((module) => compile(module.wasm)))),
    };
    if (rung === "snapshot" && snapshot) {
      return { ...native, snapshot: this.#once("snapshot", () => bytes(snapshot.file, snapshot.size)) };
    }
    const files = () => Promise.all(bundle.native.map(async (m) => new Uint8Array(await (await get(m.files)).arrayBuffer())));
    return { ...native, nativeFiles: this.#once("nativeFiles", files) };
  }

  /**
   * @template T
   * @param {string} name
   * @param {() => Promise<T>} fetched
   * @returns {Promise<T>}
   */
  #once(name, fetched) {
    let kept = this.#kept.get(name);
    if (!kept) {
      kept = fetched();
      this.#kept.set(name, kept);
      kept.catch(() => this.#kept.delete(name));
    }
    return kept;
  }
}
