/** Reading ELF files of 64 bits, little-endian: as much as it takes to give an executable its libraries. */

/** The file isn't what it has to be; the message says what is missing. */
export class UnfitElf extends Error {}

/** Types of program headers. */
export const PT = { LOAD: 1, DYNAMIC: 2, INTERP: 3, NOTE: 4, PHDR: 6, GNU_STACK: 0x6474e551 } as const;
/** Tags of the dynamic section. */
const DT = {
  NULL: 0n,
  NEEDED: 1n,
  STRTAB: 5n,
  SYMTAB: 6n,
  RPATH: 15n,
  DEBUG: 21n,
  GNU_HASH: 0x6ffffef5n,
  VERSYM: 0x6ffffff0n,
  VERDEF: 0x6ffffffcn,
  VERDEFNUM: 0x6ffffffdn,
  VERNEED: 0x6ffffffen,
  VERNEEDNUM: 0x6fffffffn,
} as const;
/** Places in the header of a file. */
const AT_ENTRY = 24, AT_HEADERS = 32, AT_HEADER_COUNT = 56;
const MAGIC = [0x7f, 0x45, 0x4c, 0x46, 2, 1];
const SHARED_OBJECT = 3;

/** Processors, by the numbers that files have for them. */
export const MACHINE = { X86_64: 62, ARM64: 183 } as const;
export type Machine = typeof MACHINE[keyof typeof MACHINE];

export const HEADER_BYTES = 56;
export const PAGE_BYTES = 4096;

/** A program header. Offsets, addresses and sizes in bytes. */
export interface Segment {
  readonly type: number;
  readonly flags: number;
  readonly offset: number;
  readonly address: number;
  readonly fileBytes: number;
  readonly memoryBytes: number;
  readonly align: number;
}

/** A library that a file needs, and the versions it needs of it. */
export interface Need {
  readonly library: string;
  readonly versions: readonly string[];
}

/** Up to the next multiple. */
export function roundUp(value: number, to = PAGE_BYTES): number {
  return Math.ceil(value / to) * to;
}

