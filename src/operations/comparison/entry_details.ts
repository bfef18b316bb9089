/** Reads the metadata of directories, symlinks and special files that stat doesn't return. */
import { type AclNames, aclNamesOf } from "../../core/acl.ts";
import type { DetailFields } from "../../core/entry.ts";
import type { Monitor } from "../../core/monitor.ts";
import type { BackupEntry } from "./backup_entry.ts";
import { recordedOf } from "./recorded.ts";
import { type Dir, type Disk, DiskFault } from "../../platform/disk.ts";
import { encodeXattrs } from "../../platform/xattr_text.ts";

/**
 * Reads the metadata. What can't be read is a problem, which is recorded in the entry.
 * @param parent directory that contains the object
 */
export function readDetails(
  { stat, name, learnt }: Pick<BackupEntry, "stat" | "name" | "learnt">,
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

/** Names in the ACLs; undefined for the many objects that have none. */
export function namesInAcls(xattrs: DetailFields["xattrs"], disk: Disk): AclNames | undefined {
  return xattrs && aclNamesOf(xattrs, (kind, id) => kind === "user" ? disk.userName(id) : disk.groupName(id));
}
