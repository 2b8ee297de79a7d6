/**
 * Files and memory in one file that is read without being parsed byte by byte.
 *
 *     8 bytes   magic and version
 *     u32       length of the header
 *     u32       number of runs
 *     header    JSON, padded to 4 bytes
 *     runs      u32 offset and u32 length of each stretch of memory that differs from a fresh instance's
 *     memory    those stretches, one after the other
 *     files     one after the other
 *
 * Numbers are little-endian, as WebAssembly has them.
 *
 * @typedef {object} SnapshotFacts What restoring needs to know besides the memory.
 * @property {string} buildId Of the Pyodide that the memory belongs to.
 * @property {number} heap Size of the memory, bytes.
 * @property {{ from: number, to: number }} stack Where the stack is; below what is in use, nobody minds what is in it.
 * @property {object} hiwire What Pyodide keeps of JavaScript objects.
 * @property {Record<string, NativeLayout>} layout By path of the extension module.
 *
 * @typedef {object} NativeLayout Where an extension module stood in the table of functions.
 * @property {number} tableBase
 * @property {number} tableEnd
 * @property {number[]} handles By which Python had opened it.
 *
 * @typedef {object} Container
 * @property {[path: string, content: Uint8Array][]} files
 * @property {SnapshotFacts} [snapshot]
 * @property {Uint32Array} runs
 * @property {Uint8Array} memory
 */

const MAGIC = 0x6e_65_72_69; // "iren"
const VERSION = 1;
const START = 16;

/** Stretches of memory are looked at in pieces of this many bytes. */
const GRAIN = 64;
/** A gap shorter than this is kept in a run: a run costs 8 bytes and a copy. */
const GAP = 512;

/** @param {number} length */
const padded = (length) => (length + 3) & ~3;

/**
 * @param {Uint8Array} bytes
 * @returns {Container}
 */
export function readContainer(bytes) {
  const head = new DataView(bytes.buffer, bytes.byteOffset, START);
  if (head.getUint32(0, true) !== MAGIC || head.getUint32(4, true) !== VERSION) throw new Error("not a container of this version");
  const headerLength = head.getUint32(8, true);
  // Text cannot be decoded from shared memory, so the header is copied out of it.
  const text = new TextDecoder().decode(bytes.slice(START, START + headerLength));
  /** @type {{ files: [path: string, length: number][], snapshot?: SnapshotFacts }} */
  const { files, snapshot } = JSON.parse(text);
  const runsAt = START + padded(headerLength);
  const runs = new Uint32Array(bytes.buffer, bytes.byteOffset + runsAt, 2 * head.getUint32(12, true));
  let at = runsAt + runs.byteLength;
  let filled = 0;
  for (let i = 1; i < runs.length; i += 2) filled += runs[i];
  const memory = bytes.subarray(at, (at += filled));
  return {
    runs,
    memory,
    snapshot,
    files: files.map(([path, length]) => [path, bytes.slice(at, (at += length))]),
  };
}

/**
 * @param {[path: string, content: Uint8Array][]} files
 * @param {{ facts: SnapshotFacts, heap: Uint8Array, fresh: Uint8Array }} [snapshot] Memory, and that of a fresh instance.
 */
export function writeContainer(files, snapshot) {
  const listed = files.map(([path, content]) => [path, content.length]);
  const header = new TextEncoder().encode(JSON.stringify({ files: listed, snapshot: snapshot?.facts }));
  const runs = new Uint32Array(snapshot ? changedRuns(snapshot.heap, snapshot.fresh) : []);
  /** @type {any[]} Views of memory; a Blob takes no shared one, and none is. */
  const parts = [
    new Uint32Array([MAGIC, VERSION, header.length, runs.length / 2]),
    header,
    new Uint8Array(padded(header.length) - header.length),
    runs,
  ];
  for (let i = 0; i < runs.length; i += 2) parts.push(snapshot?.heap.subarray(runs[i], runs[i] + runs[i + 1]));
  return new Blob([...parts, ...files.map(([, content]) => /** @type {any} */ (content))]);
}

/**
 * Find the stretches that differ.
 *
 * @param {Uint8Array} heap Its length is a multiple of `GRAIN`, as that of WebAssembly's memory is.
 * @param {Uint8Array} fresh May be shorter: what is beyond its end is zero.
 * @returns {number[]} Offset, length, offset, length…
 */
function changedRuns(heap, fresh) {
  const words = new Uint32Array(heap.buffer, heap.byteOffset, heap.length >>> 2);
  const before = new Uint32Array(fresh.buffer, fresh.byteOffset, fresh.length >>> 2);
  /** @type {number[]} */
  const runs = [];
  for (let at = 0; at < heap.length; at += GRAIN) {
    if (isSame(words, before, at)) continue;
    const end = at + GRAIN;
    const last = runs.length - 2;
    if (last >= 0 && at - (runs[last] + runs[last + 1]) < GAP) runs[last + 1] = end - runs[last];
    else runs.push(at, GRAIN);
  }
  return runs;
}

/**
 * @param {Uint32Array} words
 * @param {Uint32Array} before
 * @param {number} at Bytes.
 */
function isSame(words, before, at) {
  for (let word = at >>> 2; word < (at + GRAIN) >>> 2; word++) if (words[word] !== (before[word] ?? 0)) return false;
  return true;
}

/**
 * Write the stretches of a container into memory.
 *
 * @param {Uint8Array} heap
 * @param {Container} container
 */
export function writeRuns(heap, { runs, memory }) {
  let from = 0;
  for (let i = 0; i < runs.length; i += 2) {
    const length = runs[i + 1];
    heap.set(memory.subarray(from, from + length), runs[i]);
    from += length;
  }
}
