/** An open regular file by the runtime's own API. */
import type { Raw } from "../core/raw.ts";
import type { Stat } from "../core/stat.ts";
import { type Attributes, DiskFault, type OpenFile } from "./disk.ts";
import { msOfTime } from "./ns_text.ts";
import { attempt, statOf } from "./portable_calls.ts";

/** Since Deno 2.7. */
interface TryLock {
  readonly tryLockSync?: (exclusive: boolean) => boolean;
}

/** Settings for all files of a disk. */
export interface FileManner {
  /** True to sync written files when they are closed, because the whole file system can't be synced later. */
  readonly syncOnClose: boolean;
  /** Called with the number of bytes read; may delay. */
  readonly paced: ((bytes: number) => void) | undefined;
}

export interface PortableFileOptions extends FileManner {
  readonly file: Deno.FsFile;
  readonly path: Raw;
  /** True if the file had a name when it was opened, and the file system counts names. */
  readonly isNamed: boolean;
  /** Sets owner and mode, which the runtime can do only by name. */
  readonly setByName: (attributes: Attributes) => void;
}

export class PortableFile implements OpenFile {
  readonly #file: Deno.FsFile;
  readonly #path: Raw;
  readonly #options: PortableFileOptions;
  #isOpen = true;
  #isWritten = false;
  #isLocked = false;

  constructor(options: PortableFileOptions) {
    this.#file = options.file;
    this.#path = options.path;
    this.#options = options;
  }

  [Symbol.dispose](): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    try {
      // A process that is just being started holds a copy of the descriptor, and the lock with it.
      if (this.#isLocked) this.#file.unlockSync();
      if (this.#isWritten && this.#options.syncOnClose) this.#do("sync", () => this.#file.syncSync());
    } finally {
      this.#file.close();
    }
  }

  /**
   * Omits the ctime of a file that has lost its name: the runtime's ctimes are whole seconds, too coarse to reveal
   * that.
   */
  stat(): Stat {
    const stat = statOf(this.#do("stat", () => this.#file.statSync()));
    return this.#options.isNamed && stat.links === 0 ? { ...stat, ctime: undefined } : stat;
  }

  read(into: Uint8Array<ArrayBuffer>, position: number): number {
    return this.#do("read", () => {
      this.#file.seekSync(position, Deno.SeekMode.Start);
      let done = 0;
      while (done < into.length) {
        const got = this.#file.readSync(into.subarray(done));
        if (got === null || got === 0) break;
        done += got;
      }
      this.#options.paced?.(done);
      return done;
    });
  }

  write(bytes: Uint8Array<ArrayBuffer>, position: number): void {
    this.#isWritten = true;
    this.#do("write", () => {
      this.#file.seekSync(position, Deno.SeekMode.Start);
      for (let done = 0; done < bytes.length;) done += this.#file.writeSync(bytes.subarray(done));
    });
  }

  /** Does nothing. */
  writeBack(): void {}

  awaitWriteBack(): void {}

  truncate(size: number): void {
    this.#isWritten = true;
    this.#do("set the size of", () => this.#file.truncateSync(size));
  }

  seekData(_from: number): undefined {
    return undefined;
  }

  seekHole(_from: number): undefined {
    return undefined;
  }

  cloneFrom(_source: OpenFile): boolean {
    return false;
  }

  setAttributes(attributes: Attributes): void {
    const { mtime, ...others } = attributes;
    if (Object.keys(others).length > 0) this.#options.setByName(others);
    if (mtime === undefined) return;
    this.#do("set the time of", () => {
      const accessed = this.#file.statSync().atime ?? new Date(0);
      this.#file.utimeSync(accessed, new Date(msOfTime(mtime)));
    });
  }

  xattrs(): Record<string, Uint8Array<ArrayBuffer>> {
    return {};
  }

  setXattr(name: string, _value: Uint8Array<ArrayBuffer> | undefined): never {
    throw new DiskFault("ENOTSUP", `set the attribute ${name} of`, this.#path);
  }

  addFlags(_flags: number): never {
    throw new DiskFault("ENOTSUP", "set the flags of", this.#path);
  }

  sync(): void {
    this.#do("sync", () => this.#file.syncSync());
    this.#isWritten = false;
  }

  tryLock(kind: "exclusive" | "shared" = "exclusive"): boolean {
    return this.#do("lock", () => {
      const { tryLockSync } = this.#file as TryLock;
      if (tryLockSync !== undefined) return this.#isLocked = tryLockSync.call(this.#file, kind === "exclusive");
      // Older runtimes can only wait until the lock is free.
      this.#file.lockSync(kind === "exclusive");
      return this.#isLocked = true;
    });
  }

  #do<T>(operation: string, call: () => T): T {
    return attempt(operation, this.#path, call);
  }
}
