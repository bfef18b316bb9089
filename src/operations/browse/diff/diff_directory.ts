/** Compares a snapshot with the current state of a directory. */
import { type Apath, apathWithin, placeApath, relativeOf, TOP } from "../../../core/apath.ts";
import { type ContentId, contentIdOf, isDigestOf } from "../../../core/content_id.ts";
import type { Algorithm } from "../../../core/digest.ts";
import { DigestStream, type ReadAt } from "../../../core/digest_stream.ts";
import type { Entry } from "../../../core/entry.ts";
import { mergeByPath } from "../../../core/merge_by_path.ts";
import type { Monitor } from "../../../core/monitor.ts";
import { baseName, parentPath, type Raw } from "../../../core/raw.ts";
import type { Stat } from "../../../core/stat.ts";
import { type Dir, type Disk, DiskFault, type OpenFile } from "../../../platform/disk.ts";
import type { PathChange, State } from "../../../snapshot/catalog_queries.ts";
import type { Manifest } from "../../../snapshot/manifest.ts";
import type { SnapshotInfo } from "../../../snapshot/snapshot_info.ts";
import { parseFilter } from "../../../source/filter.ts";
import type { SourceRoot } from "../../../source/placement.ts";
import { type Found, NoSource, type WalkBatch } from "../../../source/walk.ts";
import type { OpenedRepository } from "../../opened.ts";
import { findSources } from "../../sources/sources.ts";
import { walkAsBackedUp } from "../../sources/walk_as_backed_up.ts";
import { resolvePath, snapshotPathsOf } from "../resolve_path.ts";

export interface DirectoryRequest {
  readonly before: SnapshotInfo;
  readonly directory: Raw;
  /**
   * The path in the snapshot to compare with. The top: the directory's own path there, if it was backed up from here.
   */
  readonly below: Apath;
  /** Compare the contents of all files, not only of those whose metadata differ. */
  readonly readData: boolean;
}

const READ_BYTES = 1024 * 1024;

/** Begins a comparison. @throws NotInSnapshot, NoSource, DamagedManifest, DamagedContent */
export async function compareDirectory(
  repository: OpenedRepository,
  request: DirectoryRequest,
  monitor: Monitor,
): Promise<DirectoryComparison> {
  const manifest = await repository.manifest(request.before.id);
  const own = repository.ownPlaces([], monitor);
  const [source] = findSources(repository, own, { sources: [request.directory] }, () => parseFilter([]), monitor);
  if (source === undefined) throw new NoSource(request.directory);
  const root = { ...source, at: counterpart(manifest, request, source) };
  if (manifest.root.leftOut?.unlisted) {
    monitor.notice("The snapshot has only listed paths: files that are new in the directory are not shown");
  }
  await using reader = repository.reader({ workers: 0, signal: new AbortController().signal });
  const walked = await walkAsBackedUp(repository, reader, { manifest, root, monitor });
  const { algorithm, machine: { disk } } = repository;
  return new DirectoryComparison({ manifest, root, walked, disk, algorithm, readData: request.readData, monitor });
}

interface DirectoryAndSnapshot {
  readonly manifest: Manifest;
  /** The directory, and its path in the snapshot. */
  readonly root: SourceRoot;
  /** The walk of the directory. */
  readonly walked: Iterable<WalkBatch>;
  readonly disk: Disk;
  /** Digest algorithm of the snapshot's contents. */
  readonly algorithm: Algorithm;
  readonly readData: boolean;
  readonly monitor: Monitor;
}

export class DirectoryComparison {
  readonly #what: DirectoryAndSnapshot;
  readonly #buffer = new Uint8Array(READ_BYTES);

  constructor(what: DirectoryAndSnapshot) {
    this.#what = what;
  }

