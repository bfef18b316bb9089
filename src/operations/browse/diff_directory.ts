/** Comparing a snapshot with a directory as it is now. */
import { type Apath, compareApath, TOP } from "../../core/apath.ts";
import type { ContentId } from "../../core/content_id.ts";
import { digestHexLength, newHasher } from "../../core/digest.ts";
import type { Entry } from "../../core/entry.ts";
import type { Monitor } from "../../core/monitor.ts";
import type { Raw } from "../../core/raw.ts";
import type { Stat } from "../../core/stat.ts";
import { resolvePath, snapshotPathsOf } from "./resolve_path.ts";
import { findSources } from "../sources/sources.ts";
import { walkAsBackedUp } from "../sources/walk_as_backed_up.ts";
import { type Dir, DiskFault, type OpenFile } from "../../platform/disk.ts";
import type { PathChange, State } from "../../snapshot/catalog_queries.ts";
import type { Manifest } from "../../snapshot/manifest.ts";
import type { SnapshotInfo } from "../../snapshot/snapshot_info.ts";
import { parseFilter } from "../../source/filter.ts";
import type { SourceRoot } from "../../source/placement.ts";
import type { Found } from "../../source/walk.ts";
import type { Storage } from "../../storage/storage.ts";

export interface DirectoryRequest {
  readonly before: SnapshotInfo;
  readonly directory: Raw;
  /** What in the snapshot the directory is compared with; the top: its place there, if it was backed up from here. */
  readonly below: Apath;
  /** Compare the contents of all files, not only of those that look different. */
  readonly readData: boolean;
}

const READ_BYTES = 1024 * 1024;

export class DirectoryComparison {
  readonly #storage: Storage;
  readonly #request: DirectoryRequest;
  readonly #monitor: Monitor;
  readonly #root: SourceRoot;
  readonly #buffer = new Uint8Array(READ_BYTES);

  /** @throws NotInSnapshot, NoSource */
  constructor(storage: Storage, request: DirectoryRequest, monitor: Monitor) {
    this.#storage = storage;
    this.#request = request;
    this.#monitor = monitor;
    const own = storage.ownPlaces([], monitor);
    const [root] = findSources(storage, own, { sources: [request.directory] }, parseFilter([]), monitor);
    const manifest = storage.manifest(request.before.id);
    this.#root = { ...root!, at: counterpart(manifest, request, root!) };
  }

  /** Ordered by path. The content of what is only in the directory isn't known. */
  *changes(): Generator<PathChange> {
    const entries = this.#storage.manifest(this.#request.before.id).within(this.#root.at);
    let entry = entries.next();
    for (const { found, parent } of this.#found()) {
      for (; !entry.done && compareApath(entry.value.path, found.path) < 0; entry = entries.next()) {
        yield { path: entry.value.path, before: stateOfEntry(entry.value), now: undefined };
      }
      const old = !entry.done && entry.value.path === found.path ? entry.value : undefined;
      // The top of several sources is no entry, and the directory that was named is nothing new.
      if (old === undefined && found.name === "") continue;
      yield { path: found.path, before: old && stateOfEntry(old), now: this.#stateOf(found, parent, old) };
      if (old !== undefined) entry = entries.next();
    }
    for (; !entry.done; entry = entries.next()) {
      yield { path: entry.value.path, before: stateOfEntry(entry.value), now: undefined };
    }
  }

  /** Content of a file that is only in the directory; undefined if it can't be read, which is told. */
  contentAt(path: Apath): ContentId | undefined {
    const relative = path.slice(this.#root.at === TOP ? 1 : this.#root.at.length + 1);
    const slash = relative.lastIndexOf("/");
    using top = this.#storage.machine.disk.openDir(this.#root.path);
    using parent = top.openPath(relative.slice(0, Math.max(slash, 0)) as Raw);
    return this.#contentOf(parent, relative.slice(slash + 1) as Raw);
  }

  *#found(): Generator<{ found: Found; parent: Dir }> {
    const manifest = this.#storage.manifest(this.#request.before.id);
    if (manifest.root.leftOut?.unlisted) {
      this.#monitor.notice("The snapshot has only what was on a list: what is new in the directory is not told");
    }
    for (
      const { parent, found } of walkAsBackedUp(this.#storage, { manifest, root: this.#root, monitor: this.#monitor })
    ) {
      for (const one of found) yield { found: one, parent };
    }
  }

  #stateOf({ stat, name }: Found, parent: Dir, old: Entry | undefined): State {
    const { disk } = this.#storage.machine;
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
    if (old.mtime === stat.mtime && !this.#request.readData) return old.content;
    const content = this.#contentOf(parent, name);
    const digits = digestHexLength(this.#storage.settings.algorithm);
    return content !== undefined && old.content?.slice(0, digits) === content ? old.content : content;
  }

  #contentOf(parent: Dir, name: Raw): ContentId | undefined {
    try {
      using file = parent.open(name);
      return file && this.#digestOf(file);
    } catch (error) {
      if (!(error instanceof DiskFault)) throw error;
      this.#monitor.problem(error);
      return undefined;
    }
  }

  #digestOf(file: OpenFile): ContentId {
    const hasher = newHasher(this.#storage.settings.algorithm);
    for (let at = 0, got = 0; (got = file.read(this.#buffer, at)) > 0; at += got) {
      hasher.update(this.#buffer.subarray(0, got));
    }
    return hasher.hex() as ContentId;
  }
}

function counterpart(manifest: Manifest, { below, before }: DirectoryRequest, { path }: SourceRoot): Apath {
  if (below !== TOP) return resolvePath(manifest, below, before);
  const [place, ...others] = snapshotPathsOf(path as string as Apath, manifest.root.sources);
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