export function segmentBytes(segments: readonly Segment[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(segments.length * HEADER_BYTES), view = new DataView(bytes.buffer);
  segments.forEach((segment, index) => {
    const at = index * HEADER_BYTES, { address } = segment;
    view.setUint32(at, segment.type, true);
    view.setUint32(at + 4, segment.flags, true);
    const long = [segment.offset, address, address, segment.fileBytes, segment.memoryBytes, segment.align];
    long.forEach((value, field) => view.setBigUint64(at + 8 + 8 * field, BigInt(value), true));
  });
  return bytes;
}

/** A file in memory, which {@link Elf.pointNeedsAt} and the setters change. */
export class Elf {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly segments: readonly Segment[];
  readonly #view: DataView;
  readonly #dynamic: readonly { readonly tag: bigint; readonly value: number; readonly at: number }[];

  /** @throws UnfitElf for anything but a position-independent file for that processor */
  constructor(bytes: Uint8Array<ArrayBuffer>, machine: Machine = MACHINE.X86_64) {
    this.bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    if (!MAGIC.every((byte, index) => bytes[index] === byte)) throw new UnfitElf("not an ELF file of 64 bits");
    if (this.#view.getUint16(18, true) !== machine) {
      throw new UnfitElf(`not for ${machine === MACHINE.ARM64 ? "arm64" : "x86-64"}`);
    }
    if (this.#view.getUint16(16, true) !== SHARED_OBJECT) throw new UnfitElf("not position-independent");
    this.segments = this.#readSegments();
    this.#dynamic = this.#readDynamic();
  }

  /** Segments that lie in memory, by address. */
  get loaded(): readonly Segment[] {
    return this.segments.filter(({ type }) => type === PT.LOAD);
  }

  /** Address behind the last byte in memory. */
  get end(): number {
    return Math.max(...this.loaded.map(({ address, memoryBytes }) => address + memoryBytes));
  }

  get entry(): number {
    return this.#long(AT_ENTRY);
  }

  set entry(address: number) {
    this.#view.setBigUint64(AT_ENTRY, BigInt(address), true);
  }

  /** Where the program headers lie in the file. */
  get headersAt(): number {
    return this.#long(AT_HEADERS);
  }

  setHeaders(at: number, count: number): void {
    this.#view.setBigUint64(AT_HEADERS, BigInt(at), true);
    this.#view.setUint16(AT_HEADER_COUNT, count, true);
  }

  /** The libraries it asks for, in order, with the versions. */
  needs(): readonly Need[] {
    const versions = new Map<string, string[]>();
    for (const need of this.#versionNeeds()) versions.set(need.library, need.versions.map((at) => this.text(at)));
    return this.#neededTags().map(({ value }) => {
      const library = this.text(value);
      return { library, versions: versions.get(library) ?? [] };
    });
  }

  /** Versions that it defines. */
  versions(): ReadonlySet<string> {
    const found = new Set<string>(), start = this.#value(DT.VERDEF);
    if (start === undefined) return found;
    let at = this.#offsetOf(start);
    for (let left = this.#value(DT.VERDEFNUM) ?? 0; left > 0; left--) {
      found.add(this.text(this.#int(at + this.#int(at + 12))));
      at += this.#int(at + 16);
    }
    return found;
  }

  /** Has it ask for other names. @param addressOf of a text in memory, for the name of a library */
  pointNeedsAt(addressOf: (library: string) => number | undefined): void {
    const texts = this.#require(DT.STRTAB, "names");
    const instead = (library: string) => {
      const address = addressOf(library);
      return address === undefined ? undefined : address - texts;
    };
    // All are found before any is changed: the new names can't be read from the file.
    const needed = this.#neededTags().map(({ value, at }) => ({ at, to: instead(this.text(value)) }));
    const versioned = this.#versionNeeds().map(({ library, at }) => ({ at, to: instead(library) }));
    for (const { at, to } of needed) if (to !== undefined) this.#view.setBigUint64(at + 8, BigInt(to), true);
    for (const { at, to } of versioned) if (to !== undefined) this.#view.setUint32(at + 4, to, true);
  }

  /**
   * Has the loader look for libraries there first. @param address of a text in memory: directories, separated by colons
   * @throws UnfitElf if there is no room: the entry that debuggers use gives way
   */
  setLibraryPath(address: number): void {
    const entry = this.#dynamic.find(({ tag }) => tag === DT.DEBUG);
    if (entry === undefined) throw new UnfitElf("no room for the directory of its libraries");
    this.#view.setBigUint64(entry.at, DT.RPATH, true);
    this.#view.setBigUint64(entry.at + 8, BigInt(address - this.#require(DT.STRTAB, "names")), true);
  }

  /** Where a table lies in the file. @throws UnfitElf */
  tableAt(tag: keyof typeof DT): number {
    return this.#offsetOf(this.#require(DT[tag], tag));
  }

  #neededTags() {
    return this.#dynamic.filter(({ tag }) => tag === DT.NEEDED);
  }

  /** @returns `at`: where the record lies in the file; `versions`: names, as offsets in the table of names */
  #versionNeeds(): { library: string; at: number; versions: number[] }[] {
    const start = this.#value(DT.VERNEED);
    if (start === undefined) return [];
    const needs = [];
    let at = this.#offsetOf(start);
    for (let left = this.#value(DT.VERNEEDNUM) ?? 0; left > 0; left--) {
      needs.push({ library: this.text(this.#int(at + 4)), at, versions: this.#versionNames(at) });
      at += this.#int(at + 12);
    }
    return needs;
  }

  #versionNames(need: number): number[] {
    const names: number[] = [];
    let at = need + this.#int(need + 8);
    for (let left = this.#view.getUint16(need + 2, true); left > 0; left--) {
      names.push(this.#int(at + 8));
      at += this.#int(at + 12);
    }
    return names;
  }

  #readSegments(): Segment[] {
    const start = this.headersAt, count = this.#view.getUint16(AT_HEADER_COUNT, true);
    return Array.from({ length: count }, (_, index) => {
      const at = start + index * HEADER_BYTES;
      return {
        type: this.#int(at),
        flags: this.#int(at + 4),
        offset: this.#long(at + 8),
        address: this.#long(at + 16),
        fileBytes: this.#long(at + 32),
        memoryBytes: this.#long(at + 40),
        align: this.#long(at + 48),
      };
    });
  }

  #readDynamic() {
    const segment = this.segments.find(({ type }) => type === PT.DYNAMIC);
    if (segment === undefined) throw new UnfitElf("not dynamically linked");
    const found = [];
    for (let at = segment.offset; at < segment.offset + segment.fileBytes; at += 16) {
      const tag = this.#view.getBigUint64(at, true);
      if (tag === DT.NULL) break;
      found.push({ tag, value: this.#long(at + 8), at });
    }
    return found;
  }

  #value(tag: bigint): number | undefined {
    return this.#dynamic.find((entry) => entry.tag === tag)?.value;
  }

  #require(tag: bigint, what: string): number {
    const value = this.#value(tag);
    if (value === undefined) throw new UnfitElf(`no table of ${what}`);
    return value;
  }

  /** A name of the table of names. */
  text(offset: number): string {
    const at = this.#offsetOf(this.#require(DT.STRTAB, "names")) + offset;
    return new TextDecoder().decode(this.bytes.subarray(at, this.bytes.indexOf(0, at)));
  }

  #offsetOf(address: number): number {
    const within = this.loaded.find((part) => address >= part.address && address < part.address + part.fileBytes);
    if (within === undefined) throw new UnfitElf(`nothing in the file for address ${address}`);
    return within.offset + address - within.address;
  }

  #int(at: number): number {
    return this.#view.getUint32(at, true);
  }

  #long(at: number): number {
    return Number(this.#view.getBigUint64(at, true));
  }
}
