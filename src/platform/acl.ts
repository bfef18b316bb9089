import type { Stat } from "../core/stat.ts";

/** Extended attribute that holds an ACL. */
export const ACL_ATTRIBUTE = "system.posix_acl_access";

/** True if everybody may pass through the directory. */
export function isPassable(directory: Stat): boolean {
  return (directory.mode & 0o001) !== 0;
}
