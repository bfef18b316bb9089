/** Files in the tree itself that list what is excluded from it, as .gitignore files do. */
import { type Apath, knownApath } from "../core/apath.ts";
import type { Monitor } from "../core/monitor.ts";
import { joinRaw, type Raw, rawOf, rawOfBytes, textOf } from "../core/raw.ts";
import { type Dir, DiskFault } from "../platform/disk.ts";
import { parseExcludeFile } from "./exclude_lists.ts";
import { type Decision, type Filter, parseFilter } from "./filter.ts";
import { BadPattern } from "./pattern.ts";

export const IGNORE_FILE = rawOf(".backupignore");
/** Anybody may have written such a file: it must not fill the memory. The rest is ignored, with a warning. */
const MOST_BYTES = 1024 * 1024;
const NEWLINE = 0x0a;

/** The patterns of one directory's file; they hold for the directory and below. */
export interface Layer {
  readonly filter: Filter;
  /** Characters of the directory's path, so that what follows is a path of its own. */
  readonly prefixLength: number;
  /** Of the nearest directory above that has such a file. */
  readonly above: Layer | undefined;
}

/** The last pattern of the deepest file that has a fitting one. @param path relative to its source, beginning with "/" */
export function decideByLayers(layer: Layer | undefined, path: Apath, isDirectory: boolean): Decision | undefined {
  for (let at = layer; at !== undefined; at = at.above) {
    const decision = at.filter.decide(knownApath(path.slice(at.prefixLength)), isDirectory);
    if (decision !== undefined) return decision;
  }
  return undefined;
}

/**
 * Reads a directory's file. An unreadable file and an invalid line are reported: more is backed up then than was meant,
 * never less.
 * @param relative the directory, below its source
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

/** Its patterns; invalid lines are reported. @param path of the file, for messages */
export function parseIgnoreFile(text: string, path: string, monitor: Monitor): Filter {
  return parseFilter(parseExcludeFile(text).filter((line) => isUsable(line, path, monitor)), path);
}

/** Undefined if there is no such regular file, or it can't be read. Of a long one, whole lines: half a pattern may fit more. */
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
