/** Random names, paths and entries, as odd as file systems allow. */
import fc from "fast-check";
import { type Apath, apathOf } from "../../src/core/apath.ts";
import type { ContentId } from "../../src/core/content_id.ts";
import { type Entry, KINDS } from "../../src/core/entry.ts";
import { type Raw, rawOf, rawOfBytes } from "../../src/core/raw.ts";

/** A file name: any bytes but NUL and `/`, not `.` or `..`; often such that mean something in JSON or in UTF-8. */
export const names: fc.Arbitrary<Raw> = fc.oneof(
  fc.uint8Array({ minLength: 1, maxLength: 12 }).map((bytes) =>
    rawOfBytes(bytes.map((b) => b === 0 || b === 47 ? 1 : b))
  ),
  fc.string({ minLength: 1, maxLength: 12, unit: "grapheme" }).map((text) => rawOf(text.replaceAll(/[\0/]/g, "_"))),
  fc.constantFrom(
    ...[`"`, "\\", `a","content":"00`, `a","kind":"dir`, `"}`, "\n", "\x7f", "ü", "😀", "a-", "a.b"].map(rawOf),
  ),
  fc.constantFrom("\xff", "\xed\xb2\x80", "\xf0\x9f\x98", "\xe9t\xe9").map((raw) => raw as Raw),
).filter((name) => name !== "." && name !== "..");

export const apaths: fc.Arbitrary<Apath> = fc.array(names, { maxLength: 4 }).map((parts) =>
  apathOf(`/${parts.join("/")}`)
);

const numbers = fc.oneof(fc.nat(), fc.maxSafeNat());
/** Of 32 bits. */
const ids = fc.oneof(fc.nat(70_000), fc.nat(0xffff_ffff));
const times = fc.bigInt({ min: -(10n ** 19n), max: 10n ** 19n }).map(String);
const hex = (length: number) =>
  fc.string({ unit: fc.constantFrom(..."0123456789abcdef"), minLength: length, maxLength: length });
const contentIds = fc.tuple(fc.constantFrom(8, 32, 40, 64), fc.constantFrom("", "00", "ef")).chain(([length, suffix]) =>
  hex(length).map((digest) => digest + suffix as ContentId)
);
const text = fc.string({ maxLength: 10, unit: "grapheme" });
const xattrs = fc.dictionary(
  fc.string({ minLength: 1, maxLength: 10, unit: "grapheme-ascii" }).filter((name) => name !== "__proto__"),
  fc.base64String({ maxLength: 12 }),
  { maxKeys: 3, noNullPrototype: true },
);

/** Entries with every combination of fields; those of the wrong kind too, which a reader must not mind. */
export const entries: fc.Arbitrary<Entry> = fc.record({
  path: apaths,
  kind: fc.constantFrom(...KINDS),
  size: numbers,
  mtime: times,
  ctime: times,
  inode: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map(String),
  mode: fc.nat(0o7777),
  uid: ids,
  gid: ids,
  user: text,
  group: text,
  device: fc.record({ major: ids, minor: ids }, { noNullPrototype: true }),
  content: contentIds,
  target: names,
  hardLink: fc.tuple(fc.nat(9), fc.nat()).map(([device, inode]) => `${device}:${inode}`),
  sparse: fc.constant(true as const),
  xattrs,
  problems: fc.array(text, { minLength: 1, maxLength: 2 }),
  birthtime: times,
  flags: fc.array(fc.constantFrom("immutable", "no-dump"), { minLength: 1, maxLength: 2 }),
}, {
  requiredKeys: ["path", "kind", "size", "mtime", "mode", "uid", "gid"],
  noNullPrototype: true,
}).map((entry) => (entry.kind === "file" ? entry : { ...entry, size: 0 }) as Entry);
