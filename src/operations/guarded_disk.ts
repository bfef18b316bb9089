/**
 * A disk for paths that a job names. Whoever may write to a directory on the way could put a link there, and so make a
 * privileged service work elsewhere. Below such a directory no link is followed, not even one that appears while the
 * path is resolved.
 */
import { Fault } from "../core/fault.ts";
import { joinRaw, parentPath, type Raw, rawOf, relativeTo, splitRaw, textOf } from "../core/raw.ts";
import type { Stat } from "../core/stat.ts";
import { type Dir, type Disk, type DiskAbilities, DiskFault, type Mount } from "../platform/disk.ts";

/** The path contains a link that others may have made. */
export class ForeignLink extends Fault {
  readonly code = "foreign-link";
  readonly hint = "Name the place that it leads to, or let nobody else write to the directory that it is in";
  constructor(path: Raw) {
    super(`Cannot follow the link ${JSON.stringify(textOf(path))}: others may write to the directory that it is in`);
  }
}

/** As the kernel does it: more links than that in one path are taken for a loop. */
const MOST_LINKS = 40;
const ROOT = rawOf("/");
const GROUP_WRITES = 0o020, OTHERS_WRITE = 0o002, STICKY = 0o1000;

export class GuardedDisk implements Disk {
  readonly #disk: Disk;

  constructor(disk: Disk) {
    this.#disk = disk;
  }

  /** Opens a directory. @throws ForeignLink, DiskFault */
  openDir(path: Raw): Dir {
    if (!this.#disk.abilities.owners) return this.#disk.openDir(path);
    const real = this.realPath(path);
    using root = this.#disk.openDir(ROOT);
    // No link is followed here, whatever has become of the path in between.
    return root.openPath(relativeTo(ROOT, real));
  }

  /** Resolves a path. @throws ForeignLink, DiskFault */
  realPath(path: Raw): Raw {
    return this.#disk.abilities.owners ? new Resolution(this.#disk, path).run() : this.#disk.realPath(path);
  }

  statDirectory(path: Raw): Stat {
    return this.#disk.statDirectory(this.realPath(path));
  }

  mounts(): readonly Mount[] {
    return this.#disk.mounts();
  }

  get abilities(): DiskAbilities {
    return this.#disk.abilities;
  }
  get uid(): number {
    return this.#disk.uid;
  }
  get gid(): number {
    return this.#disk.gid;
  }
  userName(uid: number): string | undefined {
    return this.#disk.userName(uid);
  }
  groupName(gid: number): string | undefined {
    return this.#disk.groupName(gid);
  }
  userId(name: string): number | undefined {
    return this.#disk.userId(name);
  }
  groupId(name: string): number | undefined {
    return this.#disk.groupId(name);
  }
}

/** Finding out where a path leads. */
class Resolution {
  readonly #disk: Disk;
  readonly #pending: Raw[];
  readonly #shared = new Map<Raw, boolean>();
  #at = ROOT;
  #links = 0;

  /** @param path absolute */
  constructor(disk: Disk, path: Raw) {
    this.#disk = disk;
    this.#pending = componentsOf(path).reverse();
  }

  run(): Raw {
    for (let name = this.#pending.pop(); name !== undefined; name = this.#pending.pop()) {
      const next = name === ".." ? parentPath(this.#at) : joinRaw(this.#at, name);
      if (name === ".." || this.#disk.realPath(next) === next) this.#at = next;
      else this.#follow(name, next);
    }
    return this.#at;
  }

  #follow(name: Raw, link: Raw): void {
    if (++this.#links > MOST_LINKS) throw new DiskFault("ELOOP", "find", link);
    using directory = this.#disk.openDir(this.#at);
    if (this.#isForeign(directory.stat(name))) throw new ForeignLink(link);
    const target = directory.readlink(name);
    if (target.startsWith("/")) this.#at = ROOT;
    this.#pending.push(...componentsOf(target).reverse());
  }

  /** True for a link that somebody else may have made: here, or by moving a directory above. */
  #isForeign(link: Stat | undefined): boolean {
    for (let at = this.#at;; at = parentPath(at)) {
      if (this.#isShared(at)) return true;
      if (at === ROOT) break;
    }
    // What is in a sticky directory stays its owner's, but anybody may add to it.
    const { mode } = this.#disk.statDirectory(this.#at);
    return (mode & STICKY) !== 0 && (mode & (GROUP_WRITES | OTHERS_WRITE)) !== 0 && !this.#isTrusted(link?.uid);
  }

  #isShared(path: Raw): boolean {
    const known = this.#shared.get(path);
    if (known !== undefined) return known;
    const { mode, uid, gid } = this.#disk.statDirectory(path);
    const isOpen = (mode & OTHERS_WRITE) !== 0 || ((mode & GROUP_WRITES) !== 0 && gid !== 0);
    const isShared = !this.#isTrusted(uid) || (isOpen && (mode & STICKY) === 0);
    this.#shared.set(path, isShared);
    return isShared;
  }

  #isTrusted(uid: number | undefined): boolean {
    return uid === 0 || uid === this.#disk.uid;
  }
}

function componentsOf(path: Raw): Raw[] {
  return splitRaw(path, "/").filter((name) => name !== "" && name !== ".");
}
