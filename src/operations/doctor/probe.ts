/**
 * Tests the abilities of a file system in a directory of its own, which is removed afterwards. A failed test is a
 * result, too.
 */
import { type Raw, rawOf, rawOfBytes } from "../../core/raw.ts";
import type { NsText } from "../../core/entry.ts";
import { ACL_ATTRIBUTE } from "../../platform/acl.ts";
import { type Dir, type Disk, DiskFault, type OpenFile } from "../../platform/disk.ts";
import { removeRecursively } from "../../platform/remove_recursively.ts";
import { type Fact, fact, type FactValue } from "./fact.ts";

const FILE = rawOf("file"), OTHER = rawOf("other");
const HOLE_BYTES = 1024 * 1024;
const LONGEST_NAME = 255;
/** Nine different digits, so that truncation shows. */
const TIME = "1700000000123456789" as NsText;
/** By the trailing digits that a file system has lost. */
const TIME_UNITS: readonly (readonly [digits: number, name: string])[] = [
  [0, "1 ns"],
  [2, "100 ns"],
  [3, "1 us"],
  [6, "1 ms"],
  [9, "1 s"],
];

/**
 * Runs the tests.
 * @param parent where the directory is created
 * @param name of the directory; must be free
 * @throws DiskFault if it can't be created
 */
export function probe(parent: Dir, name: Raw, disk: Disk): Fact[] {
  if (!parent.mkdir(name, 0o700)) throw new DiskFault("EEXIST", "create", name);
  try {
    using directory = parent.openDir(name);
    return new Probe(directory, disk).facts();
  } finally {
    removeRecursively(parent, name);
  }
}

class Probe {
  readonly #dir: Dir;
  readonly #disk: Disk;

  constructor(directory: Dir, disk: Disk) {
    this.#dir = directory;
    this.#disk = disk;
  }

  facts(): Fact[] {
    const links = this.#try(() => this.#links());
    const locks = this.#try(() => this.#locks());
    return [
      this.#tried("writes", "files can be written and made durable", () => this.#writes()),
      fact("hardLinks", "hard links", links, {
        concern: links !== true && "Without hard links there are no browsable trees",
      }),
      this.#tried("symlinks", "symbolic links", () => this.#symlinks()),
      fact("locks", "file locks", locks, { concern: locks !== true && "Without locks two runs can write at once" }),
      this.#tried("timeUnit", "finest unit of times", () => this.#timeUnit()),
      this.#tried("modes", "permissions", () => this.#modes()),
      this.#tried("owners", "owners can be set", () => this.#owners()),
      this.#tried("xattrs", "extended attributes", () => this.#xattrs("user.backup-tool", Uint8Array.of(1, 2, 3))),
      this.#tried("acls", "ACLs", () => this.#xattrs(ACL_ATTRIBUTE, aclOf(1))),
      this.#tried("caseSensitive", "upper and lower case differ", () => this.#isCaseSensitive()),
      this.#tried("colons", "names with a colon", () => this.#takes(rawOf("with:colon"))),
      this.#tried("rawNames", "names that are not UTF-8", () => this.#takes(rawOfBytes(Uint8Array.of(0xe9)))),
      this.#tried("longNames", `names of ${LONGEST_NAME} bytes`, () => this.#takes(rawOf("n".repeat(LONGEST_NAME)))),
      this.#tried("pipes", "named pipes", () => this.#pipes()),
      this.#tried("sparseFiles", "sparse files", () => this.#holes()),
      this.#tried("reflinks", "copies that share their data (reflinks)", () => this.#clones()),
      this.#tried("exchange", "two names swapped in one step", () => this.#exchanges()),
    ];
  }

  #tried(key: string, label: string, trial: () => FactValue): Fact {
    return fact(key, label, this.#try(trial));
  }

  /** The error, if a trial fails. Each begins with an empty directory. */
  #try(trial: () => FactValue): FactValue {
    try {
      return trial();
    } catch (error) {
      if (error instanceof DiskFault) return error.errno;
      throw error;
    } finally {
      for (const name of this.#dir.list().names) removeRecursively(this.#dir, name);
    }
  }

