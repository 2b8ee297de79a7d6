/** Bytes from and to the maker's server. */

/** @param {string} address */
export async function bytesOf(address) {
  const response = await fetch(address);
  if (!response.ok) throw new Error(`${address} answered ${response.status}`);
  return new Uint8Array(await response.arrayBuffer());
}

/**
 * @param {string} name
 * @param {Blob} content
 */
export async function put(name, content) {
  const response = await fetch(`/made/${name}`, { method: "PUT", body: content });
  if (!response.ok) throw new Error(`${name} could not be put: ${response.status}`);
}

/**
 * Run a worker of this folder to its answer.
 *
 * @param {string} script
 * @param {object} task
 * @returns {Promise<any>}
 */
export function runWorker(script, task) {
  const worker = new Worker(new URL(script, import.meta.url), { type: "module" });
  return new Promise((resolve, reject) => {
    worker.onerror = (event) => reject(new Error(`${script}: ${event.message ?? "could not be loaded"}`));
    worker.onmessage = ({ data }) => (data.error ? reject(new Error(data.error)) : resolve(data.made));
    worker.postMessage(task);
  }).finally(() => worker.terminate());
}

/**
 * Run one of this folder's Python files as a module.
 *
 * @param {any} python
 * @param {string} name
 */
export async function moduleOf(python, name) {
  const module = python.pyimport("types").ModuleType(name);
  python.runPython(new TextDecoder().decode(await bytesOf(`/make/${name}.py`)), { globals: module.__dict__ });
  return module;
}
