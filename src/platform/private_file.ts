/** Small files that only their owner can read: written whole, and durably. */
import type { Random } from "../core/clock.ts";
import { bytesOf, joinRaw, type Raw, raw, rawOf } from "../core/raw.ts";
import { type Dir, DiskFault } from "./disk.ts";

const PRIVATE = 0o600, RANDOM_BYTES = 6;

/** Replaces a file durably; only its owner can read it. @throws DiskFault */
export function replaceFile(dir: Dir, name: Raw, text: string, random: Random): void {
  written(dir, { name, text, random }, (temporary) => dir.rename(temporary, dir, name));
}

/** Creates a file durably; only its owner can read it. @returns false if the name is taken @throws DiskFault */
export function createFile(dir: Dir, name: Raw, text: string, random: Random): boolean {
  return written(dir, { name, text, random }, (temporary) => {
    const linked = dir.link(temporary, dir, name);
    if (linked === "linked" || linked === "exists") return linked === "linked";
    // There are no hard links here. The name is taken first; whoever comes later finds it.
    using taken = dir.create(name, PRIVATE);
    if (taken === undefined) return false;
    dir.rename(temporary, dir, name);
    return true;
  });
}

interface NewText {
  readonly name: Raw;
  readonly text: string;
  readonly random: Random;
}

/** Writes a text to a temporary file, which `publish` gives its name. */
function written<T>(dir: Dir, { name, text, random }: NewText, publish: (temporary: Raw) => T): T {
  const suffix = Array.from(random(RANDOM_BYTES), (byte) => byte.toString(16).padStart(2, "0")).join("");
  const temporary = raw`.${name}-${rawOf(suffix)}`;
  try {
    {
      using file = dir.create(temporary, PRIVATE);
      if (file === undefined) throw new DiskFault("EEXIST", "create", joinRaw(dir.path, temporary));
      file.write(bytesOf(rawOf(text)), 0);
      file.sync();
    }
    return publish(temporary);
  } finally {
    dir.unlink(temporary);
    dir.sync();
  }
}
