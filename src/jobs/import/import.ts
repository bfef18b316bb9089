/**
 * Imports: a source becomes a snapshot, the snapshot a tree or a ZIP file in archive/, and then the source is removed.
 * See FORMAT.md.
 */
import { type Apath, parseApath, relativeOf, TOP } from "../../core/apath.ts";
import { EMPTY, parentPath, type Raw, raw, rawOf, textOf } from "../../core/raw.ts";
import { BadImport, ImportIncomplete, SourceLeft } from "../faults.ts";
import { accessOfZip, assertPackable, lacksAnything, packSnapshot } from "./import_copy.ts";
import { type ImportFacts, nextImportStep } from "./import_step.ts";
import type { JobRun } from "../run/job_run.ts";
import { type Destination, destinationOf, makeArchive, openArchive, publish } from "./publish.ts";
import { absolutePath, type JobOf } from "../schema/schema.ts";
import { removeSource } from "./source_removal.ts";
import { backup } from "../../operations/backup/backup.ts";
import { GuardedDisk } from "../../operations/guarded_disk.ts";
import { restore } from "../../operations/restore/restore.ts";
import { isThere } from "../../operations/sources/sources.ts";
import { type Attributes, type Dir, type Disk, DiskFault } from "../../platform/disk.ts";
import { removeRecursively } from "../../platform/remove_recursively.ts";
import type { Manifest } from "../../snapshot/manifest.ts";
import type { SnapshotInfo } from "../../snapshot/snapshot_info.ts";
import { NoSource } from "../../source/walk.ts";

const PRIVATE = 0o700, OWNER_BITS = 0o700;
const FORGOTTEN = "the snapshot that says what may go was forgotten";
const COPY = rawOf("copy"), PACKED = rawOf("packed");

/**
 * Runs an import job, or continues it.
 * @throws NoSource, BadImport, ImportIncomplete, Interrupted, and what backing up and restoring throw
 */
export async function performImport(run: JobRun, job: JobOf<"import">): Promise<void> {
  await new Import(run, job).toItsEnd();
}

class Import {
  readonly #run: JobRun;
  readonly #job: JobOf<"import">;
  readonly #destination: Destination;

  constructor(run: JobRun, job: JobOf<"import">) {
    this.#run = run;
    this.#job = job;
    this.#destination = destinationOf(job.destination, job.pack ?? "none");
  }

  async toItsEnd(): Promise<void> {
    for (;;) {
      await this.#run.pace.yieldIfDue();
      const step = nextImportStep(this.#run.record, await this.#facts(), this.#job.removeSource ?? true);
      this.#run.monitor.current(step);
      switch (step) {
        case "snapshot":
          await this.#takeSnapshot();
          break;
        case "refuse":
          throw this.#incomplete("some of it could not be read");
        case "copy":
          await this.#makeCopy();
          break;
        case "publish":
          this.#publish();
          await this.#record();
          break;
        case "record":
          await this.#record();
          break;
        case "remove-source":
          return await this.#removeSource();
        case "end":
          return;
        default:
          step satisfies never;
      }
    }
  }

  get #series(): { readonly host: string; readonly name: string } {
    const { name = this.#job.destination, host = this.#run.setup.host } = this.#job;
    return { name, host };
  }

  async #facts(): Promise<ImportFacts> {
    const snapshot = await this.#run.findSnapshot(this.#series);
    const problems = snapshot === undefined ? 0 : this.#manifest(snapshot).root.totals.problems;
    return {
      snapshot: snapshot && { problems },
      copy: snapshot && this.#inodeOfCopy(snapshot),
      destination: this.#inodeOfDestination(),
    };
  }

