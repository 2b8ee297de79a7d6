/**
 * Check messages between page and core against what the core has declared (`irenic.endpoints.tab_messages`).
 *
 * A message that does not fit is told on the console and goes on its way: the core checks what it receives for itself, and
 * a page of another version than its core is better half right than silent.
 *
 * @typedef {Record<string, string>} Fields JSON types by field, joined by `|`; a field that may be absent ends in `?`.
 * @typedef {Record<"to_core" | "from_core", Record<string, Fields>>} Declared
 */

const ADDRESS = new URL("protocol.json", import.meta.url);

/** @param {unknown} value */
function jsonType(value) {
  if (value === null) return "null";
  if (Array.isArray(value)) return "array";
  return Number.isInteger(value) ? "integer" : typeof value;
}

/**
 * @param {Fields} fields
 * @param {Record<string, unknown>} message
 * @returns {string[]} What does not fit.
 */
export function misfits(fields, message) {
  const unknown = Object.keys(message).filter((name) => name !== "type" && !(name in fields));
  const wrong = Object.entries(fields).filter(([name, declared]) => {
    if (!(name in message)) return !declared.endsWith("?");
    const types = declared.replace("?", "").split("|");
    const found = jsonType(message[name]);
    return !(types.includes("any") || types.includes(found) || (found === "integer" && types.includes("number")));
  });
  return [...unknown.map((name) => `unknown field ${name}`), ...wrong.map(([name, types]) => `${name} is to be ${types}`)];
}

export class Protocol {
  /** @type {Declared | null} */
  #declared = null;

  constructor() {
    fetch(ADDRESS)
      .then(async (response) => response.ok && (this.#declared = await response.json()))
      .catch(() => {}); // messages then go unchecked on this side
  }

  /**
   * @param {"to_core" | "from_core"} direction
   * @param {{ type: string, [field: string]: unknown }} message
   */
  check(direction, message) {
    if (!this.#declared) return;
    const fields = this.#declared[direction][message.type];
    const wrong = fields ? misfits(fields, message) : ["unknown type"];
    if (wrong.length > 0) console.error(`Message ${message.type}, ${direction}: ${wrong.join("; ")}`);
  }
}
