/** An open regular file on Linux. */
import type { Raw } from "../core/raw.ts";
import type { Stat } from "../core/stat.ts";
import type { Attributes, OpenFile } from "./disk.ts";
import { EAGAIN, EINVAL, ENXIO } from "./errno.ts";
import type { LinuxCalls, Xattrs } from "./linux_calls.ts";

const SEEK_DATA = 3;
const SEEK_HOLE = 4;
const SYNC_FILE_RANGE_WAIT_BEFORE = 1, SYNC_FILE_RANGE_WRITE = 2;
const LOCK_NB = 4;
const LOCK_KINDS = { shared: 1, exclusive: 2 } as const;
const LOCK_UN = 8;
/** _IOW(0x94, 9, int): share all extents of another file. */
const FICLONE = 0x4004_9409;

export class LinuxFile implements OpenFile {
  readonly #calls: LinuxCalls;
  readonly #path: () => Raw;
  #fd: number;
  readonly #sizeAtOpening: number;
  #isLocked = false;

  /** Takes ownership of `fd`. @param path for messages @param size when it was opened, in bytes; 0: unknown */
  constructor(calls: LinuxCalls, fd: number, path: () => Raw, size: number) {
    this.#sizeAtOpening = size;
    this.#calls = calls;
    this.#fd = fd;
    this.#path = path;
  }

  [Symbol.dispose](): void {
    if (this.#fd < 0) return;
    // A process that is just being started holds a copy of the descriptor, and the lock with it.
    if (this.#isLocked) this.#calls.libc.call.flock(this.#fd, LOCK_UN);
    this.#calls.close(this.#fd);
    this.#fd = -1;
  }

  stat(): Stat {
    return this.#calls.statx.ofFd(this.#fd, this.#path());
  }

  read(into: Uint8Array<ArrayBuffer>, position: number): number {
    const { libc } = this.#calls;
    let done = 0;
    // A network file system may give less than was asked for; the end is where the file ended when it was opened, or an
    // empty answer. Who reads on from there will see what has been added.
    while (done < into.length) {
      const rest = done === 0 ? into : into.subarray(done);
      let got: number;
      do got = libc.call.pread(this.#fd, rest, rest.length, position + done); while (libc.again(got));
      if (got < 0) throw libc.fault("read", this.#path());
      if (got === 0) break;
      done += got;
      if (position + done === this.#sizeAtOpening) break;
    }
    this.#calls.paced?.(done);
    return done;
  }

  write(bytes: Uint8Array<ArrayBuffer>, position: number): void {
    const { libc } = this.#calls;
    for (let done = 0; done < bytes.length;) {
      const rest = done === 0 ? bytes : bytes.subarray(done);
      let put: number;
      do put = libc.call.pwrite(this.#fd, rest, rest.length, position + done); while (libc.again(put));
      if (put < 0) throw libc.fault("write", this.#path());
      done += put;
    }
  }

  writeBack(position: number, length: number): void {
    // Not every C library has it, nor does it help on every file system; what matters is synced later.
    this.#calls.libc.call.sync_file_range?.(this.#fd, position, length, SYNC_FILE_RANGE_WRITE);
  }

  awaitWriteBack(position: number, length: number): void {
    this.#calls.libc.call.sync_file_range?.(this.#fd, position, length, SYNC_FILE_RANGE_WAIT_BEFORE);
  }

  truncate(size: number): void {
    const { libc } = this.#calls;
    let result: number;
    do result = libc.call.ftruncate(this.#fd, size); while (libc.again(result));
    if (result < 0) throw libc.fault("set the size of", this.#path());
  }

  seekData(from: number): number | undefined {
    return this.#seek(from, SEEK_DATA);
  }

  seekHole(from: number): number | undefined {
    return this.#seek(from, SEEK_HOLE);
  }

  #seek(from: number, whence: number): number | undefined {
    const { libc } = this.#calls;
    const at = Number(libc.call.lseek(this.#fd, from, whence));
    if (at >= 0) return at;
    const errno = libc.readErrno();
    if (errno === ENXIO || errno === EINVAL) return undefined;
    throw libc.fault("find holes in", this.#path());
  }

  cloneFrom(source: OpenFile): boolean {
    return source instanceof LinuxFile && this.#calls.libc.call.ioctl(this.#fd, FICLONE, source.#fd) === 0;
  }

  setAttributes(attributes: Attributes): void {
    this.#calls.setOfFd(this.#fd, attributes, this.#path());
  }

  xattrs(): Xattrs {
    return this.#calls.xattrsOfFd(this.#fd, this.#path);
  }

  setXattr(name: string, value: Uint8Array<ArrayBuffer> | undefined): void {
    this.#calls.setXattrOfFd(this.#fd, name, value, this.#path());
  }

  addFlags(flags: number): void {
    this.#calls.addFlagsOfFd(this.#fd, flags, this.#path());
  }

  sync(): void {
    const { libc } = this.#calls;
    let result: number;
    do result = libc.call.fsync(this.#fd); while (libc.again(result));
    if (result < 0) throw libc.fault("sync", this.#path());
  }

  tryLock(kind: keyof typeof LOCK_KINDS = "exclusive"): boolean {
    const { libc } = this.#calls;
    let result: number;
    do result = libc.call.flock(this.#fd, LOCK_KINDS[kind] | LOCK_NB); while (libc.again(result));
    if (result >= 0) return this.#isLocked = true;
    if (libc.errno === EAGAIN) return false;
    throw libc.fault("lock", this.#path());
  }
}
