/** Where damaged items go that nothing could heal: out of the way, and not lost, for a person may still make something of them. */
import { type Raw, rawOf } from "../../core/raw.ts";
import { type Dir, openIfThere } from "../../platform/disk.ts";
import { itemPath } from "../layout/item_path.ts";
import type { Settings } from "../layout/settings.ts";

const QUARANTINE = rawOf("quarantine");
const CONTENT = rawOf("content");
const PRIVATE = 0o700;

/** Moves an item of `content/` to `quarantine/`. Only for a writer. @returns its place in the storage; undefined if it is not there */
export function quarantine(storage: Dir, settings: Pick<Settings, "hexSplit">, id: string): string | undefined {
  const { dir, name } = itemPath(settings, id);
  using content = storage.openDir(CONTENT);
  using leaf = openIfThere(content, dir);
  if (leaf === undefined || leaf.stat(name) === undefined) return undefined;
  storage.mkdir(QUARANTINE, PRIVATE);
  using away = storage.openDir(QUARANTINE);
  const free = freeName(away, id);
  leaf.rename(name, away, free);
  away.sync();
  leaf.sync();
  return `${QUARANTINE}/${free}`;
}

/** An item may be damaged, healed and damaged again. */
function freeName(directory: Dir, id: string): Raw {
  let name = rawOf(id);
  for (let n = 2; directory.stat(name) !== undefined; n++) name = rawOf(`${id}-${n}`);
  return name;
}
