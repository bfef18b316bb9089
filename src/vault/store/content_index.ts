/** An index of the contents of a vault and their sizes, in memory. */
import { type ContentId, knownContentId } from "../../core/content_id.ts";
import type { ContentIndex } from "../../snapshot/repository.ts";
import { kindOfItem, LIST_SUFFIX } from "../pack/items.ts";
import type { VaultContents } from "./contents.ts";
import type { UnitIndex } from "./unit_index.ts";

/** Builds the index; reads the lists of large contents. @param damaged contents to exclude */
export async function contentIndexOf(
  index: UnitIndex,
  contents: VaultContents,
  damaged: ReadonlySet<string>,
): Promise<ContentIndex> {
  const large = new Map<ContentId, number>();
  for (const content of largeContents(index)) {
    const size = large.has(content) ? undefined : await contents.sizeOf(content);
    if (size !== undefined) large.set(content, size);
  }
  const sizeOf = (id: ContentId) => index.homesOf(id, "data")[0]?.item.size ?? large.get(id);
  let sizes: Set<number> | undefined;
  const allSizes = () => {
    const sizes = new Set(large.values());
    for (const name of index.unitNames()) {
      if (index.unit(name)?.unitClass !== "data") continue;
      for (const { size } of index.itemsOf(name)) sizes.add(size);
    }
    return sizes;
  };
  return {
    has: (id) => !damaged.has(id) && sizeOf(id) !== undefined,
    sizeOf,
    hasSize: (bytes) => (sizes ??= allSizes()).has(bytes),
    [Symbol.dispose]: () => {},
  };
}

function* largeContents(index: UnitIndex): Generator<ContentId> {
  for (const name of index.unitNames()) {
    if (index.unit(name)?.unitClass !== "meta") continue;
    for (const { id } of index.itemsOf(name)) {
      if (kindOfItem(id) === "list") yield knownContentId(id.slice(0, -LIST_SUFFIX.length));
    }
  }
}
