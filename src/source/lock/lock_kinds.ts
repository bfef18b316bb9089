/** The ways to hold a source still. */
import { baseName, joinRaw, movedPath, parentPath, type Raw, rawOf, textOf } from "../../core/raw.ts";
import type { Disk } from "../../platform/disk.ts";
import { shellWords } from "../../platform/process.ts";
import { failureText, LockFailed, type LockStep, type Runner } from "./act.ts";
import { innerSubvolumes, lacking, mountPoints } from "./unreadable_mounts.ts";

export const LOCK_KINDS = ["command", "btrfs", "zfs", "lvm"] as const;
export type LockKind = typeof LOCK_KINDS[number];

export type LockSpec =
  | {
    readonly kind: "command";
    /** Shell commands to run before and after reading. */
    readonly before: string | undefined;
    readonly after: string | undefined;
    /** Absolute path at which to read the only source while it is locked; undefined: its own. */
    readonly readFrom: Raw | undefined;
  }
  | { readonly kind: "btrfs" | "zfs" | "lvm" };

export interface LockContext {
  readonly disk: Disk;
  readonly run: Runner;
  /** Unique part of the names of everything that is made for this lock. */
  readonly id: string;
  /** Absolute paths without symlinks. */
  readonly sources: readonly Raw[];
  /** Directory in which file systems may be mounted. */
  readonly mounts: Raw;
  /** The job's facts, as environment variables for commands. */
  readonly facts: Readonly<Record<string, string>>;
}

export interface LockPlan {
  readonly acts: readonly LockStep[];
  /** Paths at which to read the sources; sources that are missing here are read in place. */
  readonly reading: ReadonlyMap<Raw, Raw>;
  /** Paths in a source that don't exist where it is read. */
  readonly lacks: readonly Raw[];
}

/** Plans the steps of a lock; changes nothing. @throws LockFailed */
export function planLock(spec: LockSpec, context: LockContext): Promise<LockPlan> | LockPlan {
  switch (spec.kind) {
    case "command":
      return commandLock(spec, context);
    case "btrfs":
      return snapshots(context, btrfsVolume);
    case "zfs":
      return snapshots(context, zfsVolume);
    case "lvm":
      return snapshots(context, lvmVolume);
  }
}

function commandLock(spec: Extract<LockSpec, { kind: "command" }>, { sources, facts }: LockContext): LockPlan {
  const { before, after, readFrom } = spec;
  const step = (line: string | undefined) => line === undefined ? undefined : { argv: shellWords(line), env: facts };
  const act = {
    what: `run ${before ?? after}`,
    run: step(before),
    undo: step(after),
    test: undefined,
    reach: undefined,
  };
  const [only] = sources;
  const reading = new Map(readFrom === undefined || only === undefined ? [] : [[only, readFrom]]);
  return { acts: [act], reading, lacks: [] };
}

/** The volume that a source is on, and how to make a snapshot of it. */
interface Volume {
  /** Identifies the volume: two sources on one volume need only one snapshot. */
  readonly name: string;
  /** Mount point or top directory of the volume. */
  readonly root: Raw;
  readonly acts: readonly LockStep[];
  /** Path of the snapshot's top directory. */
  readonly snapshot: Raw;
  /** Paths that are in the volume but not in its snapshots, and are not mount points. */
  readonly inner: readonly Raw[];
}

type FindVolume = (source: Raw, number: number, context: LockContext) => Promise<Volume>;

async function snapshots(context: LockContext, find: FindVolume): Promise<LockPlan> {
  const volumes = new Map<string, Volume>(), reading = new Map<Raw, Raw>();
  for (const source of context.sources) {
    const found = await find(source, volumes.size + 1, context);
    const volume = volumes.get(found.name) ?? found;
    volumes.set(volume.name, volume);
    reading.set(source, movedPath(source, volume.root, volume.snapshot));
  }
  const found = [...volumes.values()];
  const others = [...await mountPoints(context.run), ...found.flatMap(({ inner }) => inner)];
  return { acts: found.flatMap(({ acts }) => acts), reading, lacks: lacking(others, context.sources) };
}

/** Inode number of the top directory of every subvolume. */
const BTRFS_ROOT_INODE = "256";

async function btrfsVolume(source: Raw, number: number, context: LockContext): Promise<Volume> {
  const root = await btrfsRoot(source, context);
  const snapshot = joinRaw(root, rawOf(`.backup-tool-${context.id}-${number}`));
  const act = {
    what: `create the snapshot ${textOf(snapshot)}`,
    run: { argv: ["btrfs", "subvolume", "snapshot", "-r", textOf(root), textOf(snapshot)] },
    undo: { argv: ["btrfs", "subvolume", "delete", textOf(snapshot)] },
    test: { argv: ["btrfs", "subvolume", "show", textOf(snapshot)] },
    reach: { argv: ["btrfs", "subvolume", "show", textOf(root)] },
  };
  return { name: root, root, acts: [act], snapshot, inner: await innerSubvolumes(root, context.run) };
}

