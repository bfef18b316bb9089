/** Names of directories by which a storage, its parts and the state of this program are known. */
import type { Random } from "../../core/clock.ts";
import { EMPTY, isBelow, type Raw, rawOf } from "../../core/raw.ts";
import type { OwnPlace } from "../../platform/own_places.ts";

export const DB = rawOf("db"), CONTENT = rawOf("content"), TMP = rawOf("tmp");
/** What may lie in a storage and is no part of it. */
export const ARCHIVE = rawOf("archive");
/** Where services keep their records, in their job directories. */
const STATE_NAME = rawOf(".backup-tool");
const TREE_IN_WORK = "backup-tool-tree-";
export const YEAR = /^\d{4}$/;
export const TREE = /^\d\d-\d\dT\d\d[:-]\d\d(-\d+)?$/;

export const THE_STORAGE: OwnPlace = { why: "it is the storage itself", kind: "storage", inside: EMPTY };
export const A_VIEW: OwnPlace = {
  why: "it is the storage itself, by another way, or a copy of it",
  kind: "storage",
  inside: EMPTY,
};
export const A_PART: OwnPlace = { why: "it is a part of the storage", kind: "storage" };
export const STATE: OwnPlace = { why: "the state of this program is kept there", kind: "state" };
const IN_ARCHIVE: OwnPlace = { why: "it belongs to the archive of the storage", kind: "archive" };
const A_TREE: OwnPlace = { why: "a tree is being made there", kind: "storage" };

/** A name for a tree while it is made: by it the walk of a source knows one, by whichever way it comes there. */
export function nameInWork(random: Random): string {
  return TREE_IN_WORK + random(8).toHex();
}

/** True for the directories that a storage has. @param name in it */
export function isPart(name: Raw): boolean {
  return name === DB || name === CONTENT || name === TMP || name === "latest" || name === "quarantine" ||
    YEAR.test(name);
}

/** Directories whose names say all, whoever made them. */
export function placeOfName(name: Raw): OwnPlace | undefined {
  if (name === STATE_NAME) return STATE;
  return name.startsWith(TREE_IN_WORK) ? A_TREE : undefined;
}

/** @param inside path below the root; "" for itself */
export function placeIn({ kind }: Pick<OwnPlace, "kind">, inside: Raw): OwnPlace {
  if (kind === "state") return STATE;
  if (inside === "") return THE_STORAGE;
  return { ...(inside === ARCHIVE || isBelow(inside, ARCHIVE) ? IN_ARCHIVE : A_PART), inside };
}