  /**
   * Yields the changes, ordered by path. Can be iterated once. The content of files that are only in the directory is
   * unknown.
   */
  *changes(): Generator<PathChange> {
    const { manifest, root } = this.#what;
    for (const [old, now] of mergeByPath(manifest.within(root.at), this.#found())) {
      const before = old && stateOfEntry(old);
      if (now === undefined) {
        if (old !== undefined) yield { path: old.path, before, now };
      } else if (old !== undefined || now.found.name !== "") { // The directory that was named is nothing new.
        yield { path: now.path, before, now: this.#stateOf(now.found, now.parent, old) };
      }
    }
  }

  /**
   * Content id of a file that is only in the directory; undefined if it can't be read, which is reported as a problem.
   */
  contentAt(path: Apath): ContentId | undefined {
    const { root, disk } = this.#what, relative = relativeOf(apathWithin(path, root.at));
    using top = disk.openDir(root.path);
    using parent = top.openPath(parentPath(relative));
    return this.#contentOf(parent, baseName(relative));
  }

  *#found(): Generator<{ readonly path: Apath; readonly found: Found; readonly parent: Dir }> {
    for (const { parent, found } of this.#what.walked) {
      for (const one of found) yield { path: one.path, found: one, parent };
    }
  }

  #stateOf({ stat, name }: Found, parent: Dir, old: Entry | undefined): State {
    const { disk } = this.#what;
    const { kind, mtime, mode, uid, gid } = stat;
    const user = old?.uid === uid ? old.user : disk.userName(uid);
    const group = old?.gid === gid ? old.group : disk.groupName(gid);
    return {
      kind,
      size: kind === "file" ? stat.size : 0,
      mtime,
      content: kind === "file" && old !== undefined ? this.#contentIfSame(stat, name, parent, old) : undefined,
      mode,
      uid,
      gid,
      ...(user !== undefined && { user }),
      ...(group !== undefined && { group }),
      ...((kind === "char" || kind === "block") && { device: { major: stat.major, minor: stat.minor } }),
      ...(kind === "symlink" && { target: parent.readlink(name) }),
      // Neither is looked at here.
      ...(old?.xattrs !== undefined && { xattrs: "" }),
      ...(old?.problems !== undefined && { problems: old.problems }),
    };
  }

  /** A file of the same size and time is taken to be the same, unless all are to be read. */
  #contentIfSame(stat: Stat, name: Raw, parent: Dir, old: Entry): ContentId | undefined {
    if (old.kind !== "file" || old.size !== stat.size) return undefined;
    if (old.mtime === stat.mtime && !this.#what.readData) return old.content;
    const content = this.#contentOf(parent, name);
    const isSame = content !== undefined && old.content !== undefined && isDigestOf(old.content, content);
    return isSame ? old.content : content;
  }

  #contentOf(parent: Dir, name: Raw): ContentId | undefined {
    try {
      using file = parent.open(name);
      return file && this.#digestOf(file);
    } catch (error) {
      if (!(error instanceof DiskFault)) throw error;
      this.#what.monitor.problem(error);
      return undefined;
    }
  }

  #digestOf(file: OpenFile): ContentId {
    const read: ReadAt = (into, position) => file.read(into, position);
    return contentIdOf(new DigestStream(this.#what.algorithm, read, this.#buffer).run().digest);
  }
}

function counterpart(manifest: Manifest, { below, before }: DirectoryRequest, { path }: SourceRoot): Apath {
  if (below !== TOP) return resolvePath(manifest, below, before);
  const [place, ...others] = snapshotPathsOf(placeApath(path), manifest.root.sources);
  return place !== undefined && others.length === 0 && manifest.entry(place) !== undefined ? place : TOP;
}

function stateOfEntry(entry: Entry): State {
  const { kind, size, mtime, content, mode, uid, gid, user, group, device, target, xattrs, problems } = entry;
  return {
    kind,
    size,
    mtime,
    content,
    mode,
    uid,
    gid,
    ...(user !== undefined && { user }),
    ...(group !== undefined && { group }),
    ...(device !== undefined && { device }),
    ...(target !== undefined && { target }),
    ...(xattrs !== undefined && { xattrs: "" }),
    ...(problems !== undefined && { problems }),
  };
}
