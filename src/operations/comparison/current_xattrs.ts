/**
 * Extended attributes of objects that seem unchanged. Where ctimes are reliable, they reveal every change of an
 * attribute. On other file systems nothing in a stat does, so the attributes themselves are compared.
 */
import type { Kind } from "../../core/entry.ts";
import type { Raw } from "../../core/raw.ts";
import { namesInAcls } from "./entry_details.ts";
import { ACL_ATTRIBUTE } from "../../platform/acl.ts";
import { type Dir, type Disk, DiskFault } from "../../platform/disk.ts";
import { encodeXattrs } from "../../platform/xattr_text.ts";
import { encodeLine, parseLine } from "../../snapshot/entry_line.ts";

interface Unchanged {
  /** Beginning of its line. */
  readonly head: string;
  readonly kind: Kind;
  /** Name in `parent`; "" is `parent` itself. */
  readonly name: Raw;
  readonly parent: Dir;
  readonly disk: Disk;
}

/**
 * The line with the object's current attributes. Takes one system call for an object without any, as nearly all are.
 * @returns undefined if the object has to be read again as a whole, because an ACL also determines who may read its
 * content
 */
export function withCurrentXattrs(line: string, { head, kind, name, parent, disk }: Unchanged): string | undefined {
  const xattrs = currentXattrs(name, parent);
  if (xattrs === "unknown") return line;
  const hasSome = line.includes(`,"xattrs":{`, head.length);
  if (xattrs === undefined ? !hasSome : line.includes(`,"xattrs":${JSON.stringify(xattrs)}`, head.length)) return line;
  const { xattrs: before, aclNames: _, ...entry } = parseLine(line);
  if (kind !== "file" || before?.[ACL_ATTRIBUTE] !== xattrs?.[ACL_ATTRIBUTE]) return undefined;
  const aclNames = namesInAcls(xattrs, disk);
  return encodeLine(head, { ...entry, ...(xattrs && { xattrs }), ...(aclNames && { aclNames }) });
}

/** "unknown" where this user may not read them: then they are what they were. */
function currentXattrs(name: Raw, parent: Dir): ReturnType<typeof encodeXattrs> | "unknown" {
  try {
    return encodeXattrs(name === "" ? parent.selfXattrs() : parent.xattrs(name));
  } catch (error) {
    if (error instanceof DiskFault) return "unknown";
    throw error;
  }
}
