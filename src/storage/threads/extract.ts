/** Getting a batch of files out of the storage, each verified against its checksum while it is written. */
import { Buffer } from "node:buffer";
import { hashBytes, newHasher } from "../../core/digest.ts";
import { Fault, Interrupted } from "../../core/fault.ts";
import { toFaultData } from "../../core/fault_data.ts";
import { joinRaw, type Raw, textOf } from "../../core/raw.ts";
import type { MetadataLoss } from "../../core/restore_terms.ts";
import type { Stat } from "../../core/stat.ts";
import { Descents } from "../../platform/descent.ts";
import { type Dir, type Disk, DiskFault, type OpenFile } from "../../platform/disk.ts";
import { readingAroundHoles } from "../../platform/holes.ts";
import type { Meter } from "../../platform/meter.ts";
import type { Steps } from "../../core/steps.ts";
import type { StopFlag } from "../../platform/stop_flag.ts";
import type { ExtractBatch, ExtractResult, ExtractTask } from "../../snapshot/extract_batch.ts";
import { DamagedContent } from "../../snapshot/faults.ts";
import { CHUNK_BYTES, type ContentStore, isDigestOf } from "../content/content_store.ts";
import type { Settings } from "../layout/settings.ts";
import { giveAttributes, NO_LOSSES, renewAttributes } from "../../target/attributes.ts";
import { assertMayRestore, decideOverwrite, TargetTaken, UNFINISHED_MODE } from "../../target/overwrite.ts";
import { PresentFile } from "../../target/present_file.ts";
import { assertReplaceable, isAppendOnly, removeQuietly, stepsIntoPlace } from "../../target/replacing.ts";

/** Where a batch goes. */
interface Place extends ExtractBatch {
  readonly target: Dir;
  /** What the directory itself is like; undefined if nothing was there, and nobody need look. */
  readonly directory: Stat | undefined;
}

const HOLE_BYTES = 64 * 1024;
const ZEROS = Buffer.alloc(HOLE_BYTES);

export interface ExtractSetup {
  readonly settings: Settings;
  readonly store: ContentStore;
  readonly stop: StopFlag;
  readonly meter: Meter;
}

/** Restores batches; one per thread. */
export class Extract implements Disposable {
  readonly #targets: Descents;
  readonly #settings: Settings;
  readonly #store: ContentStore;
  readonly #stop: StopFlag;
  readonly #meter: Meter;
  readonly #buffer = new Uint8Array(CHUNK_BYTES);

  constructor(disk: Disk, { settings, store, stop, meter }: ExtractSetup) {
    this.#targets = new Descents(disk);
    this.#settings = settings;
    this.#store = store;
    this.#stop = stop;
    this.#meter = meter;
  }

  [Symbol.dispose](): void {
    this.#targets[Symbol.dispose]();
  }

  *run(batch: ExtractBatch): Steps<ExtractResult[]> {
    using target = this.#targets.open(batch.rootPath, batch.relative);
    const place: Place = { ...batch, target, directory: batch.isFresh ? undefined : target.statSelf() };
    const results: ExtractResult[] = [];
    for (const task of batch.files) {
      this.#stop.check();
      const before = this.#meter.own;
      try {
        results.push(yield* this.#one(task, place));
      } catch (error) {
        this.#meter.backTo(before);
        if (!(error instanceof Fault) || isFatal(error)) throw error;
        results.push({ how: "failed", bytes: 0, problem: toFaultData(error), lacks: NO_LOSSES });
      }
      yield;
    }
    return results;
  }

  *#one(task: ExtractTask, place: Place): Steps<ExtractResult> {
    const { target, overwrite, directory } = place;
    const there = directory === undefined ? undefined : target.stat(task.name);
    const verdict = decideOverwrite(overwrite, there, task, ({ kind, size, mtime }) => {
      return kind === "file" && size === task.size && mtime === task.mtime;
    });
    assertMayRestore(verdict, `${textOf(target.path)}/${textOf(task.name)}`);
    if (verdict === "keep") return { how: "kept", bytes: 0, problem: undefined, lacks: NO_LOSSES };
    if (verdict === "same") {
      const lacks = this.#renew(target, task, there!);
      if (lacks !== undefined) return { how: "same", bytes: 0, problem: undefined, lacks };
    }
    if (directory !== undefined) assertReplaceable(target, task.name, { there, directory });
    using source = this.#store.open(task.content);
    // Nothing is there that could be replaced, or nothing may be.
    if (directory === undefined || isAppendOnly(directory)) return yield* this.#make(task, target, source);
    return yield* this.#replace(task, place, source);
  }

