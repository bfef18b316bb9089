/** Files on a server that are backed up from there: listed by directory, read in pieces, never changed. */
import { Fault } from "../core/fault.ts";
import { Gate } from "./connections.ts";
import { attempt, type RetryOptions } from "./retrying.ts";

export interface RemoteEntry {
  readonly name: string;
  /** "other": a socket or a device. */
  readonly kind: "file" | "dir" | "symlink" | "other";
  /** Size of a file in bytes; 0 for everything else. */
  readonly size: number;
  /** Modification time in ms since 1970; undefined if the server doesn't report it. */
  readonly mtimeMs: number | undefined;
  /** Entity tag, which changes with the bytes; undefined if the server has none. */
  readonly etag?: string;
  readonly contentType?: string;
  /** Only from servers that have permission bits. */
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
  /** Only for symlinks. */
  readonly target?: string;
}

/** Paths are relative to the top, with `/` between components; "" is the top. */
export interface RemoteTree extends AsyncDisposable {
  /** Identifies the files in messages and snapshots: with the user whom the location names, without other credentials. */
  readonly location: string;
  /** Lists a directory in no particular order. @throws MissingTree */
  list(directory: string, signal?: AbortSignal): Promise<readonly RemoteEntry[]>;
  /** Attributes by name, such as "user.mime_type", that only a request for the file itself returns. */
  details(path: string, entry: RemoteEntry, signal?: AbortSignal): Promise<Readonly<Record<string, string>>>;
  /** Reads exactly these bytes of a file as it was listed. @throws RemoteChanged if it has changed since */
  piece(path: string, entry: RemoteEntry, range: PieceRange): Promise<Uint8Array<ArrayBuffer>>;
  /** Verifies that a file is still as it was listed. @throws RemoteChanged */
  verify(path: string, entry: RemoteEntry, signal?: AbortSignal): Promise<void>;
}

export interface PieceRange {
  readonly from: number;
  readonly length: number;
  readonly signal?: AbortSignal | undefined;
}

/** Read at a time: what is in memory of a file. */
const PIECE_BYTES = 8 * 1024 * 1024;

/** The file is no longer as it was listed. */
export class RemoteChanged extends Fault {
  readonly code = "remote-changed";
  readonly hint = "Back it up when nobody writes to it; the next backup tries again";
  constructor(path: string) {
    super(`Cannot back up ${JSON.stringify(path)}: it changes while it is read`);
  }
}

export class MissingTree extends Fault {
  readonly code = "no-remote-source";
  readonly hint = "Check the address: it must be that of a directory";
  constructor(location: string) {
    super(`Cannot back up ${JSON.stringify(location)}: there is no such directory`);
  }
}

/** Reads a whole file as it was listed, from start to end. @throws RemoteChanged, and what requests throw */
export async function* readRemote(
  tree: RemoteTree,
  path: string,
  entry: RemoteEntry,
  signal?: AbortSignal,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  for (let from = 0; from < entry.size; from += PIECE_BYTES) {
    yield await tree.piece(path, entry, { from, length: Math.min(PIECE_BYTES, entry.size - from), signal });
  }
  await tree.verify(path, entry, signal);
}

/** Wraps a tree: so many requests are sent at once, and temporary failures are retried. */
export function patientTree(tree: RemoteTree, connections: number, retry: RetryOptions): RemoteTree {
  const gate = new Gate(connections);
  const ask = <T>(action: () => Promise<T>, signal: AbortSignal | undefined) =>
    attempt(() => gate.through(action, signal), retry, signal);
  return {
    location: tree.location,
    list: (directory, signal) => ask(() => tree.list(directory, signal), signal),
    details: (path, entry, signal) => ask(() => tree.details(path, entry, signal), signal),
    piece: (path, entry, range) => ask(() => tree.piece(path, entry, range), range.signal),
    verify: (path, entry, signal) => ask(() => tree.verify(path, entry, signal), signal),
    [Symbol.asyncDispose]: () => tree[Symbol.asyncDispose](),
  };
}
