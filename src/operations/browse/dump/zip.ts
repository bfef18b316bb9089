/**
 * Writes ZIP files (PKWARE APPNOTE 6.3): ZIP64 where needed, names in UTF-8, Unix modes and symlinks, times in UTC
 * seconds. Every entry but a directory is followed by a descriptor, so that nothing has to be rewritten.
 */
import { constants, crc32, createDeflateRaw, type DeflateRaw, deflateRawSync } from "node:zlib";
import { bytesOf, type Raw, rawOf, textOf } from "../../../core/raw.ts";

/** A content in pieces, each valid until the next one is asked for. */
type Chunks = Iterable<Uint8Array<ArrayBuffer>> | AsyncIterable<Uint8Array<ArrayBuffer>>;

export interface ZipEntry {
  /** Relative, with `/` between components; that of a directory ends with `/`. */
  readonly name: Raw;
  /** Mode as in stat, including the bits of the kind. */
  readonly mode: number;
  readonly mtimeMs: number;
}

/** A number that doesn't fit is written as this, and stands in the ZIP64 field. */
const MOST_32 = 0xffffffff, MOST_16 = 0xffff;
const STORED = 0, DEFLATED = 8;
/** Flags: a descriptor follows; the name is UTF-8. */
const DESCRIPTOR = 0x0008, UTF8 = 0x0800;
const VERSION_64 = 45, MADE_BY_UNIX = 3 << 8;
/** Contents up to this size are packed in one go. */
const SMALL_BYTES = 1024 * 1024;
const USUAL_LEVEL = constants.Z_DEFAULT_COMPRESSION;
/** Bytes that show whether compression is worth its time, and the share of them from which on it isn't. */
const PROBE_BYTES = 16 * 1024, HARDLY_SMALLER = 0.98;
/** Headers held one by one. */
const MOST_PARTS = 4096;
/** Far below 2^32, for contents whose size turns out to be another than was said. */
const SURELY_SMALL_BYTES = 0xf0000000;

/** Writes one ZIP file. `write` receives its bytes in order. */
export class ZipWriter {
  readonly #write: (bytes: Uint8Array<ArrayBuffer>) => void;
  /** Headers of the directory at the end: the last ones, and those before them, many in one. */
  readonly #central: Uint8Array<ArrayBuffer>[] = [];
  readonly #joined: Uint8Array<ArrayBuffer>[] = [];
  #entries = 0;
  #at = 0;

  constructor(write: (bytes: Uint8Array<ArrayBuffer>) => void) {
    this.#write = write;
  }

