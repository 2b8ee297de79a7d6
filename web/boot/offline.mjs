/**
 * Have the site kept in the browser, for visits while the server cannot be reached (see `/service-worker.js`).
 */

/** The start itself and what is pressed right after it come first. */
const AFTER_MS = 5000;

/** @type {Promise<string> | undefined} */
let keeping;

/**
 * @returns {Promise<string>} The build that is kept now; empty where the browser keeps nothing, as on a page that is not
 *   served securely.
 */
export const keepSite = () => (keeping ??= keep());

async function keep() {
  const { serviceWorker } = navigator;
  if (!serviceWorker) return "";
  await new Promise((resolve) => setTimeout(resolve, AFTER_MS));
  await serviceWorker.register(new URL("../service-worker.js", import.meta.url));
  const { active } = await serviceWorker.ready;
  return new Promise((resolve, reject) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = ({ data }) => (data.error ? reject(new Error(data.error)) : resolve(data.kept));
    active?.postMessage("keep", [port2]);
  });
}
