/** Makes lines for a server's files: the old line of an unchanged file, or a new one of a file that was read. */
import { Buffer } from "node:buffer";
import { TOP } from "../../core/apath.ts";
import type { ContentId } from "../../core/content_id.ts";
import type { DetailFields, Entry, StatFields } from "../../core/entry.ts";
import { type Fault, Interrupted } from "../../core/fault.ts";
import type { Monitor } from "../../core/monitor.ts";
import { beginsWith, rawOf } from "../../core/raw.ts";
import { MissingObject, PlaceRefuses } from "../../backend/faults.ts";
import { readRemote, RemoteChanged, type RemoteTree } from "../../backend/remote_tree.ts";
import type { Disk } from "../../platform/disk.ts";
import { encodeLine, parseLine, statPrefix } from "../../snapshot/entry_line.ts";
import type { PreviousEntries, PreviousLine } from "../../snapshot/previous_entries.ts";
import type { SnapshotSink } from "../../snapshot/snapshot_sink.ts";
import { changeCounter } from "../comparison/backup_entry.ts";
import { PIECE_BYTES } from "../unusual/scrambled.ts";
import type { FetchedFile, ReadAhead } from "./read_ahead.ts";
import type { RemoteFound } from "./remote_walk.ts";

const FILE_MODE = 0o644, DIRECTORY_MODE = 0o755, LINK_MODE = 0o777;
/** As often a file is read that changes meanwhile. */
const TRIES = 3;
/** Times of servers are in whole seconds, and their clocks differ from ours. */
const RACY_MS = 5 * 60_000;
const ETAG = "user.etag", CONTENT_TYPE = "user.mime_type";

export interface RemoteFilesSetup {
  readonly tree: RemoteTree;
  /** Supplies the owner of files where the server doesn't: the user who runs the backup. */
  readonly disk: Pick<Disk, "uid" | "gid" | "userName" | "groupName">;
  readonly ahead: ReadAhead;
  readonly sink: SnapshotSink;
  readonly before: PreviousEntries;
  readonly monitor: Monitor;
  readonly signal: AbortSignal;
  readonly force: boolean;
  /** Start of the newest snapshot that is compared with, in ms since 1970. */
  readonly sinceMs: number;
}

/** An entry that was looked at. */
export interface RemoteSeen {
  readonly found: RemoteFound;
  /** Beginning of its line. */
  readonly head: string;
  /** Its line in a previous snapshot. */
  readonly from: PreviousLine | undefined;
  readonly isUnchanged: boolean;
  /** A file that is being fetched. */
  readonly fetched: Promise<FetchedFile> | undefined;
}

export interface RemoteLine {
  readonly text: string;
  readonly from: PreviousLine | undefined;
  /** Size of the stored content of a file. */
  readonly bytes?: number;
  /** First bytes of a file that was read. */
  readonly beginning?: Uint8Array<ArrayBuffer>;
}

export class RemoteFiles {
  readonly #setup: RemoteFilesSetup;
  /** Number of contents that were new. */
  storedItems = 0;
  readonly #owner: Pick<StatFields, "uid" | "gid" | "user" | "group">;

  constructor(setup: RemoteFilesSetup) {
    this.#setup = setup;
    const { uid, gid } = setup.disk, user = setup.disk.userName(uid), group = setup.disk.groupName(gid);
    this.#owner = { uid, gid, ...(user !== undefined && { user }), ...(group !== undefined && { group }) };
  }

