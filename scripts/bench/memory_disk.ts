/**
 * A disk in memory: ext4 on a loop device, so that a measurement is of the programs and the file system, not of a disk.
 */
import { run } from "./measure.ts";

/** Memory is taken for what is written alone. */
const SIZE = "24G";
/** Peers make several trees of a million files. */
const INODES = 16_000_000;

/** For root on Linux. Unmounted and removed when it is disposed of. */
export class MemoryDisk implements Disposable {
  /** Where it is mounted. */
  readonly directory: string;
  readonly #image: string;
  #isMounted = false;

  /** @throws CommandFailed where a loop device can't be made or mounted */
  constructor() {
    this.directory = Deno.makeTempDirSync({ prefix: "backup-tool-bench-disk-" });
    this.#image = Deno.makeTempFileSync({ dir: "/dev/shm", prefix: "backup-tool-bench-" });
    try {
      run({ argv: ["truncate", "-s", SIZE, this.#image] });
      run({ argv: ["mkfs.ext4", "-q", "-F", "-N", String(INODES), this.#image] });
      // The tables of inodes aren't initialized in the background: that would take memory, and time from whoever is measured.
      run({ argv: ["mount", "-o", "loop,noinit_itable", this.#image, this.directory] });
      this.#isMounted = true;
    } finally {
      if (!this.#isMounted) this[Symbol.dispose]();
    }
  }

  [Symbol.dispose](): void {
    if (this.#isMounted) run({ argv: ["umount", this.directory] });
    Deno.removeSync(this.#image);
    Deno.removeSync(this.directory);
  }
}
