/** Contents that are no files: standard input, or what a command prints. In a snapshot they are files at its top. */
import { childOf, compareApath, TOP } from "../../core/apath.ts";
import type { Entry } from "../../core/entry.ts";
import { Interrupted } from "../../core/fault.ts";
import type { Monitor } from "../../core/monitor.ts";
import { type Raw, rawOf, textOf } from "../../core/raw.ts";
import { Incoming } from "../../storage/content/stream_ingest.ts";
import type { Storage } from "../../storage/storage.ts";

export interface StreamSource {
  /** Of the file in the snapshot. */
  readonly name: Raw;
  /** Fails if what it gave is not to be kept. */
  readonly chunks: AsyncIterable<Uint8Array<ArrayBuffer>>;
}

/** What comes through a pipe may be anything: nobody else is to read it. */
const MODE = 0o600;

/**
 * Takes in all streams, one after the other. The storage has to have a writer.
 * @returns their entries, in order
 * @throws Interrupted, and whatever a stream fails with
 */
export async function storeStreams(
  storage: Storage,
  streams: readonly StreamSource[],
  monitor: Monitor,
  signal: AbortSignal,
): Promise<Entry[]> {
  const entries: Entry[] = [];
  for (const stream of streams) entries.push(await storeStream(storage, stream, monitor, signal));
  return entries.sort((a, b) => compareApath(a.path, b.path));
}

async function storeStream(
  storage: Storage,
  { name, chunks }: StreamSource,
  monitor: Monitor,
  signal: AbortSignal,
): Promise<Entry> {
  monitor.current(textOf(name));
  const { disk, clock } = storage.machine;
  const seen = {
    kind: "file",
    mtime: `${clock.nowMs()}000000`,
    mode: MODE,
    uid: disk.uid,
    gid: disk.gid,
    ...namesOf(storage),
  } as const;
  using contents = storage.contents();
  using temp = storage.dir.openDir(rawOf("tmp"));
  using incoming = new Incoming(contents, temp, storage.settings.algorithm);
  await receive(chunks, incoming, monitor, signal);
  const stored = incoming.finish({ ...seen, hasAcl: false, expected: undefined });
  monitor.count("readFiles");
  if (stored.isNew) {
    monitor.count("storedItems");
    monitor.count("storedBytes", stored.newBytes);
  } else monitor.count("reusedItems");
  return { path: childOf(TOP, name), ...seen, size: stored.size, content: stored.id };
}

async function receive(
  chunks: StreamSource["chunks"],
  incoming: Incoming,
  monitor: Monitor,
  signal: AbortSignal,
): Promise<void> {
  try {
    for await (const chunk of stoppable(chunks, signal)) {
      incoming.write(chunk);
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

function namesOf({ machine: { disk } }: Storage): Pick<Entry, "user" | "group"> {
  const user = disk.userName(disk.uid), group = disk.groupName(disk.gid);
  return { ...(user !== undefined && { user }), ...(group !== undefined && { group }) };
}