  #manifest(snapshot: SnapshotInfo): Manifest {
    return this.#run.storage.manifest(snapshot.id);
  }

  /** The step that is due says that there is one. */
  get #snapshot(): SnapshotInfo {
    const { snapshot } = this.#run;
    if (snapshot === undefined) throw new Error("An import without a snapshot has nothing to copy");
    return snapshot;
  }

  /** What is to be published: where it is in the work directory, and its name there. */
  #placeOfCopy(snapshot: SnapshotInfo): { readonly directory: Raw; readonly name: Raw } {
    if (this.#job.pack === "zip") return { directory: EMPTY, name: PACKED };
    const { at } = sourceOf(this.#manifest(snapshot));
    return at === TOP ? { directory: EMPTY, name: COPY } : { directory: COPY, name: relativeOf(at) };
  }

  #inodeOfCopy(snapshot: SnapshotInfo): string | undefined {
    const { directory, name } = this.#placeOfCopy(snapshot);
    try {
      using work = this.#run.temp.openDir(this.#run.record.name);
      using place = work.openPath(directory);
      return this.#inodeIn(place, name);
    } catch (error) {
      if (error instanceof DiskFault && error.errno === "ENOENT") return undefined;
      throw error;
    }
  }

  #inodeOfDestination(): string | undefined {
    using archive = openArchive(this.#run.storage.dir, this.#destination.parents);
    return archive && this.#inodeIn(archive, this.#destination.name);
  }

  /** "0" where inode numbers tell nothing. */
  #inodeIn(directory: Dir, name: Raw): string | undefined {
    const inode = directory.stat(name)?.inode;
    return inode === undefined || this.#isReliable ? inode : "0";
  }

  get #isReliable(): boolean {
    return this.#run.setup.machine.disk.abilities.inodes && this.#run.storage.dir.reliableInodes();
  }

  async #takeSnapshot(): Promise<void> {
    const { setup, storage, monitor, pace } = this.#run;
    const source = this.#findSource();
    const { tags = [], tree = true } = this.#job;
    if (this.#job.pack === "zip") await assertPackable(setup.machine.disk, source, pace);
    const snapshot = await backup(storage, {
      ...this.#series,
      sources: [source],
      tags,
      job: this.#run.mark("import"),
      excludes: [],
      ignoreFiles: false,
      oneFileSystem: false,
      excludeCaches: false,
      largestBytes: undefined,
      tree,
      workers: this.#job.workers ?? setup.workers,
      user: setup.user,
      signal: setup.signal,
    }, monitor);
    this.#run.noteSnapshot(snapshot);
  }

  /** The source as the file system has it. @throws NoSource, BadImport */
  #findSource(): Raw {
    const { disk } = this.#run.setup.machine;
    const given = absolutePath(this.#job.source);
    const source = realPathOf(() => new GuardedDisk(disk).realPath(given), given);
    const why = this.#whyNotRemovable(source);
    if (why !== undefined) throw new BadImport(source, why);
    return source;
  }

  /** A source that is ours, lies in what is ours, or holds it must not go. @param source absolute, without symlinks */
  #whyNotRemovable(source: Raw): string | undefined {
    const { setup: { machine: { disk } }, storage, protectedPaths: own, monitor } = this.#run;
    const places = storage.ownPlaces(own, monitor);
    const isDirectory = isDirectoryAt(disk, source);
    const held = isDirectory ? places.heldBy(source) : undefined;
    if (held !== undefined) return `${textOf(held.path)} would be removed with it`;
    return places.around(isDirectory ? source : parentPath(source))?.why;
  }

  async #makeCopy(): Promise<void> {
    const { temp, record, storage } = this.#run;
    removeRecursively(temp, record.name);
    temp.mkdir(record.name, PRIVATE);
    const snapshot = this.#snapshot, manifest = this.#manifest(snapshot);
    {
      using work = temp.openDir(record.name);
      if (this.#job.pack === "zip") await packSnapshot(this.#run, manifest, work, PACKED);
      else await this.#restoreCopy(snapshot, manifest, work);
    }
    this.#run.monitor.phase("making it durable");
    await storage.dir.syncFileSystem();
    const copy = this.#inodeOfCopy(snapshot);
    this.#run.update(copy === undefined ? {} : { copy });
  }

  /** Verified while it is written, and looked through afterwards: attributes may be lacking, nothing else. */
  async #restoreCopy(snapshot: SnapshotInfo, manifest: Manifest, work: Dir): Promise<void> {
    const { storage, setup, monitor, tempPath, record, pace } = this.#run;
    await restore(storage, {
      snapshot,
      paths: [],
      destination: { kind: "directory", path: raw`${tempPath}/${record.name}/${COPY}`, strip: 0 },
      include: [],
      exclude: [],
      overwrite: undefined,
      delete: false,
      owners: "ids",
      allowInsideStorage: true,
      workers: this.#job.workers ?? setup.workers,
      signal: setup.signal,
    }, monitor);
    using copy = work.openDir(COPY);
    const lacking = await lacksAnything(copy, manifest.entries(TOP), pace);
    if (lacking !== undefined) throw this.#incomplete(`${JSON.stringify(lacking)} could not be copied`);
  }

  #publish(): void {
    const { storage, temp, record } = this.#run;
    const { parents, name } = this.#destination;
    const place = this.#placeOfCopy(this.#snapshot);
    using archive = makeArchive(storage.dir, parents);
    using work = temp.openDir(record.name);
    using from = work.openPath(place.directory);
    publish({ from, ready: place.name, work, archive, name, reliable: this.#isReliable });
  }

  /** What is in its place gets its own mode, which moving it may have changed, and becomes durable. */
  async #record(): Promise<void> {
    const { storage } = this.#run;
    const { parents, name } = this.#destination;
    {
      using archive = makeArchive(storage.dir, parents);
      const attributes = await this.#attributesOfPublished(this.#manifest(this.#snapshot));
      if (attributes !== undefined) setNarrowly(archive, name, attributes);
      archive.sync();
    }
    this.#run.monitor.phase("making it durable");
    await storage.dir.syncFileSystem();
    this.#run.update({ phase: "published" });
  }

  /** Of a source that others could not reach, nothing more than the owner's bits. */
  async #attributesOfPublished(manifest: Manifest): Promise<Attributes | undefined> {
    if (this.#job.pack === "zip") {
      const { mode, gid } = await accessOfZip(manifest, this.#run.pace);
      return gid === undefined ? { mode } : { mode, gid, uid: this.#run.setup.machine.disk.uid };
    }
    const { at } = sourceOf(manifest);
    const entry = [...firstOf(manifest.entries(TOP))].find(({ path }) => path === at);
    if (entry === undefined) return undefined;
    return { mode: manifest.root.private ? entry.mode & OWNER_BITS : entry.mode };
  }

  async #removeSource(): Promise<void> {
    const { setup, monitor, pace } = this.#run;
    const snapshot = await this.#run.findSnapshot(this.#series);
    if (snapshot === undefined) return monitor.problem(new SourceLeft(rawOf(this.#job.source), FORGOTTEN));
    const manifest = this.#manifest(snapshot);
    const { path: source, at } = sourceOf(manifest);
    // Something else may be mounted there since it was read.
    const why = isThere(setup.machine.disk, source) ? this.#whyNotRemovable(source) : undefined;
    if (why !== undefined) return monitor.problem(new SourceLeft(source, why));
    monitor.phase("removing");
    await removeSource({
      source,
      own: this.#run.storage.ownPlaces(this.#run.protectedPaths, monitor),
      at,
      entries: manifest.entries(TOP),
      disk: new GuardedDisk(setup.machine.disk),
      monitor,
      pace,
    });
  }

  #incomplete(why: string): ImportIncomplete {
    return new ImportIncomplete(this.#job.source, why);
  }
}

/** Where the group can't be given away, it gets no rights. */
function setNarrowly(directory: Dir, name: Raw, attributes: Attributes): void {
  try {
    directory.setAttributes(name, attributes);
  } catch (error) {
    if (attributes.gid === undefined || !(error instanceof DiskFault)) throw error;
    directory.setAttributes(name, { mode: (attributes.mode ?? 0) & OWNER_BITS });
  }
}

function* firstOf<T>(items: Iterable<T>): Generator<T> {
  for (const item of items) {
    yield item;
    return;
  }
}

function isDirectoryAt(disk: Disk, path: Raw): boolean {
  try {
    disk.statDirectory(path);
    return true;
  } catch (error) {
    if (error instanceof DiskFault && error.errno === "ENOTDIR") return false;
    throw error;
  }
}

/** An import has one source, and so its snapshot. */
function sourceOf({ root: { sources: [source] } }: Manifest): { readonly path: Raw; readonly at: Apath } {
  if (source === undefined) throw new Error("The snapshot of an import names no source");
  return { path: rawOf(source.path), at: parseApath(source.at) };
}

function realPathOf(find: () => Raw, given: Raw): Raw {
  try {
    return find();
  } catch (error) {
    if (error instanceof DiskFault && ["ENOENT", "ENOTDIR"].includes(error.errno)) throw new NoSource(given);
    throw error;
  }
}
