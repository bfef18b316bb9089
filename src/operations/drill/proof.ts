/** Compares a restored file with what was backed up, and the source with the same. */
import { type Apath, apathWithin, isWithin, parseApath, relativeOf } from "../../core/apath.ts";
import { isDigestOf } from "../../core/content_id.ts";
import type { Algorithm } from "../../core/digest.ts";
import { DigestStream } from "../../core/digest_stream.ts";
import { unlessFault } from "../../core/fault.ts";
import { baseName, joinRaw, parentPath, type Raw, rawOf } from "../../core/raw.ts";
import type { Stat } from "../../core/stat.ts";
import type { Dir, Disk, OpenFile } from "../../platform/disk.ts";
import type { Root } from "../../snapshot/root.ts";
import type { SampledFile } from "./sample.ts";

const BUFFER_BYTES = 256 * 1024;

export class Prover {
  readonly #disk: Disk;
  readonly #algorithm: Algorithm;
  readonly #buffer = new Uint8Array(BUFFER_BYTES);

  constructor(disk: Disk, algorithm: Algorithm) {
    this.#disk = disk;
    this.#algorithm = algorithm;
  }

  /** Describes an error in a restored file; undefined if there is none. @param path absolute */
  wrongWith(path: Raw, file: SampledFile): string | undefined {
    return unlessFault(() => {
      using directory = this.#disk.openDir(parentPath(path));
      using restored = directory.open(baseName(path));
      if (restored === undefined) return "it is not there";
      const { size, mtime } = restored.stat();
      if (size !== file.size) return `it has ${size} bytes instead of ${file.size}`;
      if (!isDigestOf(file.content, this.#digestOf(restored))) return "its bytes are others";
      const hasTimes = this.#disk.abilities.timeUnitNs === 1;
      return hasTimes && mtime !== file.mtime ? "its time is another" : undefined;
    }, "it can't be read");
  }

  /**
   * Compares the bytes of the source, if its size and times show no change. "differs" then means that one of the two
   * has changed without having been written to.
   */
  compare(path: Raw, file: SampledFile): "same" | "differs" | "changed" {
    return unlessFault(() => {
      using directory = this.#disk.openDir(parentPath(path));
      const name = baseName(path), before = directory.stat(name);
      if (before === undefined || !isUnchanged(before, file)) return "changed";
      using live = directory.open(name);
      if (live === undefined) return "changed";
      const isSame = isDigestOf(file.content, this.#digestOf(live));
      return isSame ? "same" : isUntouched(directory, name, before) ? "differs" : "changed";
    }, "changed");
  }

  #digestOf(file: OpenFile): string {
    const read = (into: Uint8Array<ArrayBuffer>, position: number) => file.read(into, position);
    return new DigestStream(this.#algorithm, read, this.#buffer).run().digest;
  }
}

function isUnchanged(stat: Stat, file: SampledFile): boolean {
  const isSameChange = stat.ctime === undefined || file.ctime === undefined || stat.ctime === file.ctime;
  return stat.kind === "file" && stat.size === file.size && stat.mtime === file.mtime && isSameChange;
}

function isUntouched(directory: Dir, name: Raw, before: Stat): boolean {
  const now = directory.stat(name);
  return now !== undefined && now.mtime === before.mtime && now.size === before.size && now.ctime === before.ctime;
}

/** The path that a path of a snapshot had in its source; undefined if it came from no path. */
export function livePath({ sources }: Pick<Root, "sources">, path: Apath): Raw | undefined {
  for (const { path: source, at } of sources) {
    const place = parseApath(at);
    if (!source.startsWith("/") || !isWithin(path, place)) continue;
    return path === place ? rawOf(source) : joinRaw(rawOf(source), relativeOf(apathWithin(path, place)));
  }
  return undefined;
}
