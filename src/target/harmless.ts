/** What a restore skips if its requester has fewer privileges than this program: the snapshot may be forged. */
import type { Entry } from "../core/entry.ts";
import type { MetadataLoss } from "../core/restore_terms.ts";

const SET_ID_BITS = 0o6000;
/** Kinds of attributes that only root may set, for good reason. */
const PRIVILEGED = /^(?:security|trusted)\./;
const DEVICES: readonly Entry["kind"][] = ["block", "char"];

export function isDevice({ kind }: Pick<Entry, "kind">): boolean {
  return DEVICES.includes(kind);
}

/** Mode and attributes without anything that grants another user's rights. */
export function harmless({ mode, xattrs }: Pick<Entry, "mode" | "xattrs">): Pick<Entry, "mode" | "xattrs"> {
  const names = Object.keys(xattrs ?? {});
  if (xattrs === undefined || !names.some((name) => PRIVILEGED.test(name))) {
    return { mode: mode & ~SET_ID_BITS, ...(xattrs !== undefined && { xattrs }) };
  }
  const kept = Object.entries(xattrs).filter(([name]) => !PRIVILEGED.test(name));
  return { mode: mode & ~SET_ID_BITS, xattrs: Object.fromEntries(kept) };
}

/** Descriptions of what {@link harmless} removes. */
export function leftOutOf({ mode, xattrs }: Pick<Entry, "mode" | "xattrs">): readonly MetadataLoss[] {
  const names = Object.keys(xattrs ?? {}).filter((name) => PRIVILEGED.test(name));
  return [
    ...((mode & SET_ID_BITS) !== 0 ? ["the set-user-ID and set-group-ID bits (skipped on purpose)"] : []),
    ...names.map((name) => `the attribute ${name} (skipped on purpose)`),
  ];
}
