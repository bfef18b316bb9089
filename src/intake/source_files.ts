/**
 * Opens and reads files of a source for an engine that stores them. Failures here are the source's, not the engine's.
 */
import { Fault } from "../core/fault.ts";
import { type FaultData, toFaultData } from "../core/fault_data.ts";
import { type Raw, textOf } from "../core/raw.ts";
import type { Stat } from "../core/stat.ts";
import type { Descents } from "../platform/descent.ts";
import { type Dir, DiskFault, type OpenFile } from "../platform/disk.ts";
import { Endless, withinBounds } from "../platform/endless.ts";
import { readingAroundHoles } from "../platform/holes.ts";
import type { ContentStream } from "./content_keeper.ts";

/** The file can't be read. Any other error is the engine's failure. */
export class SourceFault extends Error {
  readonly told: FaultData;
  constructor(fault: Fault) {
    super(fault.message);
    this.told = toFaultData(fault);
  }
}

class Vanished extends Fault {
  readonly code = "source-vanished";
  readonly hint = "If it was not meant to be deleted during the backup, run the backup again";
  constructor(path: string) {
    super(`Cannot read ${JSON.stringify(path)}: it vanished during the backup`);
  }
}

export class Unsteady extends Fault {
  readonly code = "source-changing";
  readonly hint = "Stop what writes to it, or back up a snapshot of the file system";
  constructor(path: string) {
    super(`${JSON.stringify(path)} changed each time it was read; what was kept may mix old and new`);
  }
}

/** A directory that is opened when the first file of a batch has to be read: an unchanged directory never is. */
export class SourceDirectory implements Disposable {
  readonly #sources: Descents;
  readonly #rootPath: Raw;
  readonly #relative: Raw;
  #dir: Dir | undefined;

  constructor(sources: Descents, rootPath: Raw, relative: Raw) {
    this.#sources = sources;
    this.#rootPath = rootPath;
    this.#relative = relative;
  }

  open(): Dir {
    return this.#dir ??= this.#sources.open(this.#rootPath, this.#relative);
  }

  describe(name: Raw): string {
    return [this.#rootPath, this.#relative, name].filter((part) => part !== "").map(textOf).join("/");
  }

  [Symbol.dispose](): void {
    this.#dir?.[Symbol.dispose]();
  }
}

export function openSource(source: SourceDirectory, name: Raw): OpenFile {
  const file = fromSource(() => source.open().open(name));
  if (file === undefined) throw new SourceFault(new Vanished(source.describe(name)));
  return file;
}

/** Runs an action that touches only the source; its failures become {@link SourceFault}s. */
export function fromSource<T>(action: () => T): T {
  try {
    return action();
  } catch (error) {
    if (error instanceof DiskFault || error instanceof Endless) throw new SourceFault(error);
    throw error;
  }
}

/** Properties of a file from the walk, or from the last stat. */
export interface Described {
  readonly size: number;
  readonly sparse: boolean;
  /** The path to show to people. */
  readonly path: () => string;
}

export function streamOf(file: OpenFile, { size, sparse, path }: Described): ContentStream {
  const read = withinBounds(file, readingAroundHoles(file), { size, path });
  return {
    size,
    sparse,
    read: (into, position) => fromSource(() => read(into, position)),
    cloneTo: (target) => target.cloneFrom(file),
  };
}

export function isSame(a: Pick<Stat, "size" | "mtime" | "ctime" | "inode">, b: Stat): boolean {
  return a.size === b.size && a.mtime === b.mtime && a.ctime === b.ctime && a.inode === b.inode;
}
