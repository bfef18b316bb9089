/** Directory names that identify a storage, its parts and the state of this program. */
import type { Random } from "../../core/clock.ts";
import { EMPTY, isBelow, type Raw, rawOf } from "../../core/raw.ts";
import type { OwnPlace } from "../../platform/own_places.ts";

export const DB = rawOf("db"), CONTENT = rawOf("content"), TMP = rawOf("tmp");
/** A directory that may be in a storage without being part of it. */
export const ARCHIVE = rawOf("archive");
/** Directory in which services keep their records, inside their job directories. */
const STATE_NAME = rawOf(".backup-tool");
const TREE_IN_WORK = "backup-tool-tree-";
export const YEAR = /^\d{4}$/;
/** With a number if there are several of that minute, or with digits of the snapshot's id if it was built later. */
export const TREE = /^\d\d-\d\dT\d\d[:-]\d\d(-[\da-f]+)?$/;

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

/**
 * A name for a tree under construction, by which the walk of a source recognises it, by whatever path it gets there.
 */
export function nameInWork(random: Random): string {
  return TREE_IN_WORK + random(8).toHex();
}

/** True for the names of a storage's own directories. @param name relative to the storage */
export function isPart(name: Raw): boolean {
  return name === DB || name === CONTENT || name === TMP || name === "latest" || name === "quarantine" ||
    YEAR.test(name);
}

/** The own place of a directory whose name is sufficient evidence, whoever made it. */
export function placeOfName(name: Raw): OwnPlace | undefined {
  if (name === STATE_NAME) return STATE;
  return name.startsWith(TREE_IN_WORK) ? A_TREE : undefined;
}

/** The own place at a path below a root. @param inside path relative to the root; "" for the root itself */
export function placeIn({ kind }: Pick<OwnPlace, "kind">, inside: Raw): OwnPlace {
  if (kind === "state") return STATE;
  if (inside === "") return THE_STORAGE;
  return { ...(inside === ARCHIVE || isBelow(inside, ARCHIVE) ? IN_ARCHIVE : A_PART), inside };
}
