/** Directories, symlinks and special files of a snapshot in the making: they are dealt with at once. */
import { type AclNames, aclNamesOf } from "../../core/acl.ts";
import { nameOf } from "../../core/apath.ts";
import type { DetailFields } from "../../core/entry.ts";
import type { Monitor } from "../../core/monitor.ts";
import type { Raw } from "../../core/raw.ts";
import type { Stat } from "../../core/stat.ts";
import type { PendingEntry } from "./pending_entry.ts";
import { recordedOf } from "./recorded.ts";
import { type Dir, type Disk, DiskFault } from "../../platform/disk.ts";
import { encodeXattrs } from "../../platform/xattr_text.ts";
import { parseLine } from "../../snapshot/entry_line.ts";
import type { TreeBuilder } from "../../storage/tree/tree_builder.ts";

/** What such an object has besides its stat. @param parent holds it */
export function readDetails(
  { stat, name, learnt }: PendingEntry,
  parent: Dir,
  disk: Disk,
  monitor: Monitor,
): DetailFields {
  try {
    const target = stat.kind === "symlink" ? parent.readlink(name) : undefined;
    const xattrs = encodeXattrs(name === "" ? parent.selfXattrs() : parent.xattrs(name));
    const aclNames = namesInAcls(xattrs, disk);
    return {
      ...(target !== undefined && { target }),
      ...learnt,
      ...(xattrs !== undefined && { xattrs }),
      ...(aclNames !== undefined && { aclNames }),
      ...recordedOf(stat),
    };
  } catch (error) {
    if (!(error instanceof DiskFault)) throw error;
    monitor.problem(error);
    return { problems: [error.message], ...recordedOf(stat) };
  }
}

/**
 * Directories and symlinks appear in the tree; devices, sockets and pipes are left to restore.
 * @param tree its directory @returns false if something has the name there
 */
export function placeInTree(pending: PendingEntry, tree: Dir, builder: TreeBuilder, disk: Disk): boolean {
  const { stat } = pending;
  if (stat.kind === "dir") builder.makeDirectory(tree, pending.directory!);
  if (stat.kind !== "symlink") return true;
  const name = nameOf(pending.path), { target } = parseLine(pending.line!);
  return target === undefined || showSymlink({ target, name, ...stat }, tree, disk);
}

/** @param tree its directory in the tree @returns false if something has the name there */
export function showSymlink(
  { target, name, uid, gid, mtime }: Pick<Stat, "uid" | "gid" | "mtime"> & { readonly target: Raw; readonly name: Raw },
  tree: Dir,
  disk: Disk,
): boolean {
  try {
    tree.symlink(target, name);
  } catch (error) {
    if (error instanceof DiskFault && error.errno === "EEXIST") return false;
    throw error;
  }
  tree.setAttributes(name, disk.uid === 0 ? { uid, gid, mtime } : { mtime });
  return true;
}

/** Undefined for the many that have none. */
export function namesInAcls(xattrs: DetailFields["xattrs"], disk: Disk): AclNames | undefined {
  return xattrs && aclNamesOf(xattrs, (kind, id) => kind === "user" ? disk.userName(id) : disk.groupName(id));
}
