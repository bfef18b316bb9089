/** The mount table of this process, as Linux reports it: proc_pid_mountinfo(5). */
import { knownRaw, type Raw, rawOf, rawOfBytes, replaceBytes } from "../core/raw.ts";
import { type Disk, DiskFault, type Mount } from "./disk.ts";

const SELF = rawOf("/proc/self"), TABLE = rawOf("mountinfo");
const CHUNK_BYTES = 64 * 1024;

/** Reads the table; empty where there is none. */
export function readMounts(disk: Pick<Disk, "openDir">): Mount[] {
  try {
    using self = disk.openDir(SELF);
    using file = self.open(TABLE);
    const chunk = new Uint8Array(CHUNK_BYTES);
    let text = "";
    for (let got = file?.read(chunk, 0) ?? 0; got > 0; got = file!.read(chunk, text.length)) {
      text += rawOfBytes(chunk.subarray(0, got));
    }
    return parseMounts(knownRaw(text));
  } catch (error) {
    if (error instanceof DiskFault) return [];
    throw error;
  }
}

/** Parses the table. Incomplete lines are skipped. */
export function parseMounts(table: Raw): Mount[] {
  const mounts: Mount[] = [];
  for (const line of table.split("\n")) {
    const [own = "", kind = ""] = line.split(" - ");
    const [id, , device, root, point] = own.split(" ");
    if (id === undefined || device === undefined || root === undefined || point === undefined) continue;
    mounts.push({ id, device, root: unescaped(root), point: unescaped(point), shows: shownBy(kind) });
  }
  return mounts;
}

/** @param kind type, source and options of the file system: "fuse bindfs#/a" or "overlay overlay rw,lowerdir=/a:/b" */
function shownBy(kind: string): Raw[] {
  const [, source = "", options = ""] = kind.split(" ");
  const named = [source, ...options.split(",").map((option) => option.slice(option.indexOf("=") + 1))].map(unescaped);
  // A colon stands between two paths, or in a name.
  const paths = named.flatMap((one) => [one, ...one.split(":")]).filter((path): path is Raw => path.startsWith("/"));
  return [...new Set(paths)];
}

/**
 * The mount that contains an absolute path without symlinks: of several on the nearest mount point, the last, which
 * hides the others.
 */
export function mountAround(mounts: readonly Mount[], path: Raw): Mount | undefined {
  let nearest: Mount | undefined;
  for (const mount of mounts) {
    const { point } = mount;
    const isAround = point === "/" || path === point || path.startsWith(`${point}/`);
    if (isAround && point.length >= (nearest?.point.length ?? 0)) nearest = mount;
  }
  return nearest;
}

/** Spaces, tabs, newlines and backslashes stand there as octal numbers. */
function unescaped(field: string): Raw {
  return replaceBytes(knownRaw(field), /\\([0-7]{3})/g, (octal) => parseInt(octal, 8));
}
