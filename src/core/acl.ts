/** POSIX ACLs as Linux keeps them in extended attributes (linux/posix_acl_xattr.h), and the names in them. */

/** Extended attributes: name (text form of its bytes) to value in base64. */
export type Xattrs = Readonly<Record<string, string>>;

/** Attributes that hold ACLs, with their names in tar files. */
export const ACL_ATTRIBUTES = { "system.posix_acl_access": "access", "system.posix_acl_default": "default" } as const;

export type AclKind = "user" | "group";

/** Entries of one ACL; `id` is that of a named user or group, undefined for the others. */
export interface AclEntry {
  readonly tag: number;
  /** Bits: read 4, write 2, execute 1. */
  readonly rights: number;
  readonly id: number | undefined;
}

/** Names of the users and groups of an object's ACLs, by number in decimal. */
export interface AclNames {
  readonly users?: Readonly<Record<string, string>>;
  readonly groups?: Readonly<Record<string, string>>;
}

const VERSION = 2, HEADER_BYTES = 4, ENTRY_BYTES = 8;
const NO_ID = 0xffff_ffff;
const USER_OWNER = 0x01, USER = 0x02, GROUP_OWNER = 0x04, GROUP = 0x08, MASK = 0x10, OTHERS = 0x20;

const LABELS: ReadonlyMap<number, string> = new Map([
  [USER_OWNER, "user"],
  [USER, "user"],
  [GROUP_OWNER, "group"],
  [GROUP, "group"],
  [MASK, "mask"],
  [OTHERS, "other"],
]);

/** Parses an ACL. @param base64 value of the attribute @returns undefined if it isn't an ACL of a known format */
export function parseAcl(base64: string): AclEntry[] | undefined {
  const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  const view = new DataView(bytes.buffer);
  if (bytes.length < HEADER_BYTES || (bytes.length - HEADER_BYTES) % ENTRY_BYTES !== 0) return undefined;
  if (view.getUint32(0, true) !== VERSION) return undefined;
  const entries: AclEntry[] = [];
  for (let at = HEADER_BYTES; at < bytes.length; at += ENTRY_BYTES) {
    const tag = view.getUint16(at, true);
    if (!LABELS.has(tag)) return undefined;
    entries.push({
      tag,
      rights: view.getUint16(at + 2, true),
      id: kindOf(tag) === undefined ? undefined : view.getUint32(at + 4, true),
    });
  }
  return entries;
}

/** Encodes an ACL as the value of its attribute. @returns base64 */
export function encodeAcl(entries: readonly AclEntry[]): string {
  const view = new DataView(new ArrayBuffer(HEADER_BYTES + ENTRY_BYTES * entries.length));
  view.setUint32(0, VERSION, true);
  for (const [index, { tag, rights, id = NO_ID }] of entries.entries()) {
    const at = HEADER_BYTES + ENTRY_BYTES * index;
    view.setUint16(at, tag, true);
    view.setUint16(at + 2, rights, true);
    view.setUint32(at + 4, id, true);
  }
  return btoa(String.fromCharCode(...new Uint8Array(view.buffer)));
}

/** What the number of an entry is of. */
function kindOf(tag: number): AclKind | undefined {
  return tag === USER ? "user" : tag === GROUP ? "group" : undefined;
}

/** Looks up the name of a user or group; undefined if it has none. */
export type NameOf = (kind: AclKind, id: number) => string | undefined;

/** Names in the ACLs among these attributes; undefined if there are none. */
export function aclNamesOf(xattrs: Xattrs | undefined, nameOf: NameOf): AclNames | undefined {
  if (xattrs === undefined) return undefined;
  const users: Record<string, string> = {}, groups: Record<string, string> = {};
  for (const attribute of Object.keys(ACL_ATTRIBUTES)) {
    const acl = xattrs[attribute] === undefined ? undefined : parseAcl(xattrs[attribute]);
    for (const { tag, id } of acl ?? []) {
      const kind = kindOf(tag), name = kind === undefined ? undefined : nameOf(kind, id!);
      if (name !== undefined) (kind === "user" ? users : groups)[id!] = name;
    }
  }
  const hasUsers = Object.keys(users).length > 0, hasGroups = Object.keys(groups).length > 0;
  return hasUsers || hasGroups ? { ...(hasUsers && { users }), ...(hasGroups && { groups }) } : undefined;
}

/** The name that a numeric id in an ACL had at the time of the backup; undefined if none was recorded. */
export function nameIn({ users, groups }: AclNames, kind: AclKind, id: number): string | undefined {
  return (kind === "user" ? users : groups)?.[id];
}

/** Looks up the number of a name on this machine; undefined if it has none. */
export type IdOf = (kind: AclKind, name: string) => number | undefined;

/**
 * Maps ACLs to this machine: as with owners, names take precedence over numbers. An entry that can't be mapped keeps
 * its number, and is dropped if another entry was mapped to that number, because it would name somebody else.
 */
export function withMappedAcls(
  { xattrs, aclNames }: { readonly xattrs?: Xattrs | undefined; readonly aclNames?: AclNames | undefined },
  idOf: IdOf,
): Xattrs | undefined {
  if (xattrs === undefined || aclNames === undefined) return xattrs;
  const mapped = { ...xattrs };
  for (const attribute of Object.keys(ACL_ATTRIBUTES)) {
    const value = xattrs[attribute], acl = value === undefined ? undefined : parseAcl(value);
    if (acl !== undefined) mapped[attribute] = encodeAcl(mapAcl(acl, aclNames, idOf));
  }
  return mapped;
}

function mapAcl(acl: readonly AclEntry[], names: AclNames, idOf: IdOf): AclEntry[] {
  const mapped = acl.map((entry) => {
    const kind = kindOf(entry.tag);
    const name = kind === undefined ? undefined : nameIn(names, kind, entry.id!);
    const id = name === undefined ? undefined : idOf(kind!, name);
    return { ...entry, id: id ?? entry.id, isSure: id !== undefined };
  });
  const kept = mapped.filter((entry) => entry.isSure || !mapped.some((other) => other.isSure && isSame(entry, other)));
  // In the order that the system's tools give them.
  return kept.sort((a, b) => a.tag - b.tag || (a.id ?? 0) - (b.id ?? 0)).map(({ tag, rights, id }) => ({
    tag,
    rights,
    id,
  }));
}

function isSame(a: AclEntry, b: AclEntry): boolean {
  return a.tag === b.tag && a.id === b.id;
}

/** Anything else would end a field of the text. */
const IS_WORD = /^[^\s,:#]+$/;

/** Formats an ACL as tar files hold it: "user::rw-,user:alice:r--:1500,group::r--,mask::r--,other::---". */
export function aclText(acl: readonly AclEntry[], names: AclNames): string {
  return acl.map(({ tag, rights, id }) => {
    const kind = kindOf(tag), known = kind === undefined ? undefined : nameIn(names, kind, id!);
    const name = known !== undefined && IS_WORD.test(known) ? known : undefined;
    const bits = `${rights & 4 ? "r" : "-"}${rights & 2 ? "w" : "-"}${rights & 1 ? "x" : "-"}`;
    return `${LABELS.get(tag)}:${name ?? id ?? ""}:${bits}${name === undefined ? "" : `:${id}`}`;
  }).join(",");
}
