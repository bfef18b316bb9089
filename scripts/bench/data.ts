/** Data sets to back up. The same seed makes the same files on every machine, byte for byte. */
import { join } from "node:path";

export interface DataSet {
  readonly name: string;
  readonly title: string;
  readonly files: number;
  /** Sum over all files. */
  readonly bytes: number;
  /** Spread of the sizes: standard deviation of their logarithm. 0: all equal. */
  readonly spread: number;
  readonly filesPerDirectory: number;
  /** Words, which compress; else bytes that don't. */
  readonly text?: true;
  /** Number of directories above each file; 2 if undefined. */
  readonly levels?: number;
  /** What changes of a large file is this many bytes at a time, all over it; one range if undefined. */
  readonly changedBytes?: number;
  /** Measured only if it is named: it takes long, or much space. */
  readonly ifNamed?: true;
}

export const DATA_SETS: readonly DataSet[] = [
  { name: "small", title: "30,000 files, 438 MB", files: 30_000, bytes: 438e6, spread: 1.7, filesPerDirectory: 100 },
  { name: "tiny", title: "200,000 tiny files", files: 200_000, bytes: 60e6, spread: 0.8, filesPerDirectory: 200 },
  {
    name: "texts",
    title: "10,000 texts, 40 MB",
    files: 10_000,
    bytes: 40e6,
    spread: 1.2,
    filesPerDirectory: 100,
    text: true,
  },
  { name: "large", title: "4 files of 1 GiB", files: 4, bytes: 4 * 2 ** 30, spread: 0, filesPerDirectory: 4 },
  {
    name: "kernel",
    title: "a tree like a kernel's, 80,000 texts, 1.3 GB",
    files: 80_000,
    bytes: 1.3e9,
    spread: 1.4,
    filesPerDirectory: 16,
    levels: 4,
    text: true,
    ifNamed: true,
  },
  {
    name: "database",
    title: "a database of 2 GiB",
    files: 1,
    bytes: 2 * 2 ** 30,
    spread: 0,
    filesPerDirectory: 1,
    changedBytes: 8192,
    ifNamed: true,
  },
  {
    name: "million",
    title: "a million files, 500 MB",
    files: 1_000_000,
    bytes: 500e6,
    spread: 1,
    filesPerDirectory: 500,
    ifNamed: true,
  },
  {
    name: "huge",
    title: "one file of 20 GiB",
    files: 1,
    bytes: 20 * 2 ** 30,
    spread: 0,
    filesPerDirectory: 1,
    ifNamed: true,
  },
];

/** A tenth of the files; large files stay four, and get smaller. */
export function quick(set: DataSet): DataSet {
  const files = set.files < 100 ? set.files : set.files / 10;
  return { ...set, files, bytes: Math.round(set.bytes / 10), title: `a tenth of ${set.title}` };
}

/** A generator of numbers in [0, 1): mulberry32. Not for secrets. */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Sizes in bytes with a log-normal spread, whose sum is exactly `set.bytes`. */
export function sizesOf(set: DataSet, random: () => number): number[] {
  const weights = Array.from({ length: set.files }, () => Math.exp(set.spread * gauss(random)));
  const unit = set.bytes / weights.reduce((sum, weight) => sum + weight, 0);
  const sizes = weights.map((weight) => Math.floor(weight * unit));
  sizes[0]! += set.bytes - sizes.reduce((sum, size) => sum + size, 0);
  return sizes;
}

