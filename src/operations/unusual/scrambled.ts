/** Examines the bytes of changed files: random ones in the place of others indicate encryption. */
import { deflateRawSync } from "node:zlib";
import { unlessFault } from "../../core/fault.ts";
import type { SampledFigures } from "../../core/unusual_change.ts";
import type { Disk } from "../../platform/disk.ts";
import type { ContentReader } from "../../snapshot/repository.ts";
import type { SourcePlace } from "../comparison/source_place.ts";
import { baseName } from "../../core/raw.ts";
import type { ChangedFile } from "./change_watch.ts";
import { Fault } from "../../core/fault.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** Number of bytes to examine at the beginning of a file; more would not help. */
export const PIECE_BYTES = 16 * 1024;
/** What deflate makes of random bytes is no smaller, and of nearly everything else it is. */
const RANDOM = 0.98, COMPRESSIBLE = 0.9;
/** What many formats begin with. */
const SIGNATURE_BYTES = 4;

export interface SampleSource {
  /** Reads the previous contents. */
  readonly reader: ContentReader;
  /**
   * Reads the first {@link PIECE_BYTES} bytes of a file as it is now; undefined if it can no longer be read.
   * @throws Fault for the same reason
   */
  readonly beginning: (file: ChangedFile) => Bytes | undefined;
}

/** Examines files. Unreadable ones don't count. Old contents are read only of files that look like random bytes now. */
export async function sampledFigures(
  files: readonly ChangedFile[],
  { reader, beginning }: SampleSource,
): Promise<SampledFigures> {
  let sampled = 0, scrambled = 0;
  for (const file of files) {
    const now = unlessFault(() => beginning(file), undefined);
    if (now === undefined) continue;
    sampled++;
    if (isRandom(now) && await wasOtherwise(file, now, reader)) scrambled++;
  }
  return { sampled, scrambled };
}

/** Reads the beginning of a file on this machine. @throws DiskFault */
export function beginningOnDisk(disk: Disk, { rootPath, relative, absolute }: SourcePlace): Bytes | undefined {
  using root = disk.openDir(rootPath);
  using directory = root.openPath(relative);
  using opened = directory.open(baseName(absolute));
  if (opened === undefined) return undefined;
  const bytes = new Uint8Array(PIECE_BYTES);
  return bytes.subarray(0, opened.read(bytes, 0));
}

async function wasOtherwise({ before }: ChangedFile, now: Bytes, reader: ContentReader): Promise<boolean> {
  try {
    const then = await beginningOf(reader.read(before));
    if (then.length === 0) return false;
    const isOther = now.subarray(0, SIGNATURE_BYTES).some((byte, i) => byte !== then[i]);
    return isOther || ratioOf(then) < COMPRESSIBLE;
  } catch (error) {
    if (error instanceof Fault) return false;
    throw error;
  }
}

async function beginningOf(chunks: AsyncIterable<Bytes> | Iterable<Bytes>): Promise<Bytes> {
  for await (const chunk of chunks) return chunk.slice(0, PIECE_BYTES);
  return new Uint8Array();
}

/** True for bytes that can't be compressed. */
export function isRandom(bytes: Bytes): boolean {
  return bytes.length > 0 && ratioOf(bytes) >= RANDOM;
}

function ratioOf(bytes: Bytes): number {
  return deflateRawSync(bytes, { level: 1 }).length / bytes.length;
}
