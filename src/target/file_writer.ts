/**
 * Writes the files of a restore into one directory. They are verified against their checksums, and never left half
 * done. Where the bytes come from is up to the engine.
 */
import { type ContentId, isDigestOf } from "../core/content_id.ts";
import { type Algorithm, hashBytes } from "../core/digest.ts";
import { DigestStream } from "../core/digest_stream.ts";
import { Fault, Interrupted } from "../core/fault.ts";
import { toFaultData } from "../core/fault_data.ts";
import { joinRaw, type Raw, textOf } from "../core/raw.ts";
import type { MetadataLoss } from "../core/restore_terms.ts";
import type { Stat } from "../core/stat.ts";
import { type Dir, DiskFault, type OpenFile } from "../platform/disk.ts";
import { readingAroundHoles, writeAroundHoles } from "../platform/holes.ts";
import type { Meter } from "../platform/meter.ts";
import type { Steps } from "../core/steps.ts";
import type { StopFlag } from "../platform/stop_flag.ts";
import type { ExtractBatch, ExtractResult, ExtractTask } from "../snapshot/extract_batch.ts";
import { DamagedContent } from "../snapshot/faults.ts";
import { giveAttributes, NO_LOSSES, renewAttributes } from "./attributes.ts";
import { assertMayRestore, decideOverwrite, TargetTaken, UNFINISHED_MODE } from "./overwrite.ts";
import { PresentFile } from "./present_file.ts";
import { assertReplaceable, isAppendOnly, partialName, removeQuietly, stepsIntoPlace } from "./replacing.ts";

/** A content in an engine. Before `open`, only {@link isItem} may be called. */
export interface ContentSource extends Disposable {
  /** Opens the content. @throws DamagedContent if it doesn't exist */
  open(): void;
  /** Size in bytes. */
  size(): number;
  /**
   * Reads sequentially; returns 0 at the end. Only the first read has to fill the buffer, if there are enough bytes.
   */
  read(into: Uint8Array<ArrayBuffer>, position: number): number;
  /** Makes an empty file share the content's blocks; false if that isn't possible. */
  cloneTo(file: OpenFile): boolean;
  /** True if a file that was found in the target is the engine's own one of this content, under another name. */
  isItem(there: Stat): boolean;
}

/** Writes the files of one batch. */
export class FileWriter {
  readonly #batch: ExtractBatch;
  readonly #target: Dir;
  /** Stat of the target directory; absent if it was empty, so that nothing has to be checked. */
  readonly #directory: Stat | undefined;
  readonly #algorithm: Algorithm;
  readonly #buffer: Uint8Array<ArrayBuffer>;
  readonly #stop: StopFlag;
  readonly #meter: Meter;

  /**
   * @param target the directory of the batch; the caller closes it
   * @param tools of the thread; the size of the buffer limits how much is read at once
   */
  constructor(target: Dir, batch: ExtractBatch, tools: {
    readonly algorithm: Algorithm;
    readonly buffer: Uint8Array<ArrayBuffer>;
    readonly stop: StopFlag;
    readonly meter: Meter;
  }) {
    this.#batch = batch;
    this.#target = target;
    this.#directory = batch.isFresh ? undefined : target.statSelf();
    this.#algorithm = tools.algorithm;
    this.#buffer = tools.buffer;
    this.#stop = tools.stop;
    this.#meter = tools.meter;
  }

  /** Writes all files of the batch. @throws Interrupted, and DiskFault that would affect every further file */
  *run(sourceOf: (content: ContentId) => ContentSource): Steps<ExtractResult[]> {
    const results: ExtractResult[] = [];
    for (const task of this.#batch.files) {
      this.#stop.check();
      const before = this.#meter.own;
      try {
        using source = sourceOf(task.content);
        results.push(yield* this.write(task, source));
      } catch (error) {
        this.#meter.backTo(before);
        if (!(error instanceof Fault) || isFatal(error)) throw error;
        results.push({ how: "failed", bytes: 0, problem: toFaultData(error), losses: NO_LOSSES });
      }
      yield;
    }
    return results;
  }

