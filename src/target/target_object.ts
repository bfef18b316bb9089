/**
 * What a restore handles besides the contents of files: special objects, and attributes by name or of a directory
 * itself.
 */
import { nameOf } from "../core/apath.ts";
import type { Entry } from "../core/entry.ts";
import type { Raw } from "../core/raw.ts";
import type { WantedAttributes } from "../core/restore_terms.ts";
import { type Dir, DiskFault } from "../platform/disk.ts";
import type { ExtractTask } from "../snapshot/extract_batch.ts";
import { NotBackedUp } from "../snapshot/faults.ts";
import type { Attributed } from "./attributes.ts";

/** Mode bits that the owner of a directory needs to work in it. */
const WRITABLE = 0o700;

/**
 * Makes a symlink, pipe, socket or device. @returns false for a device that this user may not make @throws NotBackedUp,
 * DiskFault
 */
export function makeNode(entry: Entry, into: Dir, name: Raw): boolean {
  const { kind, target, device } = entry;
  if (kind === "symlink") {
    if (target === undefined) throw new NotBackedUp(entry);
    into.symlink(target, name);
    return true;
  }
  try {
    into.mknod(name, 0o600, kind, device ?? { major: 0, minor: 0 });
    return true;
  } catch (error) {
    if (error instanceof DiskFault && error.errno === "EPERM" && device !== undefined) return false;
    throw error;
  }
}

/**
 * Makes a directory writable until it gets its final mode. A failure is ignored: everything in it may be right already.
 */
export function makeWritable(parent: Dir, name: Raw): void {
  const there = parent.stat(name);
  if (there === undefined || (there.mode & WRITABLE) === WRITABLE) return;
  try {
    parent.setAttributes(name, { mode: there.mode | WRITABLE });
  } catch (error) {
    if (!(error instanceof DiskFault && error.errno === "EPERM")) throw error;
  }
}

/** The task for a file. @param wanted attributes for the file @throws NotBackedUp */
export function taskOf(entry: Entry, { mtime, mode, owner, xattrs }: WantedAttributes): ExtractTask {
  const { path, content, size, sparse } = entry;
  if (content === undefined) throw new NotBackedUp(entry);
  return { name: nameOf(path), content, size, sparse: sparse === true, mtime, mode, owner, xattrs };
}

export function selfOf(directory: Dir): Attributed {
  return {
    setAttributes: (attributes) => directory.setSelfAttributes(attributes),
    setXattr: (name, value) => directory.setSelfXattr(name, value),
    xattrs: () => directory.selfXattrs(),
  };
}

/** Attributes of a symlink, pipe, socket or device, by name. */
export function namedIn(directory: Dir, name: Raw, isSymlink: boolean): Attributed {
  return {
    setAttributes: ({ mode, ...others }) =>
      directory.setAttributes(name, isSymlink || mode === undefined ? others : { ...others, mode }),
    setXattr: (attribute, value) => directory.setXattr(name, attribute, value),
    xattrs: () => directory.xattrs(name),
  };
}
