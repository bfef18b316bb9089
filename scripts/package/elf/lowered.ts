/**
 * Makes of an executable one that runs with an older glibc, by what it says of the versions it needs:
 *
 * - Functions that it can do without (weak symbols) need no version any more: it looks whether they are there.
 * - Functions of numbers that got a second version, which differs only in how it reports errors that nobody asks for, are
 *   taken in their first one.
 *
 * No byte moves: versions that nothing needs any more are taken out of the chain they are in.
 */
import { Elf, UnfitElf } from "./elf.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** The version of everything that was there when x86-64 came. */
const FIRST_VERSION = "GLIBC_2.2.5";
/** What is in FIRST_VERSION as well, by the version that took its place. */
const REPLACED: Readonly<Record<string, readonly string[]>> = {
  "GLIBC_2.27": ["expf", "exp2f", "logf", "log2f", "powf"],
  "GLIBC_2.29": ["exp", "exp2", "log", "log2", "pow"],
};
/** The index that symbols without a version have; those that name one begin above. */
const NO_VERSION = 1;
const HIDDEN_BIT = 0x8000, WEAK = 2;
const SYMBOL_BYTES = 24;

/** A version that is needed, and where its record lies in the file. */
interface Version {
  readonly library: string;
  readonly name: string;
  readonly index: number;
  readonly at: number;
}

interface Library {
  readonly name: string;
  /** Where its record lies in the file. */
  readonly at: number;
  readonly versions: readonly Version[];
}

/** A symbol that is taken from a library. */
interface Wanted {
  readonly name: string;
  readonly isWeak: boolean;
  /** Where the index of its version lies in the file. */
  readonly at: number;
  version: Version | undefined;
}

/**
 * @param newest the newest version of glibc that it may need, such as "2.25" @returns a copy of the same length
 * @throws UnfitElf if it needs a newer one all the same
 */
export function lowered(program: Bytes, newest: string): Bytes {
  const bytes = program.slice(), elf = new Elf(bytes), view = new DataView(bytes.buffer);
  const libraries = librariesOf(elf, view), versions = libraries.flatMap((library) => library.versions);
  const wanted = symbolsOf(elf, view, versions);
  for (const symbol of wanted) {
    const instead = firstVersionOf(symbol, versions);
    if (instead !== undefined) takeVersion(view, symbol, instead);
  }
  for (const library of libraries) leaveOut(view, library, wanted);
  requireOld(elf, wanted, newest);
  return bytes;
}

function librariesOf(elf: Elf, view: DataView): readonly Library[] {
  const found: Library[] = [];
  for (const at of chain(view, elf.tableAt("VERNEED"), 12)) {
    const name = elf.text(view.getUint32(at + 4, true));
    const versions = [...chain(view, at + view.getUint32(at + 8, true), 12)].map((version): Version => ({
      library: name,
      name: elf.text(view.getUint32(version + 8, true)),
      index: view.getUint16(version + 6, true),
      at: version,
    }));
    found.push({ name, at, versions });
  }
  return found;
}

/** Records that say how far it is to the next one: 0 in the last. @param field where they say so */
function* chain(view: DataView, start: number, field: number): Generator<number> {
  for (let at = start, step = 1; step !== 0; at += step) {
    yield at;
    step = view.getUint32(at + field, true);
  }
}

/** Nothing says how many symbols there are, but for where the next table begins. */
function symbolsOf(elf: Elf, view: DataView, versions: readonly Version[]): readonly Wanted[] {
  const start = elf.tableAt("SYMTAB"), indexes = elf.tableAt("VERSYM");
  const others = [elf.tableAt("STRTAB"), indexes, elf.tableAt("VERNEED"), elf.tableAt("GNU_HASH")];
  const count = Math.floor((Math.min(...others.filter((at) => at > start)) - start) / SYMBOL_BYTES);
  return Array.from({ length: count }, (_, number): Wanted => {
    const symbol = start + number * SYMBOL_BYTES, at = indexes + 2 * number;
    const index = view.getUint16(at, true) & ~HIDDEN_BIT;
    return {
      name: elf.text(view.getUint32(symbol, true)),
      isWeak: view.getUint8(symbol + 4) >> 4 === WEAK,
      at,
      version: versions.find((version) => version.index === index),
    };
  }).filter(({ version }) => version !== undefined);
}

function firstVersionOf({ name, version }: Wanted, versions: readonly Version[]): Version | undefined {
  if (version === undefined || REPLACED[version.name]?.includes(name) !== true) return undefined;
  return versions.find((other) => other.library === version.library && other.name === FIRST_VERSION);
}

function takeVersion(view: DataView, symbol: Wanted, version: Version | undefined): void {
  view.setUint16(symbol.at, version?.index ?? NO_VERSION, true);
  symbol.version = version;
}

/** Takes versions out that nothing depends on. The loader expects one of each library: the last one stays. */
function leaveOut(view: DataView, library: Library, wanted: readonly Wanted[]): void {
  const isStrong = ({ index }: Version) => wanted.some(({ version, isWeak }) => version?.index === index && !isWeak);
  const kept = library.versions.filter((version) => version.name === FIRST_VERSION || isStrong(version));
  const [first] = kept;
  if (first === undefined) return;
  for (const symbol of wanted) {
    if (symbol.version?.library === library.name && !kept.includes(symbol.version)) {
      takeVersion(view, symbol, undefined);
    }
  }
  view.setUint16(library.at + 2, kept.length, true);
  view.setUint32(library.at + 8, first.at - library.at, true);
  kept.forEach(({ at }, index) => view.setUint32(at + 12, (kept[index + 1]?.at ?? at) - at, true));
}

function requireOld(elf: Elf, wanted: readonly Wanted[], newest: string): void {
  const tooNew = elf.needs().flatMap(({ versions }) => versions).find((name) => isNewer(name, newest));
  if (tooNew === undefined) return;
  const names = wanted.filter(({ version, isWeak }) => version?.name === tooNew && !isWeak).map(({ name }) => name);
  throw new UnfitElf(`it needs ${tooNew} all the same, for ${names.join(", ")}`);
}

function isNewer(version: string, newest: string): boolean {
  const [, major, minor] = /^GLIBC_(\d+)\.(\d+)/.exec(version) ?? [], [wantedMajor, wantedMinor] = newest.split(".");
  if (major === undefined) return false;
  return Number(major) > Number(wantedMajor) || (major === wantedMajor && Number(minor) > Number(wantedMinor));
}
