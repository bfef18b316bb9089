/** What directories, symlinks and special files have besides their stat. */
import { type AclNames, aclNamesOf } from "../../core/acl.ts";
import type { DetailFields } from "../../core/entry.ts";
import type { Monitor } from "../../core/monitor.ts";
import type { BackupEntry } from "./backup_entry.ts";
import { recordedOf } from "./recorded.ts";
import { type Dir, type Disk, DiskFault } from "../../platform/disk.ts";
import { encodeXattrs } from "../../platform/xattr_text.ts";

/** Asks for it. What can't be read is a problem, and noted in the entry. @param parent holds the object */
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

/** Undefined for the many that have none. */
export function namesInAcls(xattrs: DetailFields["xattrs"], disk: Disk): AclNames | undefined {
  return xattrs && aclNamesOf(xattrs, (kind, id) => kind === "user" ? disk.userName(id) : disk.groupName(id));
}
