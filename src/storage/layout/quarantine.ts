/**
 * Moves what is out of place or can't be repaired to `quarantine/`: it is out of the way but not lost, in case a person
 * can still use it. Only for a writer.
 */
import { openDirIfThere } from "../../platform/open_optional.ts";
import { type Raw, raw, rawOf } from "../../core/raw.ts";
import { type Dir, DiskFault } from "../../platform/disk.ts";
import { itemPath } from "../layout/item_path.ts";
import type { Settings } from "../layout/settings.ts";

const QUARANTINE = rawOf("quarantine");
const CONTENT = rawOf("content");
const PRIVATE = 0o700;

/** Moves an item of `content/` to `quarantine/`. @returns its path in the storage; undefined if it doesn't exist */
export function quarantine(storage: Dir, settings: Pick<Settings, "hexSplit">, id: string): string | undefined {
  const { dir, name } = itemPath(settings, id);
  using content = storage.openDir(CONTENT);
  using leaf = openDirIfThere(content, dir);
  if (leaf === undefined || leaf.stat(name) === undefined) return undefined;
  return setAside(storage, leaf, name, rawOf(id));
}

/** Moves any object from `name` to `quarantine/`, durably. @param as its name there @returns its path in the storage */
export function setAside(storage: Dir, from: Dir, name: Raw, as: Raw): string {
  storage.mkdir(QUARANTINE, PRIVATE);
  using away = storage.openDir(QUARANTINE);
  const free = freeName(away, as);
  moveAnything(from, name, away, free);
  away.sync();
  from.sync();
  return `${QUARANTINE}/${free}`;
}

/**
 * Makes room for a regular file: an object of another kind with its name is moved to `quarantine/`.
 * @returns the object's path in the storage; undefined if nothing was in the way
 */
export function clearForFile(storage: Dir, directory: Dir, name: Raw, as: Raw): string | undefined {
  const stat = directory.stat(name);
  return stat === undefined || stat.kind === "file" ? undefined : setAside(storage, directory, name, as);
}

/**
 * Makes sure that a directory exists: an object of another kind with its name is moved to `quarantine/`.
 * @param as name of that object in `quarantine/`
 * @returns the object's path in the storage; undefined if nothing was in the way
 */
export function makeDirectory(storage: Dir, parent: Dir, name: Raw, mode: number, as: Raw = name): string | undefined {
  if (parent.mkdir(name, mode) || parent.stat(name)?.kind === "dir") return undefined;
  const place = setAside(storage, parent, name, as);
  parent.mkdir(name, mode);
  return place;
}

/** The first free name of "wanted", "wanted-2" ...: an item may be damaged, repaired and damaged again. */
function freeName(directory: Dir, wanted: Raw): Raw {
  let name = wanted;
  for (let n = 2; directory.stat(name) !== undefined; n++) name = raw`${wanted}-${n}`;
  return name;
}

/** Moves an object. A directory is made writable for that: even its owner can't move one without write permission. */
function moveAnything(from: Dir, name: Raw, to: Dir, toName: Raw): void {
  try {
    from.rename(name, to, toName);
  } catch (error) {
    const stat = error instanceof DiskFault && error.errno === "EACCES" ? from.stat(name) : undefined;
    if (stat?.kind !== "dir") throw error;
    from.setAttributes(name, { mode: stat.mode | PRIVATE });
    from.rename(name, to, toName);
  }
}
