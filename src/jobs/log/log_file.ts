/** A log file that is rotated by size: `serve.log`, and its predecessors `serve.log.1` to `serve.log.5`. */
import { baseName, bytesOf, parentPath, type Raw, raw, rawOf } from "../../core/raw.ts";
import type { Dir, Disk, OpenFile } from "../../platform/disk.ts";

const FILES_KEPT = 5;
/** It names files that not everybody may see. */
const MODE = 0o600;

export class LogFile implements Disposable {
  readonly #directory: Dir;
  readonly #name: Raw;
  readonly #mostBytes: number;
  #file: OpenFile;
  #size: number;

  /** @param path absolute; its directory must exist @param mostBytes maximum size of one file @throws DiskFault */
  constructor(disk: Disk, path: Raw, mostBytes: number) {
    this.#name = baseName(path);
    this.#mostBytes = mostBytes;
    this.#directory = disk.openDir(parentPath(path));
    this.#file = this.#directory.openOrCreate(this.#name, MODE);
    this.#size = this.#file.stat().size;
  }

  [Symbol.dispose](): void {
    this.#file[Symbol.dispose]();
    this.#directory[Symbol.dispose]();
  }

  /** Appends a line, which includes the newline. */
  write(line: string): void {
    const bytes = bytesOf(rawOf(line));
    if (this.#size > 0 && this.#size + bytes.length > this.#mostBytes) this.#turnOver();
    this.#file.write(bytes, this.#size);
    this.#size += bytes.length;
  }

  #turnOver(): void {
    this.#file[Symbol.dispose]();
    try {
      this.#renameAll();
    } finally {
      this.#file = this.#directory.openOrCreate(this.#name, MODE);
      this.#size = this.#file.stat().size;
    }
  }

  #renameAll(): void {
    for (let n = FILES_KEPT - 1; n >= 0; n--) {
      const from = this.#numbered(n);
      if (this.#directory.stat(from) !== undefined) {
        this.#directory.rename(from, this.#directory, this.#numbered(n + 1));
      }
    }
  }

  #numbered(n: number): Raw {
    return n === 0 ? this.#name : raw`${this.#name}.${n}`;
  }
}
