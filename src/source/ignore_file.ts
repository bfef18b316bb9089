/** Files in the tree itself that list what is excluded there, like .gitignore files. */
import { type Apath, knownApath } from "../core/apath.ts";
import type { Monitor } from "../core/monitor.ts";
import { joinRaw, type Raw, rawOf, rawOfBytes, textOf } from "../core/raw.ts";
import { type Dir, DiskFault } from "../platform/disk.ts";
import { parseExcludeFile } from "./exclude_lists.ts";
import { type Decision, type Filter, parseFilter } from "./filter.ts";
import { BadPattern } from "./pattern.ts";

export const IGNORE_FILE = rawOf(".backupignore");
/**
 * Largest part of such a file that is read, in bytes: anybody may have written it. The rest is ignored, with a warning.
 */
const MOST_BYTES = 1024 * 1024;
const NEWLINE = 0x0a;

/** The patterns in one directory's file; they apply to the directory and everything below. */
export interface Layer {
  readonly filter: Filter;
  /** Length of the directory's path, to be removed from the paths that the filter gets. */
  readonly prefixLength: number;
  /** Layer of the nearest directory above that has such a file. */
  readonly above: Layer | undefined;
}

/**
 * The last matching pattern of the deepest file that has a match. @param path relative to its source, beginning with
 * "/"
 */
export function decideByLayers(layer: Layer | undefined, path: Apath, isDirectory: boolean): Decision | undefined {
  for (let at = layer; at !== undefined; at = at.above) {
    const decision = at.filter.decide(knownApath(path.slice(at.prefixLength)), isDirectory);
    if (decision !== undefined) return decision;
  }
  return undefined;
}

/**
 * Reads a directory's file. An unreadable file and invalid lines are reported: they make a backup larger than intended,
 * never smaller.
 * @param relative path of the directory below its source
 * @param above layer of the nearest directory above
 * @returns `above` if the directory has no such file
 */
export function readLayer(
  directory: Dir,
  relative: Raw,
  above: Layer | undefined,
  monitor: Monitor,
): Layer | undefined {
  const text = readText(directory, monitor);
  if (text === undefined) return above;
  const filter = parseIgnoreFile(text, textOf(joinRaw(directory.path, IGNORE_FILE)), monitor);
  return { filter, prefixLength: relative === "" ? 0 : relative.length + 1, above };
}

/** Parses the text of such a file; invalid lines are reported. @param path of the file, for messages */
export function parseIgnoreFile(text: string, path: string, monitor: Monitor): Filter {
  return parseFilter(parseExcludeFile(text).filter((line) => isUsable(line, path, monitor)), path);
}

/**
 * Text of the file; undefined if there is no readable regular file. A long one is truncated after a whole line, because
 * half a pattern may match more.
 */
function readText(directory: Dir, monitor: Monitor): string | undefined {
  try {
    if (directory.stat(IGNORE_FILE)?.kind !== "file") return undefined;
    using file = directory.open(IGNORE_FILE);
    if (file === undefined) return undefined;
    // One more: what is there then belongs to a file that is longer than that, or is being written to.
    const most = Math.min(file.stat().size, MOST_BYTES), bytes = new Uint8Array(most + 1);
    const read = file.read(bytes, 0);
    if (read <= most) return textOf(rawOfBytes(bytes.subarray(0, read)));
    const path = textOf(joinRaw(directory.path, IGNORE_FILE));
    monitor.notice(`${path} is longer than ${most} bytes: what comes behind them leaves nothing out`);
    return textOf(rawOfBytes(bytes.subarray(0, bytes.subarray(0, most).lastIndexOf(NEWLINE) + 1)));
  } catch (error) {
    if (!(error instanceof DiskFault)) throw error;
    monitor.problem(error);
    return undefined;
  }
}

function isUsable(line: string, path: string, monitor: Monitor): boolean {
  try {
    parseFilter([line]);
    return true;
  } catch (error) {
    if (!(error instanceof BadPattern)) throw error;
    monitor.notice(`${path}: ${error.message}`);
    return false;
  }
}
