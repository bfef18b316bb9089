/**
 * A diagnosis for reports of bugs: what this machine, and a storage, a vault or a directory on it, can. It looks, and
 * writes nothing unless it is asked to try things. No names of hosts, users, paths, snapshots or places are in it.
 */
import type { Clock } from "../../core/clock.ts";
import { zoneText } from "../../core/time_text.ts";
import { VERSION } from "../../core/version.ts";
import type { Backend } from "../../backend/backend.ts";
import type { Dir, Disk } from "../../platform/disk.ts";
import type { SystemFacts } from "../../platform/facts.ts";
import type { Storage } from "../../storage/storage.ts";
import { type Fact, fact, type FactGroup } from "./fact.ts";
import { oneVolumeFact, placementFacts } from "./placement.ts";

const FEW_FILES = 512;
/** A clock that is off by more may give snapshots the wrong order beside those of others. */
const MOST_SKEW_MS = 5 * 60_000;
/** Before this program was written no clock is right. */
const EARLIEST_MS = Date.UTC(2025, 0, 1);
const FEW_INODES = 10_000, LITTLE_FREE = 0.02;

export function machineFacts(system: SystemFacts, clock: Clock): FactGroup {
  const now = clock.nowMs();
  return {
    key: "machine",
    title: "This machine",
    facts: [
      fact("version", "backup-tool", VERSION),
      fact("runtime", "runtime", system.runtime),
      fact("executable", "runs as an executable", system.isExecutable),
      fact("target", "made for", system.target),
      fact("system", "system", `${system.system} ${system.kernel}`),
      fact("cores", "processor cores", system.cores),
      fact("memoryBytes", "memory", system.memoryBytes, { unit: "bytes" }),
      fact("availableMemoryBytes", "memory available", system.availableMemoryBytes, { unit: "bytes" }),
      fact("root", "runs as root", system.isRoot),
      fact("container", "runs in a container", system.isContainer),
      fact("cLibrary", "C library can be used", system.hasLibrary, {
        concern: !system.hasLibrary && "Without the C library there are no owners, xattrs, ACLs and special files",
      }),
      fact("openFiles", "files open at once", system.openFiles ?? null, {
        concern: (system.openFiles ?? Infinity) < FEW_FILES && "Few files can be open at once (`ulimit -n`)",
      }),
      fact("mounts", "mounts that /proc shows", system.mounts, {
        concern: system.mounts === 0 && "/proc can't be read: mounts in sources aren't recognized",
      }),
      fact("time", "time", new Date(now).toISOString(), {
        concern: now < EARLIEST_MS && "The clock is wrong",
      }),
      fact("timeZone", "time zone", `${clock.zone} (${zoneText(clock.offsetMinutes(now))})`),
    ],
  };
}

/**
 * Facts about a file system.
 * @param directory chosen by a person, or of a storage
 * @param isContainer see {@link SystemFacts}
 */
export function fileSystemFacts(directory: Dir, disk: Disk, isContainer = false): Fact[] {
  const system = directory.fileSystem();
  if (system === undefined) return [fact("fileSystem", "file system", null)];
  const { type, totalBytes, freeBytes, inodes, freeInodes, isReadOnly } = system;
  return [
    fact("fileSystem", "file system", type),
    fact("readOnly", "mounted read-only", isReadOnly ?? null, {
      concern: isReadOnly === true && "Nothing can be written: the file system is mounted read-only",
    }),
    ...placementFacts(directory, disk, isContainer),
    fact("totalBytes", "size", totalBytes, { unit: "bytes" }),
    fact("freeBytes", "free", freeBytes, {
      unit: "bytes",
      concern: freeBytes < totalBytes * LITTLE_FREE && "The file system is almost full",
    }),
    fact("inodes", "inodes", inodes === 0 ? null : inodes),
    fact("freeInodes", "free inodes", inodes === 0 ? null : freeInodes, {
      concern: inodes > 0 && freeInodes < FEW_INODES && "Few more files can be made: the inodes run out",
    }),
    fact("reliableInodes", "inode numbers are reliable", directory.reliableInodes()),
  ];
}

export function storageFacts(storage: Storage, clock: Clock, isContainer = false): FactGroup {
  const snapshots = storage.snapshots(), { algorithm, hexSplit } = storage.settings;
  const latest = Math.max(...snapshots.map(({ time }) => Date.parse(time)));
  return {
    key: "storage",
    title: "The storage",
    facts: [
      ...fileSystemFacts(storage.dir, storage.machine.disk, isContainer),
      oneVolumeFact(storage.dir),
      fact("algorithm", "algorithm", algorithm),
      fact("hexSplit", "split of names", hexSplit.join(", ")),
      fact("snapshots", "snapshots", snapshots.length),
      fact("incompleteSnapshots", "incomplete snapshots", snapshots.filter(({ complete }) => !complete).length),
      fact("writer", "somebody writes to it now", storage.hasWriter()),
      fact("futureSnapshot", "a snapshot is from the future", latest > clock.nowMs() + MOST_SKEW_MS, {
        concern: latest > clock.nowMs() + MOST_SKEW_MS &&
          "A snapshot was made later than this clock says it is: this clock, or that of another machine, is wrong",
      }),
    ],
  };
}

export interface VaultToExamine {
  readonly backend: Backend;
  readonly encrypted: boolean;
  /** "directory", or the scheme of its address. */
  readonly kind: string;
}

export async function vaultFacts({ backend, encrypted, kind }: VaultToExamine, clock: Clock): Promise<FactGroup> {
  const skewMs = await backend.now() - clock.nowMs(), skew = Math.round(skewMs / 1000);
  return {
    key: "vault",
    title: "The vault",
    facts: [
      fact("kind", "kind of place", kind),
      fact("encrypted", "encrypted", encrypted),
      fact("canRemove", "objects can be removed", backend.can.remove),
      fact("canPutIfAbsent", "exclusive creation of objects", backend.can.putIfAbsent),
      fact("clockSkew", "its clock is ahead of this one by", skew, {
        unit: "seconds",
        concern: Math.abs(skewMs) > MOST_SKEW_MS && "The clock of this machine and that of the vault's place differ",
      }),
    ],
  };
}
