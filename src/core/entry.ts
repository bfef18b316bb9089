/** What a snapshot knows of one file, directory or other object of the source. */
import type { AclNames } from "./acl.ts";
import type { Apath } from "./apath.ts";
import type { ContentId } from "./content_id.ts";
import type { Raw } from "./raw.ts";

export const KINDS = ["file", "dir", "symlink", "fifo", "socket", "char", "block"] as const;
export type Kind = typeof KINDS[number];

/** The bits of stat's mode that hold the kind (inode(7)). */
export const KIND_BITS: Readonly<Record<Kind, number>> = {
  fifo: 0o010000,
  char: 0o020000,
  dir: 0o040000,
  block: 0o060000,
  file: 0o100000,
  symlink: 0o120000,
  socket: 0o140000,
};

/** Nanoseconds since 1970 as decimal text: beyond what a number holds, and cheaper to compare and write than a bigint. */
export type NsText = string;

/** Metadata that stat returns. */
export interface StatFields {
  readonly kind: Kind;
  /** Bytes of a regular file; 0 for every other kind. */
  readonly size: number;
  readonly mtime: NsText;
  /** Time of the last change of content or attributes; absent where the platform has no reliable one. */
  readonly ctime?: NsText;
  /** Inode number in decimal; absent where the file system has no reliable one. */
  readonly inode?: string;
  /** Permission, setuid, setgid and sticky bits: 0 to 0o7777. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Names of owner and group, if the machine knows them. */
  readonly user?: string;
  readonly group?: string;
  /** Set only for devices. */
  readonly device?: { readonly major: number; readonly minor: number };
}

/** Metadata that can only be read by opening the object. */
export interface DetailFields {
  /** Set only for regular files whose content is kept. */
  readonly content?: ContentId;
  /** Set only for symlinks: their target, as bytes. */
  readonly target?: Raw;
  /** The same value for all names of one file that has several hard links in this snapshot. */
  readonly hardLink?: string;
  /** The file occupies fewer blocks than its size needs; restore makes holes. */
  readonly sparse?: true;
  /** Extended attributes, POSIX ACLs among them: attribute name (text form of its bytes) to value in base64, sorted by name. */
  readonly xattrs?: Readonly<Record<string, string>>;
  /** Names of the users and groups in its ACLs, if the machine knew them. */
  readonly aclNames?: AclNames;
  /** What went wrong with this object, one sentence each; an unreadable file has a problem and no content. */
  readonly problems?: readonly string[];
  /** Creation time, if the file system records it. Kept for information only: no system call can set it. */
  readonly birthtime?: NsText;
  /** Names of the inode's flags, such as "immutable", in alphabetical order. Kept for information only. */
  readonly flags?: readonly string[];
}

export interface Entry extends StatFields, DetailFields {
  readonly path: Apath;
}
