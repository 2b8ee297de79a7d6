/**
 * A worker that fetches and compiles what the core is started from. The page's own thread has a picture to draw meanwhile,
 * and the core's worker is busy with its scripts.
 *
 * It takes `{ asset, ...task }` and answers `{ asset, value }` or `{ asset, error }`.
 *
 * @typedef {{ module: string } | { modules: string[] } | { memory: string, size: number } | { files: string[] }} Task
 *   What to make of addresses: a compiled module of WebAssembly or some, one file in memory that workers share where there
 *   is such memory, or files.
 */

addEventListener("message", async ({ data: { asset, ...task } }) => {
  try {
    const value = await perform(task);
    const owned = value instanceof Uint8Array && value.buffer instanceof ArrayBuffer ? [value.buffer] : [];
    postMessage({ asset, value }, { transfer: owned });
  } catch (error) {
    postMessage({ asset, error: error instanceof Error ? error.message : String(error) });
  }
});

/** @param {any} task A `Task`. */
function perform({ module, modules, memory, size, files }) {
  if (module) return compile(module);
  if (modules) return Promise.all(modules.map(compile));
  if (files) return Promise.all(files.map(contentOf));
  return bytes(memory, size);
}

/** @param {string} address */
async function get(address) {
  const response = await fetch(address);
  if (!response.ok) throw new Error(`${address} answered ${response.status}`);
  return response;
}

/** @param {string} address */
const compile = (address) => WebAssembly.compileStreaming(get(address));

/** @param {string} address */
const contentOf = async (address) => new Uint8Array(await (await get(address)).arrayBuffer());

/**
 * Fetch bytes into memory that workers share, where there may be such memory: nothing is copied for a new worker then.
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