function gauss(random: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

const DIRECTORIES_IN_ONE = 40;

/** Path of a file below the data set's directory: some levels, so that none grows large. */
export function pathOf(set: DataSet, index: number): string {
  const names: string[] = [];
  let rest = Math.floor(index / set.filesPerDirectory);
  for (let level = set.levels ?? 2; level > 0; level--) {
    const number = level === 1 ? rest : rest % DIRECTORIES_IN_ONE;
    names.unshift(String(number).padStart(2, "0"));
    rest = Math.floor(rest / DIRECTORIES_IN_ONE);
  }
  return `${names.join("/")}/file-${index}.dat`;
}

/** Fills with bytes that don't compress: xorshift32. */
export function fill(bytes: Uint8Array<ArrayBuffer>, seed: number): void {
  const words = new Uint32Array(Math.ceil(bytes.length / 4));
  let state = (seed ^ 0x9e3779b9) >>> 0 || 1;
  for (let i = 0; i < words.length; i++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    words[i] = state;
  }
  bytes.set(new Uint8Array(words.buffer, 0, bytes.length));
}

const SYLLABLES = ["ba", "co", "di", "fu", "ge", "ha", "li", "mo", "ne", "pra", "sto", "ter", "und", "vi", "wor", "ze"];
const WORDS = 4096;

/** Fills with words, the frequent ones much more often than the others, and a line break now and then. */
export function fillText(bytes: Uint8Array<ArrayBuffer>, seed: number): void {
  const random = randomFrom(seed), lines: string[] = [];
  for (let length = 0; length < bytes.length;) {
    const rank = Math.floor(WORDS ** random()), word = wordOf(rank), end = random() < 0.1 ? ".\n" : " ";
    lines.push(word, end);
    length += word.length + end.length;
  }
  new TextEncoder().encodeInto(lines.join("").slice(0, bytes.length), bytes);
}

function wordOf(rank: number): string {
  let word = "";
  for (let rest = rank; word === "" || rest > 0; rest = Math.floor(rest / SYLLABLES.length)) {
    word += SYLLABLES[rest % SYLLABLES.length];
  }
  return word;
}

const PIECE_BYTES = 2 ** 20;

interface Region {
  readonly from: number;
  readonly length: number;
  readonly seed: number;
}

function writeRegion(file: Deno.FsFile, { from, length, seed }: Region, text: true | undefined): void {
  const piece = new Uint8Array(Math.min(PIECE_BYTES, length));
  file.seekSync(from, Deno.SeekMode.Start);
  for (let done = 0; done < length; done += PIECE_BYTES) {
    const part = piece.subarray(0, Math.min(PIECE_BYTES, length - done));
    (text === true ? fillText : fill)(part, (seed + done / PIECE_BYTES) * 2654435761);
    for (let written = 0; written < part.length;) written += file.writeSync(part.subarray(written));
  }
}

/** Makes the data set in a new directory. */
export function generate(set: DataSet, directory: string): void {
  const sizes = sizesOf(set, randomFrom(1));
  for (const [index, size] of sizes.entries()) {
    const path = join(directory, pathOf(set, index));
    if (index % set.filesPerDirectory === 0) Deno.mkdirSync(join(path, ".."), { recursive: true });
    using file = Deno.openSync(path, { write: true, createNew: true });
    writeRegion(file, { from: 0, length: size, seed: index * 4099 }, set.text);
  }
}

/** What a format begins with stays when a file changes: without it, random bytes look like a file that was encrypted. */
const SIGNATURE_BYTES = 4;

/**
 * Changes one percent: every hundredth file gets new bytes; of a few large files, a hundredth of each, as one range or
 * all over it. Sizes stay.
 * @param generation makes the new bytes differ from those of every earlier change
 */
export function change(set: DataSet, directory: string, generation: number): void {
  const step = set.files < 100 ? 1 : 100;
  for (let index = 0; index < set.files; index += step) {
    using file = Deno.openSync(join(directory, pathOf(set, index)), { write: true });
    const { size } = file.statSync();
    const seed = 0x5bd1e995 * generation + index;
    for (const range of step === 1 ? changedRanges(set, size) : [{ from: Math.min(size, SIGNATURE_BYTES), to: size }]) {
      writeRegion(file, { from: range.from, length: range.to - range.from, seed: seed + range.from }, set.text);
    }
  }
}

/** A hundredth of a large file. */
function changedRanges({ changedBytes }: DataSet, size: number): { readonly from: number; readonly to: number }[] {
  const middle = Math.floor(size / 2);
  if (changedBytes === undefined) return [{ from: middle, to: middle + Math.floor(size / 100) }];
  return Array.from({ length: Math.floor(size / changedBytes / 100) }, (_, i) => {
    const from = (100 * i + 1 + i % 97) * changedBytes;
    return { from, to: from + changedBytes };
  });
}
