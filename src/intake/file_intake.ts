/**
 * Reads files for an engine that keeps their contents: until a file was the same before and after, or, for a file that
 * should never change, only to verify that it hasn't. This is the only loop that runs once per file of a first backup,
 * so it is synchronous and works relative to open directories.
 */
import { isDigestOf } from "../core/content_id.ts";
import { toFaultData } from "../core/fault_data.ts";
import type { Stat } from "../core/stat.ts";
import type { Steps } from "../core/steps.ts";
import { ACL_ATTRIBUTE } from "../platform/acl.ts";
import type { OpenFile } from "../platform/disk.ts";
import { withinBounds } from "../platform/endless.ts";
import { readingAroundHoles } from "../platform/holes.ts";
import type { Meter } from "../platform/meter.ts";
import { encodeXattrs } from "../platform/xattr_text.ts";
import { StaticChanged } from "../snapshot/faults.ts";
import type { StoreResult, StoreTask } from "../snapshot/ingest_batch.ts";
import type { ContentKeeper, FileFacts, StoredItem } from "./content_keeper.ts";
import {
  type Described,
  fromSource,
  isSame,
  openSource,
  type SourceDirectory,
  SourceFault,
  streamOf,
  Unsteady,
} from "./source_files.ts";

/** How often a file that changes while it is read is read again. */
const ATTEMPTS = 3;

/** @template Wait see {@link ContentKeeper} */
export class FileIntake<Wait extends Promise<void> | undefined = undefined> {
  readonly #store: ContentKeeper<Wait>;
  readonly #meter: Meter;

  /** @param meter counts the bytes read */
  constructor(store: ContentKeeper<Wait>, meter: Meter) {
    this.#store = store;
    this.#meter = meter;
  }

  /**
   * Reads one file and has its content stored. A file that can't be read is a result.
   * @throws what the keeper throws
   */
  *take(task: StoreTask, source: SourceDirectory): Generator<Wait | undefined, StoreResult> {
    const before = this.#meter.own;
    const known = task.guarded ? yield* this.#compareGuarded(task, source) : undefined;
    if (known !== undefined) return known;
    try {
      return yield* this.#readSteadily(task, source);
    } catch (error) {
      this.#meter.backTo(before);
      if (error instanceof SourceFault) return { ...FAILED, problem: error.told };
      throw error;
    }
  }

  /** Undefined if the engine has lost the old content of a guarded file: it is then stored as any other. */
  *#compareGuarded(task: StoreTask, source: SourceDirectory): Steps<StoreResult | undefined> {
    const { content, size } = task;
    if (content === undefined || !this.#store.has(content, size)) return undefined;
    try {
      using file = openSource(source, task.name);
      const bounds = { size, path: () => source.describe(task.name) };
      const read = withinBounds(file, readingAroundHoles(file), bounds);
      const digest = yield* this.#store.digestOf(
        (into, position) => fromSource(() => read(into, position)),
        this.#meter,
      );
      const xattrs = fromSource(() => file.xattrs());
      const result = { ...FAILED, content, xattrs: encodeXattrs(xattrs) };
      if (isDigestOf(content, digest) && isSame(task, fromSource(() => file.stat()))) {
        const isShared = this.#store.share(content, size, {
          ...task,
          hasAcl: ACL_ATTRIBUTE in xattrs,
          expected: content,
        });
        return isShared ? { ...result, how: "known" } : undefined;
      }
      const fault = new StaticChanged(source.describe(task.name), "its bytes have, while its size and time have not");
      return { ...result, how: "kept", problem: toFaultData(fault) };
    } catch (error) {
      if (!(error instanceof SourceFault)) throw error;
      return { ...FAILED, content, how: "kept", problem: error.told };
    }
  }

  /** Reads a file until it was the same before and after; after some attempts what was read last is kept, and marked. */
  *#readSteadily(task: StoreTask, source: SourceDirectory): Generator<Wait | undefined, StoreResult> {
    let before: Pick<Stat, "size" | "mtime" | "ctime" | "inode"> = task;
    const counted = this.#meter.own, path = () => source.describe(task.name);
    for (let attempt = 1;; attempt++) {
      this.#meter.backTo(counted);
      using file = openSource(source, task.name);
      const opened = attempt === 1 ? undefined : fromSource(() => file.stat());
      if (opened !== undefined) before = opened;
      const { stored, xattrs } = yield* this.#storeOnce(
        task,
        file,
        { size: before.size, sparse: task.sparse, path },
        opened,
      );
      const after = fromSource(() => file.stat());
      const steady = isSame(before, after);
      if (!steady && attempt < ATTEMPTS) continue;
      return {
        content: stored.id,
        how: stored.isNew ? "new" : "known",
        bytes: stored.newBytes,
        seen: steady && before === task && stored.size === task.size ? undefined : { ...after, size: stored.size },
        xattrs,
        link: "none",
        problem: steady ? undefined : toFaultData(new Unsteady(source.describe(task.name))),
      };
    }
  }

  *#storeOnce(
    task: StoreTask,
    file: OpenFile,
    described: Described,
    opened: Stat | undefined,
  ): Generator<Wait | undefined, { stored: StoredItem; xattrs: StoreResult["xattrs"] }> {
    const xattrs = fromSource(() => file.xattrs());
    const facts: FileFacts = {
      mode: opened?.mode ?? task.mode,
      gid: opened?.gid ?? task.gid,
      mtime: opened?.mtime ?? task.mtime,
      hasAcl: ACL_ATTRIBUTE in xattrs,
      expected: task.content,
    };
    const room = this.#store.roomFor(described.size);
    const stored = yield* room === undefined
      ? this.#store.storeStream(streamOf(file, described), facts)
      : this.#storeSmall(file, room, { facts, described });
    return { stored, xattrs: encodeXattrs(xattrs) };
  }

  /** Falls back to a stream if the file has grown beyond the room for it. */
  #storeSmall(
    file: OpenFile,
    room: Uint8Array<ArrayBuffer>,
    { facts, described }: { readonly facts: FileFacts; readonly described: Described },
  ): Generator<Wait | undefined, StoredItem> {
    const got = fromSource(() => file.read(room, 0));
    if (got === room.length) return this.#store.storeStream(streamOf(file, { ...described, size: got }), facts);
    this.#meter.add(got);
    return this.#store.storeBytes(room.subarray(0, got), facts);
  }
}

/** The result for a file that could not be read. */
const FAILED: StoreResult = {
  content: undefined,
  how: "failed",
  bytes: 0,
  seen: undefined,
  xattrs: undefined,
  link: "none",
  problem: undefined,
};