  #create(name = FILE): OpenFile {
    const file = this.#dir.create(name, 0o600);
    if (file === undefined) throw new DiskFault("EEXIST", "create", name);
    return file;
  }

  #writes(): boolean {
    using file = this.#create();
    file.write(Uint8Array.of(1), 0);
    file.sync();
    this.#dir.sync();
    return file.stat().size === 1;
  }

  #links(): boolean {
    this.#create()[Symbol.dispose]();
    return this.#dir.link(FILE, this.#dir, OTHER) === "linked" && this.#dir.stat(FILE)?.links === 2;
  }

  #symlinks(): boolean {
    this.#dir.symlink(FILE, OTHER);
    return this.#dir.readlink(OTHER) === FILE;
  }

  #locks(): boolean {
    using first = this.#dir.openOrCreate(FILE, 0o600);
    using second = this.#dir.openOrCreate(FILE, 0o600);
    return first.tryLock("exclusive") && !second.tryLock("exclusive");
  }

  #timeUnit(): string {
    this.#create()[Symbol.dispose]();
    this.#dir.setAttributes(FILE, { mtime: TIME });
    const kept = this.#dir.stat(FILE)?.mtime ?? "";
    const [, unit] = TIME_UNITS.find(([digits]) => kept === TIME.slice(0, TIME.length - digits) + "0".repeat(digits)) ??
      [];
    return unit ?? "more than 1 s";
  }

  #modes(): boolean {
    this.#create()[Symbol.dispose]();
    return [0o640, 0o444, 0o700].every((mode) => {
      this.#dir.setAttributes(FILE, { mode });
      return this.#dir.stat(FILE)?.mode === mode;
    });
  }

  /** Only who may give files away can try. */
  #owners(): boolean | null {
    const { uid, abilities } = this.#disk, other = 65534;
    if (uid !== 0 || !abilities.owners) return null;
    this.#create()[Symbol.dispose]();
    this.#dir.setAttributes(FILE, { uid: other, gid: other });
    return this.#dir.stat(FILE)?.uid === other;
  }

  #xattrs(name: string, value: Uint8Array<ArrayBuffer>): boolean {
    if (!this.#disk.abilities.xattrs) return false;
    this.#create()[Symbol.dispose]();
    this.#dir.setXattr(FILE, name, value);
    return this.#dir.xattrs(FILE)[name]?.length === value.length;
  }

  #isCaseSensitive(): boolean {
    this.#create()[Symbol.dispose]();
    return this.#dir.stat(rawOf("FILE")) === undefined;
  }

  #takes(name: Raw): boolean {
    this.#create(name)[Symbol.dispose]();
    return this.#dir.list().names.includes(name);
  }

  #pipes(): boolean {
    this.#dir.mknod(FILE, 0o600, "fifo", { major: 0, minor: 0 });
    return this.#dir.stat(FILE)?.kind === "fifo";
  }

  #holes(): boolean {
    using file = this.#create();
    file.write(Uint8Array.of(1), HOLE_BYTES);
    file.sync();
    const { blocks } = file.stat();
    return blocks !== undefined && blocks * 512 < HOLE_BYTES;
  }

  #clones(): boolean {
    using source = this.#create();
    source.write(new Uint8Array(64 * 1024).fill(1), 0);
    using copy = this.#create(OTHER);
    return copy.cloneFrom(source);
  }

  #exchanges(): boolean {
    for (const name of [FILE, OTHER]) this.#create(name)[Symbol.dispose]();
    return this.#dir.exchange(FILE, this.#dir, OTHER);
  }
}

/** A POSIX ACL by which one user besides the owner may read: acl_ea_header and entries as Linux keeps them. */
function aclOf(uid: number): Uint8Array<ArrayBuffer> {
  const nobody = 0xffffffff, read = 4;
  const entries = [[0x01, 6, nobody], [0x02, read, uid], [0x04, 0, nobody], [0x10, read, nobody], [0x20, 0, nobody]];
  const bytes = new Uint8Array(4 + entries.length * 8), view = new DataView(bytes.buffer);
  view.setUint32(0, 2, true);
  for (const [i, [tag = 0, permissions = 0, id = 0]] of entries.entries()) {
    view.setUint16(4 + i * 8, tag, true);
    view.setUint16(6 + i * 8, permissions, true);
    view.setUint32(8 + i * 8, id, true);
  }
  return bytes;
}
