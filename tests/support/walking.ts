/** Walks for tests: a directory that goes away, and what a walk found in it. */
import { rawOf, textOf } from "../../src/core/raw.ts";
import type { Dir, Disk } from "../../src/platform/disk.ts";
import { openDisk } from "../../src/platform/open_disk.ts";
import type { Raw } from "../../src/core/raw.ts";
import { TOP } from "../../src/core/apath.ts";
import { parseFilter } from "../../src/source/filter.ts";
import type { SourceRoot } from "../../src/source/placement.ts";
import { type Found, walk, type WalkOptions } from "../../src/source/walk.ts";
import { TestMonitor } from "./world.ts";

export const REAL_DISK = openDisk();

/** A temporary directory by its real path. */
export class Place implements Disposable {
  readonly path = Deno.realPathSync(Deno.makeTempDirSync({ prefix: "backup-tool-test-walk-" }));

  [Symbol.dispose](): void {
    Deno.removeSync(this.path, { recursive: true });
  }

  /** @param paths relative; a final slash makes a directory, "name -> target" a symlink, anything else a file */
  make(...paths: readonly string[]): void {
    for (const path of paths) {
      const [name = "", target] = path.split(" -> ");
      const full = `${this.path}/${name}`;
      const parent = full.slice(0, full.replace(/\/$/, "").lastIndexOf("/"));
      Deno.mkdirSync(parent, { recursive: true });
      if (target !== undefined) Deno.symlinkSync(target, full);
      else if (name.endsWith("/")) Deno.mkdirSync(full, { recursive: true });
      else Deno.writeTextFileSync(full, name);
    }
  }

  /** This directory, or one below it, as the only source. */
  root(below = "", changes: Partial<SourceRoot> = {}): SourceRoot {
    const path = rawOf(below === "" ? this.path : `${this.path}/${below}`);
    return { path, at: TOP, kind: "dir", nested: [], ...changes };
  }
}

export interface Walked {
  readonly found: Found[];
  /** Texts of the paths in the snapshot, in the order of the walk. */
  readonly paths: string[];
  readonly monitor: TestMonitor;
  /** Entries of each batch. */
  readonly batches: number[];
}

export function walkAll(
  roots: SourceRoot | readonly SourceRoot[],
  changes: Partial<WalkOptions> = {},
  disk: Disk = REAL_DISK,
): Walked {
  const monitor = new TestMonitor();
  const found: Found[] = [], batches: number[] = [];
  for (const batch of walk(disk, "path" in roots ? [roots] : roots, { ...walkOptions(monitor), ...changes })) {
    found.push(...batch.found);
    batches.push(batch.found.length);
  }
  return { found, paths: found.map(({ path }) => textOf(path)), monitor, batches };
}

export function walkOptions(monitor: TestMonitor): WalkOptions {
  return {
    filter: parseFilter([]),
    ignoreFiles: true,
    oneFileSystem: false,
    excludeCaches: false,
    largestBytes: undefined,
    own: { whyNotFound: () => undefined, whyNotListed: () => undefined },
    monitor,
  };
}

/** Makes a file in an open directory. */
export function makeFile(directory: Dir, name: Raw): void {
  directory.create(name, 0o644)![Symbol.dispose]();
}