  /** Writes one file. @throws TargetTaken, TargetNewer, TargetProtected, DamagedContent, DiskFault, Interrupted */
  *write(task: ExtractTask, source: ContentSource): Steps<ExtractResult> {
    const settled = this.settle(task, source);
    if (settled !== undefined) return settled;
    source.open();
    const losses = this.#isDirect ? yield* this.#make(task, source) : yield* this.#replace(task, source);
    return { how: "written", bytes: task.size, problem: undefined, losses };
  }

  /** True if files are created under their final names: nothing exists that could be replaced, or nothing may be. */
  get #isDirect(): boolean {
    return this.#directory === undefined || isAppendOnly(this.#directory);
  }

  /**
   * Handles a file whose content isn't needed; undefined if it is needed. @throws TargetTaken, TargetNewer,
   * TargetProtected, DiskFault
   */
  settle(task: ExtractTask, source: Pick<ContentSource, "isItem">): ExtractResult | undefined {
    const target = this.#target, directory = this.#directory;
    const there = directory === undefined ? undefined : target.stat(task.name);
    const verdict = decideOverwrite(this.#batch.overwrite, there, task, ({ kind, size, mtime }) => {
      return kind === "file" && size === task.size && mtime === task.mtime;
    });
    assertMayRestore(verdict, `${textOf(target.path)}/${textOf(task.name)}`);
    if (verdict === "keep") return { how: "kept", bytes: 0, problem: undefined, losses: NO_LOSSES };
    if (verdict === "same" && there !== undefined) {
      const losses = this.#renew(task, there, source);
      if (losses !== undefined) return { how: "same", bytes: 0, problem: undefined, losses };
    }
    if (directory !== undefined) assertReplaceable(target, task.name, { there, directory });
    return undefined;
  }

  /**
   * Begins a file whose pieces arrive in any order.
   * @returns the file's name until {@link finish}, which the writer of the pieces needs; otherwise it has to be removed
   * @throws TargetTaken, DiskFault
   */
  begin(task: ExtractTask): Raw {
    const target = this.#target, name = this.#isDirect ? task.name : partialName(task.name, this.#batch.key);
    if (name !== task.name) target.unlink(name);
    using file = target.create(name, UNFINISHED_MODE);
    if (file === undefined) throw new TargetTaken(`${textOf(target.path)}/${textOf(task.name)}`);
    file.truncate(task.size);
    return name;
  }

  /**
   * Verifies a file that was begun and written, and moves it into place; a wrong one is removed. @throws
   * DamagedContent, DiskFault
   */
  *finish(task: ExtractTask, name: Raw): Steps<ExtractResult> {
    const target = this.#target;
    try {
      using file = target.openOrCreate(name, UNFINISHED_MODE);
      const stream = new DigestStream(this.#algorithm, readingAroundHoles(file), this.#buffer);
      for (const _ of stream) {
        this.#stop.check();
        yield;
      }
      assertSound(task, stream.size, stream.digest);
      const losses = giveAttributes(file, task);
      if (name !== task.name) target.rename(name, target, task.name);
      return { how: "written", bytes: task.size, problem: undefined, losses };
    } catch (error) {
      removeQuietly(target, name);
      throw error;
    }
  }

  *#make(task: ExtractTask, source: ContentSource): Steps<readonly MetadataLoss[]> {
    const target = this.#target;
    using file = target.create(task.name, UNFINISHED_MODE);
    if (file === undefined) throw new TargetTaken(`${textOf(target.path)}/${textOf(task.name)}`);
    return yield* this.#fill(file, task, source, () => removeQuietly(target, task.name));
  }

  /**
   * Replaces a file. The old one stays until the new one is complete; if there is none, an incomplete file never
   * appears.
   */
  *#replace(task: ExtractTask, source: ContentSource): Steps<readonly MetadataLoss[]> {
    const target = this.#target;
    let losses = NO_LOSSES;
    const make = function* (this: FileWriter, partial: Raw): Steps<boolean> {
      using file = target.create(partial, UNFINISHED_MODE);
      if (file === undefined) throw new DiskFault("EEXIST", "create", joinRaw(target.path, partial));
      losses = yield* this.#fill(file, task, source, () => {});
      return true;
    };
    yield* stepsIntoPlace(target, task.name, { key: this.#batch.key, make: make.bind(this) });
    return losses;
  }

  /**
   * Corrects the attributes of an existing file; undefined if it has to be replaced, because it is, or may be, a
   * content of a storage too.
   */
  #renew(task: ExtractTask, there: Stat, source: Pick<ContentSource, "isItem">): readonly MetadataLoss[] | undefined {
    if (there.links > 1 && source.isItem(there)) return undefined;
    using file = new PresentFile(this.#target, task.name, there);
    return renewAttributes(file, there, task, () => file.isOurs());
  }

  /** Writes a content. A small one is verified before, others while writing; `undo` removes a wrong one. */
  *#fill(
    file: OpenFile,
    task: ExtractTask,
    source: ContentSource,
    undo: () => void,
  ): Steps<readonly MetadataLoss[]> {
    try {
      const got = source.read(this.#buffer, 0);
      if (got < this.#buffer.length) this.#writeSmall(file, task, got);
      else if (source.size() !== task.size) {
        throw new DamagedContent(task.content, "it is not as large as it should be");
      } else if (this.#batch.clones && source.cloneTo(file)) yield* this.#verify(file, task);
      else yield* this.#writeStream(file, task, source, got);
    } catch (error) {
      undo();
      throw error;
    }
    return giveAttributes(file, task);
  }

  #writeSmall(file: OpenFile, task: ExtractTask, got: number): void {
    const bytes = this.#buffer.subarray(0, got);
    this.#meter.add(got);
    assertSound(task, got, hashBytes(this.#algorithm, bytes));
    if (got > 0 && !task.sparse) file.write(bytes, 0);
    else if (task.sparse) writeSparse(file, bytes, 0, got);
  }

  /** Verifies the clone, not the item: what counts is what was restored. */
  *#verify(file: OpenFile, task: ExtractTask): Steps<void> {
    const stream = new DigestStream(this.#algorithm, readingAroundHoles(file), this.#buffer);
    for (const { bytes } of stream) {
      this.#stop.check();
      this.#meter.add(bytes.length);
      yield;
    }
    assertSound(task, stream.size, stream.digest);
  }

  /** @param first number of bytes that are already in the buffer */
  *#writeStream(file: OpenFile, task: ExtractTask, source: ContentSource, first: number): Steps<void> {
    const read = (into: Uint8Array<ArrayBuffer>, position: number) => source.read(into, position);
    const stream = new DigestStream(this.#algorithm, read, this.#buffer, first);
    for (const { bytes, at } of stream) {
      this.#stop.check();
      if (task.sparse) writeSparse(file, bytes, at, task.size);
      else file.write(bytes, at);
      this.#meter.add(bytes.length);
      yield;
    }
    assertSound(task, stream.size, stream.digest);
  }
}

function writeSparse(file: OpenFile, bytes: Uint8Array<ArrayBuffer>, position: number, size: number): void {
  if (position === 0) file.truncate(size);
  writeAroundHoles(file, bytes, position);
}

/** Checks size and digest. @throws DamagedContent */
function assertSound(task: ExtractTask, size: number, digest: string): void {
  if (size === task.size && isDigestOf(task.content, digest)) return;
  throw new DamagedContent(task.content, "its bytes don't match its checksum");
}

/** True for failures that would affect every further file. */
export function isFatal(fault: Fault): boolean {
  // Who may not read one content may read none.
  if (fault instanceof Interrupted || fault.code === "write-only-key") return true;
  return fault instanceof DiskFault && ["ENOSPC", "EDQUOT", "EROFS", "ENODEV"].includes(fault.errno);
}
