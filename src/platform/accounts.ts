/** Looks up users and groups in the machine's name service. */
import { bytesOf, rawOf, textOf } from "../core/raw.ts";
import { errnoName } from "./errno.ts";
import { type Libc, rawUpToNul } from "./libc.ts";

export type AccountKind = "user" | "group";

const RECORD_BYTES = 128;
const FIRST_STRINGS_BYTES = 4096;
const MOST_STRINGS_BYTES = 1 << 22;
/** Both `struct passwd` and `struct group` begin with pointers to name and password; then comes the number. */
const ID_OFFSET = 16;
/** Of `struct passwd`: after the number come that of the group, and a remark. */
const HOME_OFFSET = 32;

/** Caches answers, because the name service may be on the network. */
export class Accounts {
  readonly #libc: Libc;
  readonly #names = { user: new Map<number, string | undefined>(), group: new Map<number, string | undefined>() };
  readonly #ids = { user: new Map<string, number | undefined>(), group: new Map<string, number | undefined>() };

  constructor(libc: Libc) {
    this.#libc = libc;
  }

  /** Name of a user or group, as text; undefined if the machine doesn't know the number. */
  nameOf(kind: AccountKind, id: number): string | undefined {
    return cached(this.#names[kind], id, () => {
      const { call } = this.#libc;
      const find = kind === "user" ? call.getpwuid_r : call.getgrgid_r;
      return look((...space) => find(id, ...space), nameIn);
    });
  }

  /** Home directory of a user, as text; undefined if unknown. */
  homeOf(uid: number): string | undefined {
    return look((...space) => this.#libc.call.getpwuid_r(uid, ...space), (record, strings) => {
      return textAt(record, HOME_OFFSET, strings) || undefined;
    });
  }

  /** Number of a user or group; undefined if the machine doesn't know the name. */
  idOf(kind: AccountKind, name: string): number | undefined {
    return cached(this.#ids[kind], name, () => {
      const { call } = this.#libc;
      const find = kind === "user" ? call.getpwnam_r : call.getgrnam_r;
      const bytes = bytesOf(rawOf(`${name}\0`));
      return look(
        (...space) => find(bytes, ...space),
        (record) => new DataView(record.buffer).getUint32(ID_OFFSET, true),
      );
    });
  }
}

function cached<K, V>(known: Map<K, V | undefined>, key: K, find: () => V | undefined): V | undefined {
  const value = known.get(key);
  if (value !== undefined || known.has(key)) return value;
  const found = find();
  known.set(key, found);
  return found;
}

type Bytes = Uint8Array<ArrayBuffer>;
type Find = (record: Bytes, strings: Bytes, size: number, result: BigUint64Array<ArrayBuffer>) => number;

/** Asks with more and more space for the strings. */
function look<T>(find: Find, read: (record: Bytes, strings: Bytes) => T): T | undefined {
  const record = new Uint8Array(RECORD_BYTES);
  const result = new BigUint64Array(1);
  for (let size = FIRST_STRINGS_BYTES; size <= MOST_STRINGS_BYTES; size *= 4) {
    const strings = new Uint8Array(size);
    const error = find(record, strings, size, result);
    if (errnoName(error) === "ERANGE") continue;
    return error !== 0 || result[0] === 0n ? undefined : read(record, strings);
  }
  return undefined;
}

function nameIn(record: Bytes, strings: Bytes): string {
  return textAt(record, 0, strings);
}

/** What a pointer in the record leads to lies among the strings. */
function textAt(record: Bytes, offset: number, strings: Bytes): string {
  const text = new DataView(record.buffer).getBigUint64(offset, true);
  const start = Deno.UnsafePointer.value(Deno.UnsafePointer.of(strings));
  return textOf(rawUpToNul(strings, Number(text - BigInt(start))));
}
