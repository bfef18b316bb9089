/** Contents that are not files: standard input, or the output of a command. In a snapshot they are files at its top. */
import { childOf, compareApath, TOP } from "../../core/apath.ts";
import type { Entry } from "../../core/entry.ts";
import { Interrupted } from "../../core/fault.ts";
import type { Monitor } from "../../core/monitor.ts";
import { textOf } from "../../core/raw.ts";
import type { Disk } from "../../platform/disk.ts";
import type { Machine } from "../../platform/machine.ts";
import type { SnapshotSink } from "../../snapshot/snapshot_sink.ts";
import type { StreamSource } from "./backup_request.ts";

/** What comes through a pipe may be anything: nobody else is to read it. */
const MODE = 0o600;

/** What is needed to store streams. */
export interface StreamWorld {
  readonly sink: SnapshotSink;
  readonly machine: Pick<Machine, "disk" | "clock">;
  readonly monitor: Monitor;
  readonly signal: AbortSignal;
}

/**
 * Stores all streams, one after the other.
 * @returns their entries, in order
 * @throws Interrupted, and the failure of a stream
 */
export async function storeStreams(streams: readonly StreamSource[], world: StreamWorld): Promise<Entry[]> {
  const entries: Entry[] = [];
  for (const stream of streams) entries.push(await storeStream(stream, world));
  return entries.sort((a, b) => compareApath(a.path, b.path));
}

async function storeStream({ name, chunks }: StreamSource, world: StreamWorld): Promise<Entry> {
  const { sink, machine: { disk, clock }, monitor, signal } = world;
  monitor.current(textOf(name));
  const path = childOf(TOP, name);
  const seen = {
    kind: "file",
    mtime: `${clock.nowMs()}000000`,
    mode: MODE,
    uid: disk.uid,
    gid: disk.gid,
    ...namesOf(disk),
  } as const;
  const { content, size, isNew, bytes } = await sink.ingestStream(counted(stoppable(chunks, signal), world), {
    path,
    ...seen,
  });
  monitor.count("readFiles");
  monitor.count("newFiles");
  if (isNew) {
    monitor.count("storedItems");
    monitor.count("storedBytes", bytes);
  } else monitor.count("reusedItems");
  return { path, ...seen, size, content };
}

/** Reports to the monitor what has been stored. */
async function* counted(
  chunks: AsyncIterable<Uint8Array<ArrayBuffer>>,
  { monitor, signal }: StreamWorld,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  try {
    for await (const chunk of chunks) {
      yield chunk;
      monitor.count("readBytes", chunk.length);
    }
  } catch (error) {
    // Whoever wants the program to stop often stops the command as well.
    if (signal.aborted) throw new Interrupted();
    throw error;
  }
}

/** The chunks, until there are no more or a wish to stop comes: a silent pipe must not keep the program waiting. */
async function* stoppable<T>(chunks: AsyncIterable<T>, signal: AbortSignal): AsyncGenerator<T> {
  const stopped = Promise.withResolvers<never>();
  stopped.promise.catch(() => {});
  const stop = () => stopped.reject(new Interrupted());
  if (signal.aborted) stop();
  signal.addEventListener("abort", stop);
  const iterator = chunks[Symbol.asyncIterator]();
  try {
    for (;;) {
      const next = await Promise.race([iterator.next(), stopped.promise]);
      if (next.done) return;
      yield next.value;
    }
  } finally {
    signal.removeEventListener("abort", stop);
    // Not awaited: it may never end.
    iterator.return?.()?.catch(() => {});
  }
}

function namesOf(disk: Disk): Pick<Entry, "user" | "group"> {
  const user = disk.userName(disk.uid), group = disk.groupName(disk.gid);
  return { ...(user !== undefined && { user }), ...(group !== undefined && { group }) };
}
