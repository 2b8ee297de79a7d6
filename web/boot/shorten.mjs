/**
 * Cut the values of states to what a page can show: a state may have many megabytes, and the page's Python would stand
 * still while it reads them.
 *
 * What has been cut names its size and a digest, so that two values are still equal exactly where they were. Therefore
 * everything that the page hears of states has to come through here, from the core and from the server alike.
 */

/** A text of a state may have so many characters. */
const LONGEST_TEXT = 2000;
/** A list or an object in a state may have so many characters as JSON. */
const LONGEST_JSON = 4000;
/** A text shorter than this has nothing in it that would be cut. */
export const NEVER_CUT = LONGEST_TEXT;
const STATES = new Set(["state", "current", "goal", "target", "diff", "stored", "discovered", "found"]);
/** What an execution was asked with is sent back as it is, and a plan is saved as it is. */
const WHOLE = new Set(["inputs", "plan"]);

/**
 * Cut what is long in a message, an event or an answer of the server, in place.
 *
 * @param {any} value
 * @returns {boolean} Whether anything was cut.
 */
export function shorten(value) {
  let cut = false;
  for (const [name, part] of value && typeof value === "object" ? Object.entries(value) : []) {
    if (WHOLE.has(name)) continue;
    if (typeof part === "string") {
      if (part.length > LONGEST_TEXT) [value[name], cut] = [shortText(part), true];
    } else if (part && typeof part === "object") {
      cut = (STATES.has(name) && !Array.isArray(part) ? shortenState(part) : shorten(part)) || cut;
    }
  }
  return cut;
}

/** @param {Record<string, any>} state */
function shortenState(state) {
  let cut = false;
  for (const [name, value] of Object.entries(state)) {
    const short = shortValue(value);
    if (short !== value) [state[name], cut] = [short, true];
  }
  return cut;
}

/** @param {any} value */
function shortValue(value) {
  if (typeof value === "string") return value.length > LONGEST_TEXT ? shortText(value) : value;
  if (!value || typeof value !== "object") return value;
  const text = JSON.stringify(inOrder(value));
  if (text.length <= LONGEST_JSON) return value;
  return `${Object.keys(value).length} entries (${digest(text)})`;
}

/** @param {string} text */
function shortText(text) {
  return `${text.slice(0, LONGEST_TEXT)}… (${text.length} characters, ${digest(text)})`;
}

/** @param {any} value @returns {any} The same with its keys sorted: not everybody keeps their order. */
function inOrder(value) {
  if (Array.isArray(value)) return value.map(inOrder);
  if (!value || typeof value !== "object") return value;
  return Object.fromEntries(Object.keys(value).sort().map((key) => [key, inOrder(value[key])]));
}

/** @param {string} text @returns {string} FNV-1a of its UTF-16 units: https://datatracker.ietf.org/doc/html/draft-eastlake-fnv */
function digest(text) {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at += 1) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  return (hash >>> 0).toString(16).padStart(8, "0");
}
