/** What a restore makes and finds besides the contents of files: nodes, and attributes by name or of a directory itself. */
import { nameOf } from "../../core/apath.ts";
import type { Entry } from "../../core/entry.ts";
import type { Raw } from "../../core/raw.ts";
import { type Dir, DiskFault } from "../../platform/disk.ts";
import type { ExtractTask } from "../../snapshot/extract_batch.ts";
import type { Present, Wanted } from "../../target/attributes.ts";

/** What the owner of a directory needs to work in it. */
const WRITABLE = 0o700;

/** False for a device that this user may not make. */
export function makeNode({ kind, target, device }: Entry, into: Dir, name: Raw): boolean {
  if (kind === "symlink") {
    into.symlink(target!, name);
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

/** Until it gets its own mode. Who may not do that may still find everything in it right. */
export function makeWritable(parent: Dir, name: Raw): void {
  const { mode } = parent.stat(name)!;
  if ((mode & WRITABLE) === WRITABLE) return;
  try {
    parent.setAttributes(name, { mode: mode | WRITABLE });
  } catch (error) {
    if (!(error instanceof DiskFault && error.errno === "EPERM")) throw error;
  }
}

/** @param wanted what the file gets */
export function taskOf(entry: Entry, wanted: Wanted): ExtractTask {
  return {
    name: nameOf(entry.path),
    content: entry.content!,
    size: entry.size,
    sparse: entry.sparse === true,
    mtime: wanted.mtime,
    mode: wanted.mode,
    owner: wanted.owner,
    xattrs: wanted.xattrs,
  };
}

export function selfOf(directory: Dir): Present {
  return {
    setAttributes: (attributes) => directory.setSelfAttributes(attributes),
    setXattr: (name, value) => directory.setSelfXattr(name, value),
    xattrs: () => directory.selfXattrs(),
  };
}

/** A symlink, pipe, socket or device. */
export function namedIn(directory: Dir, name: Raw, isSymlink: boolean): Present {
  return {
    setAttributes: ({ mode, ...others }) =>
      directory.setAttributes(name, isSymlink || mode === undefined ? others : { ...others, mode }),
    setXattr: (attribute, value) => directory.setXattr(name, attribute, value),
    xattrs: () => directory.xattrs(name),
  };
}