  *#make(task: ExtractTask, target: Dir, source: OpenFile): Steps<ExtractResult> {
    using file = target.create(task.name, UNFINISHED_MODE);
    if (file === undefined) throw new TargetTaken(`${textOf(target.path)}/${textOf(task.name)}`);
    return yield* this.#fill(file, task, source, () => removeQuietly(target, task.name));
  }

  /** What is there stays until the new file is whole; and if nothing is, nothing will be that is not whole. */
  *#replace(task: ExtractTask, { target, key }: Place, source: OpenFile): Steps<ExtractResult> {
    let result: ExtractResult | undefined;
    const make = function* (this: Extract, partial: Raw): Steps<boolean> {
      using file = target.create(partial, UNFINISHED_MODE);
      if (file === undefined) throw new DiskFault("EEXIST", "create", joinRaw(target.path, partial));
      result = yield* this.#fill(file, task, source, () => {});
      return true;
    };
    yield* stepsIntoPlace(target, task.name, { key, make: make.bind(this) });
    return result!;
  }

  /** Undefined if another file has to take its place: this one is, or may be, a content of a storage as well. */
  #renew(target: Dir, task: ExtractTask, there: Stat): readonly MetadataLoss[] | undefined {
    if (there.links > 1 && this.#store.isItem(task.content, there)) return undefined;
    using file = new PresentFile(target, task.name, there);
    return renewAttributes(file, there, task, () => file.isOurs());
  }

  /** Writes a content that was verified first, if it is small, or is verified on the way; `undo` removes a wrong one. */
  *#fill(file: OpenFile, task: ExtractTask, source: OpenFile, undo: () => void): Steps<ExtractResult> {
    try {
      const got = source.read(this.#buffer, 0);
      if (got < this.#buffer.length) this.#writeSmall(file, task, got);
      else if (source.stat().size !== task.size) {
        throw new DamagedContent(task.content, "it is not as large as it should be");
      } else if (file.cloneFrom(source)) yield* this.#verify(file, task);
      else yield* this.#writeStream(file, task, source, got);
    } catch (error) {
      undo();
      throw error;
    }
    return { how: "written", bytes: task.size, problem: undefined, lacks: giveAttributes(file, task) };
  }

  #writeSmall(file: OpenFile, task: ExtractTask, got: number): void {
    const bytes = this.#buffer.subarray(0, got);
    this.#meter.add(got);
    this.#checkDigest(task, got, hashBytes(this.#settings.algorithm, bytes));
    if (got > 0 && !task.sparse) file.write(bytes, 0);
    else if (task.sparse) this.#writeSparse(file, bytes, 0, got);
  }

  /** Reads the clone, not the item: what counts is what was restored. */
  *#verify(file: OpenFile, task: ExtractTask): Steps<void> {
    const hasher = newHasher(this.#settings.algorithm);
    const read = readingAroundHoles(file);
    let at = 0;
    for (let got = 0; (got = read(this.#buffer, at)) > 0; at += got) {
      this.#stop.check();
      hasher.update(this.#buffer.subarray(0, got));
      this.#meter.add(got);
      yield;
    }
    this.#checkDigest(task, at, hasher.hex());
  }

  #checkDigest(task: ExtractTask, size: number, digest: string): void {
    if (size === task.size && isDigestOf(task.content, digest)) return;
    throw new DamagedContent(task.content, "its bytes don't match its checksum");
  }

  *#writeStream(file: OpenFile, task: ExtractTask, source: OpenFile, first: number): Steps<void> {
    const hasher = newHasher(this.#settings.algorithm);
    const read = readingAroundHoles(source);
    let at = 0;
    for (let got = first; got > 0; got = read(this.#buffer, at)) {
      this.#stop.check();
      const bytes = this.#buffer.subarray(0, got);
      hasher.update(bytes);
      if (task.sparse) this.#writeSparse(file, bytes, at, task.size);
      else file.write(bytes, at);
      at += got;
      this.#meter.add(got);
      yield;
    }
    this.#checkDigest(task, at, hasher.hex());
  }

  #writeSparse(file: OpenFile, bytes: Uint8Array<ArrayBuffer>, position: number, size: number): void {
    if (position === 0) file.truncate(size);
    for (let at = 0; at < bytes.length; at += HOLE_BYTES) {
      const piece = bytes.subarray(at, at + HOLE_BYTES);
      if (Buffer.compare(piece, ZEROS.subarray(0, piece.length)) !== 0) file.write(piece, position + at);
    }
  }
}

/** Failures that every further file would meet too. */
export function isFatal(fault: Fault): boolean {
  if (fault instanceof Interrupted) return true;
  return fault instanceof DiskFault && ["ENOSPC", "EDQUOT", "EROFS", "ENODEV"].includes(fault.errno);
}
