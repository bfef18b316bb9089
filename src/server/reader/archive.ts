/** A subtree of a snapshot as one file, produced no faster than it is consumed. */
import { SILENT } from "./silent_monitor.ts";
import type { Clock } from "../../core/clock.ts";
import { dump, type DumpRequest } from "../../operations/browse/dump/dump.ts";
import type { OpenedRepository } from "../../operations/opened.ts";
import type { ContentReader } from "../../snapshot/repository.ts";

type Bytes = Uint8Array<ArrayBuffer>;

const MOST_WAITING = 1024 * 1024;
const PIECE_BYTES = 256 * 1024;
const MOST_LISTED = 10_000;

/** The bytes of the archive. @param given stops it */
export async function* archiveBytes(
  repository: OpenedRepository,
  request: Omit<DumpRequest, "signal">,
  given: AbortSignal,
): AsyncGenerator<Bytes> {
  const stop = new AbortController(), signal = AbortSignal.any([stop.signal, given]);
  const pipe = new Pipe(), problems: string[] = [];
  const tell = (text: string) => void (problems.length < MOST_LISTED && problems.push(text));
  const report = () => problems.length === 0 ? undefined : `${problems.join("\n")}\n`;
  const monitor = { ...SILENT, problem: ({ message }: Error) => tell(message), notice: tell };
  const working = dump(gated(repository, pipe), { ...request, signal, report }, (bytes) => pipe.put(bytes), monitor)
    .then(() => pipe.end(), (error) => pipe.fail(error));
  try {
    yield* pipe.pieces();
  } finally {
    stop.abort();
    pipe.open();
    await working;
  }
}

/** The repository with a reader that waits until the pipe has room. */
function gated(
  repository: OpenedRepository,
  pipe: Pipe,
): Pick<OpenedRepository, "lockForReading" | "reader" | "manifest" | "machine"> {
  const { machine } = repository, { clock } = machine;
  const sleep = async (ms: number, signal?: AbortSignal) => {
    await pipe.room();
    await clock.sleep(ms, signal);
  };
  return {
    machine: { ...machine, clock: { ...clockOf(clock), sleep } },
    lockForReading: (id) => repository.lockForReading(id),
    manifest: (id) => repository.manifest(id),
    reader: (options) => waitingReader(repository.reader(options), pipe),
  };
}

/** A copy of a clock, which may be an instance of a class and so can't be spread. */
function clockOf(clock: Clock): Clock {
  return {
    nowMs: () => clock.nowMs(),
    offsetMinutes: (atMs) => clock.offsetMinutes(atMs),
    get zone() {
      return clock.zone;
    },
    sleep: (ms, signal) => clock.sleep(ms, signal),
    sleepSync: (ms) => clock.sleepSync(ms),
    every: (ms, action) => clock.every(ms, action),
  };
}

function waitingReader(reader: ContentReader, pipe: Pipe): ContentReader {
  return {
    get bytes() {
      return reader.bytes;
    },
    width: reader.width,
    assertReads: () => reader.assertReads?.(),
    async *read(id) {
      for await (const chunk of reader.read(id)) {
        await pipe.room();
        yield chunk;
      }
    },
    extract: (batch, cost) => reader.extract(batch, cost),
    sizeOf: (id) => reader.sizeOf(id),
    [Symbol.asyncDispose]: () => reader[Symbol.asyncDispose](),
  };
}

/** A bounded pipe between a writer and a reader. */
class Pipe {
  #parts: Bytes[] = [];
  #bytes = 0;
  #state: "going" | "ended" | { readonly error: unknown } = "going";
  #isOpen = false;
  #changed = Promise.withResolvers<void>();

  put(bytes: Bytes): void {
    if (this.#isOpen) return;
    this.#parts.push(bytes.slice());
    this.#bytes += bytes.length;
    if (this.#bytes >= PIECE_BYTES) this.#change();
  }

  end(): void {
    this.#state = "ended";
    this.#change();
  }

  fail(error: unknown): void {
    this.#state = { error };
    this.#change();
  }

  /** Discards everything from now on, because the reader has stopped. */
  open(): void {
    this.#isOpen = true;
    this.#change();
  }

  async room(): Promise<void> {
    while (this.#bytes > MOST_WAITING && !this.#isOpen) await this.#changed.promise;
  }

  async *pieces(): AsyncGenerator<Bytes> {
    for (;;) {
      while (this.#bytes < PIECE_BYTES && this.#state === "going") await this.#changed.promise;
      if (typeof this.#state === "object") throw this.#state.error;
      if (this.#bytes === 0) return;
      const piece = joined(this.#parts, this.#bytes);
      [this.#parts, this.#bytes] = [[], 0];
      this.#change();
      yield piece;
    }
  }

  #change(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }
}

function joined(parts: readonly Bytes[], bytes: number): Bytes {
  const all = new Uint8Array(bytes);
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
