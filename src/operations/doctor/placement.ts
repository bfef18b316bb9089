/** Where a directory lies as mounts and owners go: in a container, what the options that started it made of them. */
import { type Raw, rawOf, textOf } from "../../core/raw.ts";
import type { Dir, Disk } from "../../platform/disk.ts";
import { mountAround } from "../../platform/mounts.ts";
import { type Fact, fact } from "./fact.ts";

/** Facts about whether a directory is lost with its container, and who owns it. */
export function placementFacts(directory: Dir, disk: Disk, isContainer: boolean): Fact[] {
  const around = mountAround(disk.mounts(), disk.realPath(directory.path));
  const isRoot = around === undefined ? null : around.point === "/";
  const { uid, gid } = directory.statSelf(), isOwn = disk.abilities.owners ? uid === disk.uid : null;
  return [
    fact("rootFileSystem", "on the root file system", isRoot, {
      concern: isContainer && isRoot === true &&
        "It is in the container itself, and is deleted with it: mount a volume there",
    }),
    fact("own", "belongs to the user who runs this", isOwn, {
      concern: isContainer && isOwn === false &&
        `It belongs to user ${uid} and group ${gid}, but this runs as user ${disk.uid}: ` +
          `start the container with PUID=${uid} and PGID=${gid}`,
    }),
  ];
}

/** The fact whether hard links are possible between all parts of a storage. */
export function oneVolumeFact(directory: Dir): Fact {
  const own = directory.statSelf(), mount = directory.mountId();
  const elsewhere = directory.list().names.filter(isPart).filter((name) => {
    const stat = directory.stat(name);
    if (stat?.kind !== "dir") return false;
    if (stat.isMountPoint || stat.device !== own.device) return true;
    using part = directory.openDir(name);
    return part.mountId() !== mount;
  });
  return fact("oneVolume", "all of it on one volume", elsewhere.length === 0, {
    concern: elsewhere.length > 0 &&
      `Other volumes or file systems are mounted on ${elsewhere.map(textOf).toSorted().join(", ")}: ` +
        "hard links and moves between them fail (EXDEV); keep the whole storage on one volume",
  });
}

/** See storage/FORMAT.md; trees are in directories of years. */
const PARTS: ReadonlySet<Raw> = new Set(["db", "content", "tmp", "archive", "latest"].map(rawOf));

function isPart(name: Raw): boolean {
  return PARTS.has(name) || /^\d{4}$/.test(name);
}