  /** Looks at an entry. Called in order of the snapshot, some entries before their lines are made. */
  look(found: RemoteFound): RemoteSeen {
    const { entry, path, remotePath } = found;
    if (entry.kind === "other") return { found, head: "", from: undefined, isUnchanged: false, fetched: undefined };
    const head = statPrefix(path, this.#seen(found)), from = this.#setup.before.at(path, head);
    const isUnchanged = entry.kind === "file" && from !== undefined && this.#unchanged(found, from, head) !== undefined;
    const isRead = entry.kind === "file" && !isUnchanged;
    return { found, head, from, isUnchanged, fetched: isRead ? this.#setup.ahead.begin(remotePath, entry) : undefined };
  }

  /**
   * Makes the line of an entry. Called in order of the snapshot. Undefined if the file is gone.
   * @throws Interrupted, and what requests throw
   */
  async lineOf(seen: RemoteSeen): Promise<RemoteLine | undefined> {
    const { found: { entry }, head, from, isUnchanged } = seen;
    if (entry.kind === "other") return undefined;
    if (entry.kind === "dir") return { text: encodeLine(head, {}), from };
    if (entry.kind === "symlink") return { text: encodeLine(head, { target: rawOf(entry.target ?? "") }), from };
    if (!isUnchanged || from === undefined) return await this.#read(seen);
    this.#setup.monitor.count("unchangedFiles");
    this.#setup.monitor.count("unchangedBytes", entry.size);
    return { text: from.text, from, bytes: entry.size };
  }

  /** The content that a file still has; undefined if it has to be read. */
  #unchanged({ entry }: RemoteFound, { text }: PreviousLine, head: string): ContentId | undefined {
    const { sink, force, sinceMs } = this.#setup;
    if (force || !beginsWith(text, head)) return undefined;
    const { content, xattrs = {}, problems } = parseLine(text);
    if (content === undefined || problems !== undefined || xattrs[ETAG] !== etagOf(entry.etag)) return undefined;
    // Without an ETag a change soon after the last look may show nowhere.
    const isRacy = entry.etag === undefined && (entry.mtimeMs ?? Infinity) > sinceMs - RACY_MS;
    return isRacy || sink.damaged.has(content) || !sink.relyOn(content) ? undefined : content;
  }

  async #read({ found: first, from, fetched }: RemoteSeen): Promise<RemoteLine | undefined> {
    let found: RemoteFound | undefined = first;
    for (let tries = 1;; tries++) {
      try {
        const line = { ...await this.#readOnce(found, tries === 1 ? fetched : undefined), from },
          counter = changeCounter(from, line.text);
        if (counter !== undefined) this.#setup.monitor.count(counter);
        return line;
      } catch (error) {
        const isOwn = error instanceof RemoteChanged || error instanceof PlaceRefuses || error instanceof MissingObject;
        if (!isOwn) throw error;
        if (error instanceof RemoteChanged && tries < TRIES) {
          found = await this.#again(found);
          if (found === undefined) return undefined;
        } else return this.#failed(found, error, from);
      }
    }
  }

  async #readOnce(
    found: RemoteFound,
    fetched: Promise<FetchedFile> | undefined,
  ): Promise<Pick<RemoteLine, "text" | "bytes" | "beginning">> {
    const { tree, sink, monitor, signal } = this.#setup, { path, remotePath, entry } = found, seen = this.#seen(found);
    monitor.current(remotePath);
    const { details, chunks: all } = await fetched ?? {
      details: await tree.details(remotePath, entry, signal),
      chunks: readRemote(tree, remotePath, entry, signal),
    };
    let beginning: Uint8Array<ArrayBuffer> | undefined;
    const chunks = stoppable(all, signal, (first) => {
      beginning ??= first.slice(0, PIECE_BYTES);
    });
    const { content, size, isNew, bytes } = await sink.ingestStream(chunks, { path, ...seen });
    monitor.count("readFiles");
    monitor.count("readBytes", size);
    if (isNew) {
      this.storedItems++;
      monitor.count("storedItems");
      monitor.count("storedBytes", bytes);
    } else monitor.count("reusedItems");
    const xattrs = xattrsOf(found, details);
    const learnt: DetailFields = { content, ...(xattrs !== undefined && { xattrs }) };
    const text = encodeLine(statPrefix(path, { ...seen, size }), learnt);
    return { text, bytes: size, beginning: beginning ?? new Uint8Array() };
  }

  /** Looks at the entry again; undefined if it is gone, or no longer a file. */
  async #again({ path, remotePath }: RemoteFound): Promise<RemoteFound | undefined> {
    const slash = remotePath.lastIndexOf("/"), name = remotePath.slice(slash + 1);
    const all = await this.#setup.tree.list(slash < 0 ? "" : remotePath.slice(0, slash), this.#setup.signal);
    const entry = all.find((each) => each.name === name && each.kind === "file");
    return entry && { path, remotePath, entry };
  }

  #failed(found: RemoteFound, fault: Fault, from: PreviousLine | undefined): RemoteLine {
    this.#setup.monitor.problem(fault);
    return { text: encodeLine(statPrefix(found.path, this.#seen(found)), { problems: [fault.message] }), from };
  }

  #seen({ path, entry }: RemoteFound): StatFields {
    const { kind, size, mtimeMs, mode, uid, gid } = entry;
    const usual = kind === "dir" ? DIRECTORY_MODE : kind === "symlink" ? LINK_MODE : FILE_MODE;
    return {
      kind: kind === "other" ? "file" : kind,
      size,
      // Directories of S3, and the top, have no time.
      mtime: path === TOP || mtimeMs === undefined ? "0" : `${Math.round(mtimeMs)}000000`,
      mode: mode ?? usual,
      ...this.#owner,
      ...(uid !== undefined && gid !== undefined && { uid, gid }),
    };
  }
}

/** In base64, sorted by name, as entries have them. */
function xattrsOf({ entry }: RemoteFound, details: Readonly<Record<string, string>>): Entry["xattrs"] {
  const all: Record<string, string> = { ...details };
  if (entry.etag !== undefined) all[ETAG] = entry.etag;
  if (entry.contentType !== undefined) all[CONTENT_TYPE] ??= entry.contentType;
  const names = Object.keys(all).sort();
  return names.length === 0 ? undefined : Object.fromEntries(names.map((name) => [name, base64(all[name] ?? "")]));
}

function etagOf(etag: string | undefined): string | undefined {
  return etag === undefined ? undefined : base64(etag);
}

function base64(text: string): string {
  return Buffer.from(text).toString("base64");
}

/** @param seen called with each chunk before it is passed on: it may be changed afterwards */
async function* stoppable<T>(
  chunks: AsyncIterable<T> | Iterable<T>,
  signal: AbortSignal,
  seen: (chunk: T) => void,
): AsyncGenerator<T> {
  for await (const chunk of chunks) {
    if (signal.aborted) throw new Interrupted();
    seen(chunk);
    yield chunk;
  }
}
