/**
 * What there is much of and little is looked at: the items of a large flow, the journal of a long execution.
 *
 * It stays in JavaScript. The page's Python asks for what it draws, and gets it as JSON text.
 *
 * @typedef {{ seq: number, kind: string, item?: string, limit?: unknown, result?: string, state?: object | null }} Event
 * @typedef {{ place?: { id: string } | null, elsewhere?: Record<string, any>, made?: boolean | null, begun_at?: string | null }} Entry
 */

import { shorten } from "../boot/shorten.mjs";

/** @param {any} value What the server has answered. @returns {any} The same, its long values cut to what is shown. */
export function shortened(value) {
  shorten(value);
  return value;
}

/** @param {{ data: string }} message One of a stream. @returns {any} What it says, its long values cut to what is shown. */
export function read({ data }) {
  return shortened(JSON.parse(data));
}

/** @returns {Promise<string | null>} The id of this browser as a place, which lies beside its files; null where it has none. */
export async function place() {
  try {
    const folder = await (await navigator.storage.getDirectory()).getDirectoryHandle("irenic-files");
    const file = await (await folder.getFileHandle("place.json")).getFile();
    return JSON.parse(await file.text()).id;
  } catch {
    return null;
  }
}

/** @param {Record<string, Entry>} items @returns {boolean} Whether anything of what is stored is of a place. */
export function placed(items) {
  return Object.values(items).some((entry) => entry.place);
}

/**
 * @param {Record<string, Entry>} items What is stored, by item.
 * @param {string | null} here
 * @returns {string} The ids of those that were made in other places and of which nothing is stored of this one.
 */
export function elsewhere(items, here) {
  const isMade = (/** @type {Entry} */ { made, begun_at }) => made ?? (begun_at ?? null) !== null;
  const isAway = (/** @type {Entry} */ entry) => {
    const { place, elsewhere: others = {} } = entry;
    if (!place || place.id === here || (here !== null && here in others)) return false;
    return [entry, ...Object.values(others)].some(isMade);
  };
  return JSON.stringify(Object.keys(items).filter((id) => isAway(items[id])));
}

/** @param {Record<string, { current?: object | null }>} states Those of an outcome. @returns {string} The items of which no current state is known. */
export function unfound(states) {
  return JSON.stringify(Object.keys(states).filter((id) => !states[id].current));
}

/** The picture of a flow (`FlowInfo`), looked up item by item. */
export class Picture {
  #items;
  #moves;
  /** @type {Map<string, string[]>} */
  #before = new Map();
  /** @type {Map<string, string[]>} */
  #after = new Map();

