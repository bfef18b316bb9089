/** The directories of a storage: creates them, and checks them against the settings. */
import { type Raw, rawOf, textOf } from "../../core/raw.ts";
import type { Dir } from "../../platform/disk.ts";
import { DamagedSettings } from "../../snapshot/origin.ts";
import { makeDirectory } from "./quarantine.ts";
import { LostContent, SplitStorage } from "./faults.ts";
import { leafDirs } from "./item_path.ts";
import type { Settings } from "./settings.ts";

const DB = rawOf("db"), CONTENT = rawOf("content"), TMP = rawOf("tmp");
const PRIVATE = 0o700;
const HEX = /^[0-9a-f]+$/;

/**
 * Checks that `content/` is there and split as the settings say: with a wrong split, everything would seem to be
 * missing.
 * @throws LostContent, DamagedSettings
 */
export function checkLayout(storage: Dir, { hexSplit }: Pick<Settings, "hexSplit">): void {
  if (storage.stat(CONTENT) === undefined) throw new LostContent(storage.path);
  using content = storage.openDir(CONTENT);
  const [first = 0, second] = hexSplit;
  const names = hexNames(content);
  if (!fits(names, first) || (second !== undefined && !fits(namesBelow(content, names), second))) {
    throw new DamagedSettings(`its "hexSplit" is ${JSON.stringify(hexSplit)}, but content/ is split otherwise`);
  }
}

function hexNames(directory: Dir): Raw[] {
  return directory.list().names.filter((name) => HEX.test(name));
}

/** Names in the first directory that isn't empty. */
function namesBelow(content: Dir, names: readonly Raw[]): Raw[] {
  for (const name of names) {
    if (content.stat(name)?.kind !== "dir") continue;
    using directory = content.openDir(name);
    const below = hexNames(directory);
    if (below.length > 0) return below;
  }
  return [];
}

function fits(names: readonly Raw[], digits: number): boolean {
  return names.length === 0 || names.some((name) => name.length === digits);
}

/**
 * Creates all leaf directories in advance: creating them during a backup would cost a system call per file.
 * @returns paths in the storage of objects that were moved out of their way
 */
export function makeLeafDirectories(storage: Dir, { hexSplit }: Pick<Settings, "hexSplit">): string[] {
  using content = storage.openDir(CONTENT);
  const aside: string[] = [];
  makeLevel({ storage, parent: content, above: "", aside }, hexSplit);
  return aside;
}

interface Level {
  readonly storage: Dir;
  readonly parent: Dir;
  /** Hex digits of the directories above it. */
  readonly above: string;
  readonly aside: string[];
}

function makeLevel({ storage, parent, above, aside }: Level, [digits, ...below]: readonly number[]): void {
  if (digits === undefined) return;
  const { names, kinds } = parent.list();
  const there = new Set(names.filter((_, i) => kinds[i] === "dir"));
  for (const name of leafDirs({ hexSplit: [digits] })) {
    const path = above + name;
    const moved = there.has(name) ? undefined : makeDirectory(storage, parent, name, PRIVATE, rawOf(`content-${path}`));
    if (moved !== undefined) aside.push(moved);
    if (below.length === 0) continue;
    using directory = parent.openDir(name);
    makeLevel({ storage, parent: directory, above: path, aside }, below);
  }
}

/** Checks that all directories of a storage are on one file system. @throws SplitStorage */
export function checkOneFileSystem(storage: Dir, path: Raw): void {
  const { device } = storage.statSelf();
  for (const name of [CONTENT, TMP, DB]) {
    const other = storage.stat(name);
    if (other !== undefined && other.device !== device) {
      throw new SplitStorage(path, device, textOf(name), other.device);
    }
  }
}
