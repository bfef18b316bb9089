/** What a storage needs, found out as FORMAT.md says and without any code of the program. */
import { gunzipSync } from "node:zlib";
import type { World } from "./world.ts";

/** Ids of all roots, hunks and contents that the roots in `content/` refer to, sorted. */
export function neededItems(world: World): string[] {
  const items = world.items(), needed = new Set<string>();
  for (const [id, path] of items) {
    if (!id.endsWith("f0") || id.length !== 66) continue;
    needed.add(id);
    for (const { id: hunk } of JSON.parse(Deno.readTextFileSync(path)).hunks) {
      needed.add(hunk);
      const text = gunzipSync(Deno.readFileSync(items.get(hunk)!)).toString();
      for (const line of text.trimEnd().split("\n")) {
        const { content } = JSON.parse(line);
        if (content !== undefined) needed.add(content);
      }
    }
  }
  return [...needed].sort();
}
