/**
 * An existing regular file in a restore's target, whose attributes are corrected without changing what others share
 * with it.
 */
import type { Raw } from "../core/raw.ts";
import type { Stat } from "../core/stat.ts";
import { type Attributes, type Dir, DiskFault, type OpenFile } from "../platform/disk.ts";
import type { Attributed } from "./attributes.ts";

const WRITE_BITS = 0o222;

/** The file is opened for the first change; if this user may not open it, it is changed by name. */
export class PresentFile implements Attributed, Disposable {
  readonly #directory: Dir;
  readonly #name: Raw;
  readonly #there: Stat;
  #file: OpenFile | undefined;

  constructor(directory: Dir, name: Raw, there: Stat) {
    this.#directory = directory;
    this.#name = name;
    this.#there = there;
  }

  [Symbol.dispose](): void {
    this.#file?.[Symbol.dispose]();
  }

  /**
   * True if the file may be changed in place. A file with several names may be a content of a storage: trees consist of
   * such files, and one may have been moved or linked here. The same holds for a file without write permission where
   * the file system doesn't report the number of names.
   */
  isOurs(): boolean {
    const { links, mode, inode, device } = this.#there;
    if (links !== 1) return false;
    if ((mode & WRITE_BITS) === 0 && !this.#directory.reliableInodes()) return false;
    this.#file = openIfAllowed(this.#directory, this.#name);
    if (this.#file === undefined) return true;
    const opened = this.#file.stat();
    return opened.links === 1 && opened.inode === inode && opened.device === device;
  }

  setAttributes(attributes: Attributes): void {
    if (this.#file === undefined) this.#directory.setAttributes(this.#name, attributes);
    else this.#file.setAttributes(attributes);
  }

  xattrs(): Readonly<Record<string, Uint8Array<ArrayBuffer>>> {
    return this.#directory.xattrs(this.#name);
  }

  setXattr(name: string, value: Uint8Array<ArrayBuffer> | undefined): void {
    if (this.#file === undefined) this.#directory.setXattr(this.#name, name, value);
    else this.#file.setXattr(name, value);
  }
}

/** Opens a file; undefined if this user may not, or if it has just vanished, which the first change will report. */
function openIfAllowed(directory: Dir, name: Raw): OpenFile | undefined {
  try {
    return directory.open(name);
  } catch (error) {
    if (error instanceof DiskFault && error.errno === "EACCES") return undefined;
    throw error;
  }
}
