/**
 * What the core is started from. The page has it fetched and compiled once (`loader.mjs`) and hands it to every worker, the
 * first and those after it, so that a new worker only has to instantiate.
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
const LOADER = new URL("loader.mjs", import.meta.url);

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

/** The worker that fetches and compiles, for as long as there is something to fetch. */
class Loader {
  /** @type {Worker | null} */
  #worker = null;
  /** @type {Map<string, { resolve: (value: any) => void, reject: (reason: Error) => void }>} */
  #waiting = new Map();

  /**
   * @param {string} asset
   * @param {import("./loader.mjs").Task} task
   * @returns {Promise<any>}
   */
  load(asset, task) {
    const worker = (this.#worker ??= this.#start());
    return new Promise((resolve, reject) => {
      this.#waiting.set(asset, { resolve, reject });
      worker.postMessage({ asset, ...task });
    });
  }

  #start() {
    const worker = new Worker(LOADER, { type: "module" });
    worker.onmessage = ({ data: { asset, value, error } }) => {
      const waiting = this.#waiting.get(asset);
      this.#waiting.delete(asset);
      if (error === undefined) waiting?.resolve(value);
      else waiting?.reject(new Error(error));
      if (this.#waiting.size === 0) this.#end();
    };
    worker.onerror = (event) => {
      const reason = new Error(`nothing can be fetched: ${event.message ?? `${LOADER} did not load`}`);
      for (const { reject } of this.#waiting.values()) reject(reason);
      this.#waiting.clear();
      this.#end();
    };
    return worker;
  }

  #end() {
    this.#worker?.terminate();
    this.#worker = null;
  }
}

export class Assets {
  /** @type {Map<string, Promise<any>>} */
  #kept = new Map();
  #loader = new Loader();

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
      wasm: this.#once("wasm", { module: wasm }),
      native: this.#once("native", { modules: bundle.native.map((module) => module.wasm) }),
    };
    if (rung === "snapshot" && snapshot) {
      return { ...native, snapshot: this.#once("snapshot", { memory: snapshot.file, size: snapshot.size }) };
    }
    return { ...native, nativeFiles: this.#once("nativeFiles", { files: bundle.native.map((module) => module.files) }) };
  }

  /**
   * @param {string} name
   * @param {import("./loader.mjs").Task} task
   * @returns {Promise<any>}
   */
  #once(name, task) {
    let kept = this.#kept.get(name);
    if (!kept) {
      kept = this.#loader.load(name, task);
      this.#kept.set(name, kept);
      kept.catch(() => this.#kept.delete(name));
    }
    return kept;
  }
}
