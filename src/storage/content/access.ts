/**
 * Decides who may read what through the storage. One inode serves every file with that content, so it may be readable
 * only for those whom all of these files allow. Items belong to the user who runs the tool (another owner could make
 * them writable again), so a file's owner has the access of group and others like everybody else.
 */

/** Permission bits (0o400, 0o440, 0o404 or 0o444) and group of a content item. */
export interface Access {
  readonly mode: number;
  readonly gid: number;
}

/** Access that one source file grants. */
export interface FileAccess {
  readonly mode: number;
  readonly gid: number;
  /** True if the file has an ACL: the group bits are then a mask that may grant more than the group has. */
  readonly hasAcl: boolean;
}

const OWNER_READS = 0o400, GROUP_READS = 0o040, OTHERS_READ = 0o004;

/** The narrowest access: for contents whose users are not all known. */
export const OWNER_ONLY = OWNER_READS;

/**
 * Access of a new item.
 * @param gid the group of the item: that of the file, or another if it could not be set
 */
export function accessFor(file: FileAccess, gid: number): Access {
  return narrow({ mode: OWNER_READS | GROUP_READS | OTHERS_READ, gid }, file);
}

/** The access of `item` once `file` shares its content; never wider than before. */
export function narrow(item: Access, file: FileAccess): Access {
  const groupAllowed = !file.hasAcl && (file.mode & GROUP_READS) !== 0;
  const sameGroup = file.gid === item.gid;
  let mode = OWNER_READS;
  if ((item.mode & GROUP_READS) !== 0 && sameGroup && groupAllowed) mode |= GROUP_READS;
  // Members of the file's group are among the others of the item if the groups differ.
  const othersAllowed = !file.hasAcl && (file.mode & OTHERS_READ) !== 0 && (sameGroup || groupAllowed);
  if ((item.mode & OTHERS_READ) !== 0 && othersAllowed) mode |= OTHERS_READ;
  return { mode, gid: item.gid };
}

/**
 * Mode of a directory whose group could not be set, or has other rights than its bits say: bits that would serve the
 * wrong users are removed.
 */
export function modeWithoutGroup(mode: number): number {
  const others = (mode >> 3) & mode & 0o007;
  return (mode & 0o7700 & ~0o2000) | others;
}
