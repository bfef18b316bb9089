/** Runs in a reading thread: answers requests until it is ended. */
import type { FromReader, ReaderSetup, ToReader } from "./protocol.ts";
import type { Ask, Stream } from "./reader.ts";
import { RepositoryReader } from "./repository_reader.ts";
import { SILENT } from "./silent_monitor.ts";
import { toFaultData } from "../../core/fault_data.ts";
import { openRepository } from "../../operations/open.ts";
import type { SecretWorld } from "../../operations/vaults/login.ts";
import { openDisk } from "../../platform/open_disk.ts";
import { commandOutput } from "../../platform/process.ts";
import { readSecret } from "../../platform/secrets.ts";
import { environment, systemRandom } from "../../platform/system.ts";
import { systemClock } from "../../platform/system_clock.ts";
import { workerScope } from "../../platform/worker_scope.ts";

/** @param early messages that have already arrived */
export function serveReading(early: readonly MessageEvent<ToReader>[]): void {
  const scope = workerScope<ToReader>();
  const thread = new ReadThread((message, transfer) => scope.postMessage(message, transfer));
  for (const { data } of early) thread.take(data);
  scope.onmessage = ({ data }) => thread.take(data);
}

type Post = (message: FromReader, transfer?: readonly ArrayBuffer[]) => void;
type Bytes = Uint8Array<ArrayBuffer>;

/** Sources of secrets; there is no user to ask. */
const SECRETS: SecretWorld = {
  readSecret,
  commandOutput: (line, signal) => commandOutput(line, { signal }),
  askSecret: () => Promise.resolve(undefined),
  env: environment,
};

class ReadThread {
  readonly #post: Post;
  readonly #streams = new Map<number, Streaming>();
  #reader: RepositoryReader | undefined;

  constructor(post: Post) {
    this.#post = post;
  }

  take(message: ToReader): void {
    switch (message.type) {
      case "setup":
        return void (this.#reader = readerFor(message.setup, new URL(message.script)));
      case "ask":
        return void this.#answer(message.id, message.name, message.args);
      case "stream":
        return this.#begin(message.id, message.name, message.args);
      case "more":
        return this.#streams.get(message.id)?.more();
      case "drop":
        return this.#streams.get(message.id)?.drop();
      case "close":
        return void this.#close();
    }
  }

  /** Ending a thread doesn't close files: a lock that it holds would stay. */
  async #close(): Promise<void> {
    try {
      await this.#reader?.[Symbol.asyncDispose]();
    } finally {
      this.#post({ type: "closed" });
    }
  }

  async #answer(id: number, name: Ask, args: readonly unknown[]): Promise<void> {
    try {
      const ask = this.#made[name] as (...args: readonly unknown[]) => Promise<unknown>;
      this.#post({ type: "answer", id, answer: await Reflect.apply(ask, this.#made, args) });
    } catch (error) {
      this.#post({ type: "fault", id, fault: toFaultData(error) });
    }
  }

  #begin(id: number, name: Stream, args: readonly unknown[]): void {
    const stream = this.#made[name] as (...args: readonly unknown[]) => AsyncGenerator<Bytes>;
    const parts = Reflect.apply(stream, this.#made, args) as AsyncGenerator<Bytes>;
    this.#streams.set(id, new Streaming(id, parts, this.#post, () => this.#streams.delete(id)));
  }

  get #made(): RepositoryReader {
    if (this.#reader === undefined) throw new Error("Something was asked before the setup");
    return this.#reader;
  }
}

/** One stream, which sends each part on request. */
class Streaming {
  readonly #id: number;
  readonly #parts: AsyncGenerator<Bytes>;
  readonly #post: Post;
  readonly #ended: () => void;
  #wanted = 0;
  #isGoing = false;
  #isDropped = false;

  constructor(id: number, parts: AsyncGenerator<Bytes>, post: Post, ended: () => void) {
    this.#id = id;
    this.#parts = parts;
    this.#post = post;
    this.#ended = ended;
  }

  more(): void {
    this.#wanted++;
    if (!this.#isGoing) void this.#go();
  }

  drop(): void {
    this.#isDropped = true;
    if (!this.#isGoing) void this.#go();
  }

  async #go(): Promise<void> {
    const id = this.#id;
    this.#isGoing = true;
    try {
      while (this.#wanted > 0 && !this.#isDropped) {
        this.#wanted--;
        const { done, value } = await this.#parts.next();
        if (done) {
          this.#ended();
          return this.#post({ type: "end", id });
        }
        this.#post({ type: "part", id, part: value }, [value.buffer]);
      }
      if (this.#isDropped) {
        this.#ended();
        await this.#parts.return(undefined);
      }
    } catch (error) {
      this.#ended();
      this.#post({ type: "fault", id, fault: toFaultData(error) });
    } finally {
      this.#isGoing = false;
    }
  }
}

function readerFor(setup: ReaderSetup, script: URL): RepositoryReader {
  const openVault = (name: string) => {
    const vault = setup.vaults[name];
    if (vault === undefined) throw new Error(`There is no vault ${name}`);
    const { location, ...settings } = vault;
    return open({ ...setup, location, settings }, script);
  };
  return new RepositoryReader(() => open(setup, script), openVault);
}

function open({ location, settings, host, state }: ReaderSetup, workerScript: URL) {
  const machine = { disk: openDisk(), clock: systemClock, random: systemRandom, workerScript, state };
  const login = { settings, secrets: SECRETS, host, signal: new AbortController().signal };
  return openRepository(machine, location, SILENT, login);
}
