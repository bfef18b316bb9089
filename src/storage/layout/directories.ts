/** The directories of a storage: making them, and whether they are as the settings say. */
import { type Raw, rawOf, textOf } from "../../core/raw.ts";
import type { Dir } from "../../platform/disk.ts";
import { DamagedSettings } from "../../snapshot/origin.ts";
import { SplitStorage } from "./faults.ts";
import { leafDirs } from "./item_path.ts";
import type { Settings } from "./settings.ts";

const DB = rawOf("db"), CONTENT = rawOf("content"), TMP = rawOf("tmp");
const PRIVATE = 0o700;
const HEX = /^[0-9a-f]+$/;

/** With a wrong split, everything would seem to be missing. @throws DamagedSettings */
export function checkLayout(storage: Dir, { hexSplit }: Pick<Settings, "hexSplit">): void {
  if (storage.stat(CONTENT)?.kind !== "dir") return;
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

/** What is in the first directory that holds something. */
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

/** All of them, up front: making one while a backup runs would cost a system call per file to find out. */
export function makeLeafDirectories(storage: Dir, settings: Settings): void {
  using content = storage.openDir(CONTENT);
  let opened: { path: string; dir: Dir } | undefined;
  for (const leaf of leafDirs(settings)) {
    const slash = leaf.lastIndexOf("/");
    if (slash < 0) {
      content.mkdir(leaf, PRIVATE);
      continue;
    }
    const parent = leaf.slice(0, slash);
    if (opened?.path !== parent) {
      opened?.dir[Symbol.dispose]();
      content.mkdir(parent as Raw, PRIVATE);
      opened = { path: parent, dir: content.openDir(parent as Raw) };
    }
    opened.dir.mkdir(leaf.slice(slash + 1) as Raw, PRIVATE);
  }
  opened?.dir[Symbol.dispose]();
}

/** @throws SplitStorage */
export function checkOneFileSystem(storage: Dir, path: Raw): void {
  const { device } = storage.statSelf();
  for (const name of [CONTENT, TMP, DB]) {
    const other = storage.stat(name);
    if (other !== undefined && other.device !== device) {
      throw new SplitStorage(path, device, textOf(name), other.device);
    }
  }
}