  /** Adds an entry. @param content of anything but a directory @param size approximate size in bytes */
  async add(entry: ZipEntry, content: Chunks, size: number): Promise<void> {
    // Readers of streams refuse what is stored and has a descriptor: its end can't be seen.
    const isDirectory = entry.name.endsWith("/"), method = isDirectory ? STORED : DEFLATED;
    const flags = (isDirectory ? 0 : DESCRIPTOR) | (isUtf8(entry.name) ? UTF8 : 0), name = bytesOf(entry.name);
    const offset = this.#at, is64 = size > SURELY_SMALL_BYTES;
    this.#put(localHeader(entry, { name, flags, method, is64 }));
    const from = this.#at;
    const { crc, plain } = isDirectory ? { crc: 0, plain: 0 } : await this.#pack(content, size);
    const packed = this.#at - from;
    if (!isDirectory) this.#put(descriptor({ crc, packed, plain, is64 }));
    this.#central.push(centralHeader(entry, { name, flags, method, crc, packed, plain, offset }));
    // A million entries must not be a million objects.
    if (++this.#entries % MOST_PARTS === 0) this.#joined.push(concat(this.#central.splice(0)));
  }

  /** Writes the central directory. */
  finish(): void {
    const offset = this.#at;
    for (const headers of [...this.#joined, ...this.#central]) this.#put(headers);
    this.#put(endRecords(this.#entries, this.#at - offset, offset));
  }

  #put(bytes: Uint8Array<ArrayBuffer>): void {
    this.#write(bytes);
    this.#at += bytes.length;
  }

  async #pack(content: Chunks, size: number): Promise<Sums> {
    const sums = { crc: 0, plain: 0 };
    if (size <= SMALL_BYTES) {
      const parts: Uint8Array<ArrayBuffer>[] = [];
      for await (const chunk of content) parts.push(summed(chunk, sums).slice());
      const plain = concat(parts);
      this.#put(new Uint8Array(deflateRawSync(plain, { level: levelFor(plain) })));
    } else await this.#packStream(content, sums);
    return sums;
  }

  async #packStream(content: Chunks, sums: Sums): Promise<void> {
    let stream: Deflating | undefined;
    for await (const chunk of content) {
      stream ??= new Deflating(levelFor(chunk), (packed) => this.#put(packed));
      // The buffer is used again for the next one.
      await stream.write(summed(chunk, sums).slice());
    }
    await (stream ?? new Deflating(USUAL_LEVEL, (packed) => this.#put(packed))).end();
  }
}

/** Compresses one content, in another thread. */
class Deflating {
  readonly #deflate: DeflateRaw;
  readonly #ended = Promise.withResolvers<void>();

  constructor(level: number, put: (packed: Uint8Array<ArrayBuffer>) => void) {
    const deflate = this.#deflate = createDeflateRaw({ level }), { promise, resolve, reject } = this.#ended;
    promise.catch(() => {}); // awaited below; until then a failure is no unhandled one
    deflate.on("data", (packed: Uint8Array<ArrayBuffer>) => {
      try {
        put(packed);
      } catch (error) {
        deflate.destroy();
        reject(error);
      }
    });
    deflate.on("end", resolve).on("error", reject);
  }

  async write(bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    const taken = new Promise<void>((taken) => this.#deflate.write(bytes, () => taken()));
    await Promise.race([taken, this.#ended.promise]);
  }

  async end(): Promise<void> {
    this.#deflate.end();
    await this.#ended.promise;
  }
}

/**
 * The level of compression for a content, by its beginning: 0 for pictures, films and archives, which take very long and
 * get no smaller. Readers see no difference: it is deflated all the same, in blocks that are stored.
 */
function levelFor(beginning: Uint8Array<ArrayBuffer>): number {
  if (beginning.length < PROBE_BYTES) return USUAL_LEVEL;
  const probe = beginning.subarray(0, PROBE_BYTES), packed = deflateRawSync(probe, { level: 1 });
  return packed.length > PROBE_BYTES * HARDLY_SMALLER ? 0 : USUAL_LEVEL;
}

interface Sums {
  crc: number;
  plain: number;
}

function summed(chunk: Uint8Array<ArrayBuffer>, sums: Sums): Uint8Array<ArrayBuffer> {
  sums.crc = crc32(chunk, sums.crc);
  sums.plain += chunk.length;
  return chunk;
}

function concat(parts: readonly Uint8Array<ArrayBuffer>[]): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

function isUtf8(name: Raw): boolean {
  return !/\p{Surrogate}/u.test(textOf(name)) && rawOf(textOf(name)) === name;
}

/** Little-endian fields of 2, 4 and 8 bytes. A million files have many: plain numbers cost less than views of buffers. */
class Fields {
  readonly #bytes: number[] = [];

  u16(...values: number[]): this {
    return this.#numbers(2, values);
  }
  u32(...values: number[]): this {
    return this.#numbers(4, values);
  }
  u64(...values: number[]): this {
    return this.#numbers(8, values);
  }
  bytes(part: Uint8Array<ArrayBuffer>): this {
    for (const byte of part) this.#bytes.push(byte);
    return this;
  }
  done(): Uint8Array<ArrayBuffer> {
    return new Uint8Array(this.#bytes);
  }

  /** @param values from 0 to what is exact */
  #numbers(size: number, values: readonly number[]): this {
    for (const value of values) {
      for (let at = 0, rest = value; at < size; at++, rest = Math.floor(rest / 256)) this.#bytes.push(rest % 256);
    }
    return this;
  }
}

interface Header {
  readonly name: Uint8Array<ArrayBuffer>;
  readonly flags: number;
  readonly method: number;
}

function localHeader(
  entry: ZipEntry,
  { name, flags, method, is64 }: Header & { is64: boolean },
): Uint8Array<ArrayBuffer> {
  const extra = new Fields().bytes(timeField(entry));
  // Says that the descriptor has numbers of 8 bytes; the real ones come with it.
  if (is64) extra.u16(1, 16).u64(0, 0);
  const extras = extra.done();
  const size = is64 ? MOST_32 : 0;
  return new Fields().u32(0x04034b50).u16(is64 ? VERSION_64 : 20, flags, method, ...dosTime(entry.mtimeMs))
    .u32(0, size, size).u16(name.length, extras.length).bytes(name).bytes(extras).done();
}

interface Descriptor {
  readonly crc: number;
  readonly packed: number;
  readonly plain: number;
}

function descriptor({ crc, packed, plain, is64 }: Descriptor & { is64: boolean }): Uint8Array<ArrayBuffer> {
  const fields = new Fields().u32(0x08074b50, crc);
  return (is64 ? fields.u64(packed, plain) : fields.u32(packed, plain)).done();
}

function centralHeader(entry: ZipEntry, facts: Header & Descriptor & { offset: number }): Uint8Array<ArrayBuffer> {
  const { name, flags, method, crc, packed, plain, offset } = facts;
  const large = [plain, packed, offset].filter((value) => value >= MOST_32);
  const extra = new Fields().bytes(timeField(entry));
  if (large.length > 0) extra.u16(1, 8 * large.length).u64(...large);
  const extras = extra.done();
  const kind = entry.name.endsWith("/") ? 0x10 : 0;
  return new Fields().u32(0x02014b50).u16(MADE_BY_UNIX | VERSION_64, large.length > 0 ? VERSION_64 : 20)
    .u16(flags, method, ...dosTime(entry.mtimeMs)).u32(crc, fitting(packed), fitting(plain))
    .u16(name.length, extras.length, 0, 0, 0).u32((entry.mode << 16 | kind) >>> 0, fitting(offset))
    .bytes(name).bytes(extras).done();
}

function fitting(value: number): number {
  return Math.min(value, MOST_32);
}

function endRecords(entries: number, size: number, offset: number): Uint8Array<ArrayBuffer> {
  const fields = new Fields();
  if (entries >= MOST_16 || size >= MOST_32 || offset >= MOST_32) {
    fields.u32(0x06064b50).u64(44).u16(MADE_BY_UNIX | VERSION_64, VERSION_64).u32(0, 0)
      .u64(entries, entries, size, offset);
    fields.u32(0x07064b50, 0).u64(offset + size).u32(1);
  }
  const count = Math.min(entries, MOST_16);
  return fields.u32(0x06054b50).u16(0, 0, count, count).u32(fitting(size), fitting(offset)).u16(0).done();
}

/** Extended timestamp ("UT"): the time of change, in seconds since 1970. Times beyond 32 bits are left to the DOS field. */
function timeField({ mtimeMs }: ZipEntry): Uint8Array<ArrayBuffer> {
  const seconds = Math.floor(mtimeMs / 1000);
  if (seconds < -0x80000000 || seconds > 0x7fffffff) return new Uint8Array();
  return new Fields().u16(0x5455, 5).bytes(Uint8Array.of(1)).u32(seconds >>> 0).done();
}

/** In UTC, from 1980 to 2107. @returns time, date */
function dosTime(mtimeMs: number): [time: number, date: number] {
  const at = new Date(Math.min(Math.max(mtimeMs, Date.UTC(1980, 0)), Date.UTC(2107, 11, 31)));
  const date = (at.getUTCFullYear() - 1980) << 9 | (at.getUTCMonth() + 1) << 5 | at.getUTCDate();
  return [at.getUTCHours() << 11 | at.getUTCMinutes() << 5 | at.getUTCSeconds() >> 1, date];
}
