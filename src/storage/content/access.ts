/**
 * Who may read what through the storage. One inode serves every file with that content, so it may show itself only to
 * those whom all of these files allow. Content belongs to the user who runs the tool (an owner could make it writable
 * again), so a file's owner is served by the group and other bits like everybody else.
 */

/** Permission bits (0o400, 0o440, 0o404 or 0o444) and group of a content item. */
export interface Access {
  readonly mode: number;
  readonly gid: number;
}

/** What one source file allows. */
export interface FileAccess {
  readonly mode: number;
  readonly gid: number;
  /** An ACL turns the group bits into a mask that may promise more than the group has. */
  readonly hasAcl: boolean;
}

const OWNER_READS = 0o400, GROUP_READS = 0o040, OTHERS_READ = 0o004;

/** The narrowest access: for content of which not every user is known. */
export const OWNER_ONLY = OWNER_READS;

/** Access of a new item. @param gid the group that the item has: the file's group, or another if that could not be given */
export function accessFor(file: FileAccess, gid: number): Access {
  return narrow({ mode: OWNER_READS | GROUP_READS | OTHERS_READ, gid }, file);
}

/** What is left of `item`'s access when `file` shares the content. Never wider than before. */
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

/** Mode of a directory whose group could not be set, or has other rights than its bits say: bits that would serve the wrong people are dropped. */
export function modeWithoutGroup(mode: number): number {
  const others = (mode >> 3) & mode & 0o007;
  return (mode & 0o7700 & ~0o2000) | others;
}
