/**
 * Recovers the settings of a storage without db/main: roots record the storage's id and algorithm, and the directories
 * show the split of ids. A root may have been copied from elsewhere, so the split that it records proves nothing.
 */
import { classOfId, ROOT_SUFFIX } from "../../core/content_id.ts";
import { ALGORITHMS, digestHexLength, hashBytes } from "../../core/digest.ts";
import { Fault } from "../../core/fault.ts";
import { joinRaw, type Raw, rawOf, splitRaw } from "../../core/raw.ts";
import type { Dir } from "../../platform/disk.ts";
import { FORMAT_VERSION, NewerFormat } from "../../snapshot/origin.ts";
import { rootOrigin } from "../../snapshot/root.ts";
import { idOf, LARGEST_MANIFEST_BYTES } from "./item_path.ts";
import type { Settings } from "./settings.ts";

const MOST_LEVELS = 2;
/** Names of leaf directories and of their parents. */
const HEX = /^[0-9a-f]{1,3}$/;

/** Settings of the first sound root in `content`; undefined if there is none. @throws NewerFormat if all are too new */
export function recoverSettings(content: Dir): Settings | undefined {
  let newer: NewerFormat | undefined;
  for (const leaf of leavesOf(content, rawOf(""), 0)) {
    using directory = content.openPath(leaf);
    for (const name of directory.list().names) {
      if (!isRootName(idOf(leaf, name))) continue;
      const settings = settingsIn(directory, leaf, name);
      if (settings instanceof NewerFormat) newer = settings;
      else if (settings !== undefined) return settings;
    }
  }
  if (newer !== undefined) throw newer;
  return undefined;
}

/** True for a root of any algorithm: no content has an id of that length and ending. */
function isRootName(id: string): boolean {
  return ALGORITHMS.some((algorithm) => classOfId(id, digestHexLength(algorithm)) === "root");
}

/** Directories that may have items. Directories below the deepest possible split are ignored. */
function* leavesOf(content: Dir, path: Raw, level: number): Generator<Raw> {
  using directory = content.openPath(path);
  const { names } = directory.list();
  const directories = names.filter((name) => HEX.test(name) && directory.stat(name)?.kind === "dir");
  if (directories.length === 0 && path !== "") yield path;
  if (level === MOST_LEVELS) return;
  for (const name of directories) yield* leavesOf(content, joinRaw(path, name), level + 1);
}

/** The settings in a root; undefined unless the file is an intact root at the path that its own settings give it. */
function settingsIn(directory: Dir, leaf: Raw, name: Raw): Settings | NewerFormat | undefined {
  if (directory.stat(name)?.kind !== "file") return undefined;
  using file = directory.open(name);
  const size = file?.stat().size ?? 0;
  if (file === undefined || size > LARGEST_MANIFEST_BYTES) return undefined;
  const bytes = new Uint8Array(size);
  if (file.read(bytes, 0) !== size) return undefined;
  try {
    const hexSplit = splitRaw(leaf, "/").map((level) => level.length);
    const settings: Settings = { version: FORMAT_VERSION, ...rootOrigin(bytes), hexSplit };
    return hashBytes(settings.algorithm, bytes) + ROOT_SUFFIX === idOf(leaf, name) ? settings : undefined;
  } catch (error) {
    if (error instanceof NewerFormat) return error;
    if (error instanceof Fault) return undefined;
    throw error;
  }
}
