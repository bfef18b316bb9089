/** Whether `content/` is split as the settings say: with a wrong split, everything would seem to be missing. */
import { type Raw, rawOf } from "../core/raw.ts";
import type { Dir } from "../platform/disk.ts";
import { DamagedSettings, type Settings } from "./settings.ts";

const CONTENT = rawOf("content");
const HEX = /^[0-9a-f]+$/;

/** @throws DamagedSettings */
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