  /** @param {{ id: string, items: any[], edges?: { predecessor: string, successor: string }[], moves?: object }} info */
  constructor({ id, items, edges = [], moves = {} }) {
    this.id = id;
    this.#items = items;
    this.#moves = moves;
    for (const { predecessor, successor } of edges) {
      append(this.#before, successor, predecessor);
      append(this.#after, predecessor, successor);
    }
  }

  /** @returns {string} The ids of all items, in the order of the flow. */
  ids() {
    return JSON.stringify(this.#items.map(({ id }) => id));
  }

  /** @returns {string} The present ids of items that had another one before, by the former one. */
  moves() {
    return JSON.stringify(this.#moves);
  }

  /** @param {number} number @returns {string} What a row needs to know of an item. */
  item(number) {
    const { id, type, summary } = this.#items[number];
    const [predecessors, successors] = [this.#before, this.#after].map((edges) => edges.get(id) ?? []);
    return JSON.stringify({ id, type, summary, predecessors, successors });
  }

  /** @param {number} number @returns {string} The names of the fields of an item's state, in the order of their definition. */
  fields(number) {
    return JSON.stringify(Object.keys(this.#items[number].state_schema?.properties ?? {}));
  }
}

/** Kinds of events that say something of an item. */
const TELLING = new Set([
  "item_status",
  "item_position",
  "item_state",
  "item_verdict",
  "item_intent",
  "item_kept",
  "item_result",
  "item_error",
]);
/** Kinds of events that say something of every item. */
const COMMON = new Set(["execution_started", "cmd_started", "block_started", "interrupt_requested", "leftovers_found"]);

/** The journal of an execution as far as it has been read: what it says of each item, and its last events. */
export class Journal {
  /** @type {Map<string, Event[]>} */
  #said = new Map();
  /** @type {Event[]} */
  #common = [];
  /** @type {Set<string>} */
  #begun = new Set();
  #every;
  #major;
  #isMajor;

  /** The number of the event that comes next. */
  nextSeq = 0;
  /** @type {Event | null} The event that ends it. */
  ended = null;

  /**
   * @param {string[]} majors Kinds of events that are shown where not all are.
   * @param {number} most How many of the last are kept, of all and of those.
   */
  constructor(majors, most) {
    const kinds = new Set(majors);
    this.#isMajor = (/** @type {Event} */ { kind }) => kinds.has(kind);
    this.#every = new Tail(most);
    this.#major = new Tail(most);
  }

  /** @param {Event[]} events The next ones, in order. */
  add(events) {
    for (const event of events) {
      this.nextSeq = event.seq + 1;
      this.#every.add(event);
      if (this.#isMajor(event)) this.#major.add(event);
      if (COMMON.has(event.kind)) this.#common.push(event);
      if (event.kind === "execution_ended") this.ended = event;
      if (event.item !== undefined && TELLING.has(event.kind)) this.#tell(event.item, event);
    }
  }

  /** @param {string} item @param {Event} event */
  #tell(item, event) {
    if (event.kind === "item_intent") this.#begun.add(item);
    // A cancelled item of which the state is known was stopped after its intent, and before its apply.
    if (event.kind === "item_result" && event.result === "cancelled" && event.state) this.#begun.delete(item);
    const said = this.#said.get(item);
    const last = said?.at(-1);
    // Of positions that follow each other the last says it all, but for the limit, which may have come with any.
    if (said && last && last.kind === "item_position" && event.kind === "item_position") {
      said[said.length - 1] = { ...event, limit: event.limit ?? last.limit };
    } else {
      append(this.#said, item, event);
    }
  }

  /** @param {string} item @returns {string} The events that say something of an item, in order. */
  of(item) {
    return JSON.stringify([...this.#common, ...(this.#said.get(item) ?? [])].sort((one, other) => one.seq - other.seq));
  }

  /** @returns {string} The events that say something of the execution, in order. */
  common() {
    return JSON.stringify(this.#common);
  }

  /** @returns {string} The ids of the items that have begun. */
  begun() {
    return JSON.stringify([...this.#begun]);
  }

  /** @returns {string} The ids of the items of which an end is not the last that was said. */
  open() {
    const ends = ["item_result", "item_error"];
    return JSON.stringify([...this.#said].filter(([, said]) => !ends.includes(said[said.length - 1].kind)).map(([item]) => item));
  }

  /** @returns {string} The last events, and the last of the major ones, in order. */
  tail() {
    const last = new Set([...this.#every.kept(), ...this.#major.kept()]);
    return JSON.stringify([...last].sort((one, other) => one.seq - other.seq));
  }
}

/** The last few of many. */
class Tail {
  /** @type {Event[]} */
  #events = [];
  #most;

  /** @param {number} most */
  constructor(most) {
    this.#most = most;
  }

  /** @param {Event} event */
  add(event) {
    this.#events.push(event);
    if (this.#events.length >= 2 * this.#most) this.#events = this.kept();
  }

  kept() {
    return this.#events.slice(-this.#most);
  }
}

/**
 * @template T
 * @param {Map<string, T[]>} lists
 * @param {string} key
 * @param {T} value
 */
function append(lists, key, value) {
  const list = lists.get(key);
  if (list) list.push(value);
  else lists.set(key, [value]);
}