async function btrfsRoot(source: Raw, { disk, run }: LockContext): Promise<Raw> {
  for (let at = source;; at = parentPath(at)) {
    if (inodeOf(disk, at) === BTRFS_ROOT_INODE) {
      const shown = await run({ argv: ["btrfs", "subvolume", "show", textOf(at)] });
      if (shown.ok) return at;
      throw new LockFailed(`${textOf(at)} is no btrfs subvolume: ${failureText(shown)}`, "Use another kind of lock");
    }
    if (at === "/") throw new LockFailed(`${textOf(source)} is in no btrfs subvolume`, "Use another kind of lock");
  }
}

/** Inode number of a directory; undefined if the path is none. */
function inodeOf(disk: Disk, path: Raw): string | undefined {
  using directory = disk.openDir(parentPath(path));
  const stat = path === "/" ? directory.statSelf() : directory.stat(baseName(path));
  return stat?.kind === "dir" ? stat.inode : undefined;
}

async function zfsVolume(source: Raw, number: number, { run, id }: LockContext): Promise<Volume> {
  const listed = await run({ argv: ["zfs", "list", "-H", "-o", "name,mountpoint", textOf(source)] });
  const [dataset = "", mountPoint = ""] = listed.output.split("\n")[0]?.split("\t") ?? [];
  if (!listed.ok || !mountPoint.startsWith("/")) {
    throw new LockFailed(`${textOf(source)} is in no ZFS dataset: ${failureText(listed)}`, "Use another kind of lock");
  }
  const name = `backup-tool-${id}-${number}`, root = rawOf(mountPoint);
  const act = {
    what: `create the snapshot ${dataset}@${name}`,
    run: { argv: ["zfs", "snapshot", `${dataset}@${name}`] },
    undo: { argv: ["zfs", "destroy", `${dataset}@${name}`] },
    test: { argv: ["zfs", "list", "-H", "-t", "snapshot", `${dataset}@${name}`] },
    reach: { argv: ["zfs", "list", "-H", dataset] },
  };
  return { name: dataset, root, acts: [act], snapshot: joinRaw(root, rawOf(`.zfs/snapshot/${name}`)), inner: [] };
}

/** Size of an LVM snapshot: room for what changes during the backup. */
const LVM_SIZE = "10%ORIGIN";
/** Options for mounting a snapshot beside its origin and without writing to it. */
const MOUNT_OPTIONS: Readonly<Record<string, string>> = {
  xfs: "ro,nouuid,norecovery",
  ext3: "ro,noload",
  ext4: "ro,noload",
};

async function lvmVolume(source: Raw, number: number, { run, id, mounts }: LockContext): Promise<Volume> {
  const { device, mountPoint, type } = await mountOf(source, run);
  const listed = await run({ argv: ["lvs", "--noheadings", "--separator", "/", "-o", "vg_name,lv_name", device] });
  const [group, volume] = listed.output.trim().split("/");
  if (!listed.ok || !group || !volume) {
    throw new LockFailed(`${textOf(source)} is on no LVM volume: ${failureText(listed)}`, "Use another kind of lock");
  }
  const name = `backup-tool-${id}-${number}`, at = textOf(joinRaw(mounts, rawOf(name)));
  const snapshot = `${group}/${name}`;
  const acts = [{
    what: `create the snapshot volume ${snapshot}`,
    run: { argv: ["lvcreate", "--snapshot", "--extents", LVM_SIZE, "--name", name, `${group}/${volume}`] },
    undo: { argv: ["lvremove", "--yes", snapshot] },
    test: { argv: ["lvs", snapshot] },
    reach: { argv: ["lvs", `${group}/${volume}`] },
  }, {
    what: `make the directory ${at}`,
    run: { argv: ["mkdir", "-p", at] },
    undo: { argv: ["rmdir", at] },
    test: { argv: ["test", "-d", at] },
    reach: undefined,
  }, {
    what: `mount ${snapshot} at ${at}`,
    run: { argv: ["mount", "-o", MOUNT_OPTIONS[type] ?? "ro", `/dev/${snapshot}`, at] },
    undo: { argv: ["umount", at] },
    test: { argv: ["mountpoint", "-q", at] },
    reach: undefined,
  }];
  return { name: `${group}/${volume}`, root: rawOf(mountPoint), acts, snapshot: rawOf(at), inner: [] };
}

async function mountOf(source: Raw, run: Runner): Promise<{ device: string; mountPoint: string; type: string }> {
  const fields: string[] = [];
  for (const column of ["SOURCE", "TARGET", "FSTYPE"]) {
    const found = await run({ argv: ["findmnt", "-n", "-o", column, "--target", textOf(source)] });
    if (!found.ok) throw new LockFailed(`nobody knows where ${textOf(source)} is mounted: ${failureText(found)}`);
    fields.push(found.output);
  }
  const [device = "", mountPoint = "", type = ""] = fields;
  return { device, mountPoint, type };
}
