/** Writes items of frames to their targets: decrypted and decompressed once for all targets, and verified. */
import { hash } from "node:crypto";
import { Fault } from "../../core/fault.ts";
import { toFaultData } from "../../core/fault_data.ts";
import { releaseMemory } from "../../core/garbage.ts";
import type { Raw } from "../../core/raw.ts";
import type { Steps } from "../../core/steps.ts";
import { Descents } from "../../platform/descent.ts";
import type { Dir, Disk, OpenFile } from "../../platform/disk.ts";
import { readingAroundHoles, writeAroundHoles } from "../../platform/holes.ts";
import type { Meter } from "../../platform/meter.ts";
import type { StopFlag } from "../../platform/stop_flag.ts";
import type { ExtractResult, ExtractTask } from "../../snapshot/extract_batch.ts";
import { DamagedContent } from "../../snapshot/faults.ts";
import { NO_LOSSES } from "../../target/attributes.ts";
import { type ContentSource, FileWriter, isFatal } from "../../target/file_writer.ts";
import { UNFINISHED_MODE } from "../../target/overwrite.ts";
import { framesIn } from "../pack/frame_ranges.ts";
import { bodyOf } from "../seal/sealed_body.ts";
import type { CopyBatch, Directory, FinishBatch, FrameBatch, Granted, PartWish, Wish } from "./frame_batch.ts";

const BUFFER_BYTES = 256 * 1024;

/** Extracts frames; one object for each thread. */
export class FrameExtract implements Disposable {
  readonly #targets: Descents;
  readonly #tools: ConstructorParameters<typeof FileWriter>[2];

  constructor(disk: Disk, stop: StopFlag, meter: Meter) {
    this.#targets = new Descents(disk);
    this.#tools = { algorithm: "sha256", stop, meter, buffer: new Uint8Array(BUFFER_BYTES) };
  }

  [Symbol.dispose](): void {
    this.#targets[Symbol.dispose]();
  }

  /** Writes all wishes of a batch. @throws Interrupted, and DiskFault that would affect every further file */
  *run({ frames, directories, wishes }: FrameBatch): Steps<Granted[]> {
    using open = new OpenTargets(this.#targets, directories, this.#tools);
    const body = bodyOf(frames.head, frames.size, frames.what), granted: Granted[] = [];
    // Others are for another batch.
    const range = { ...frames.range, frames: frames.range.frames.filter((index) => (wishes[index]?.length ?? 0) > 0) };
    for (const { index, plain } of framesIn(frames.stored, range, { body, frames: frames.frames })) {
      for (const wish of wishes[index] ?? []) {
        this.#tools.stop.check();
        if (plain instanceof Fault) granted.push({ damage: plain.message });
        else granted.push(yield* this.#grant(wish, plain.subarray(wish.at, wish.at + wish.size), open));
        yield;
      }
      if (!(plain instanceof Fault)) releaseMemory(plain);
    }
    releaseMemory(frames.stored);
    return granted;
  }

  *#grant(wish: Wish, bytes: Uint8Array<ArrayBuffer>, open: OpenTargets): Steps<Granted> {
    const before = this.#tools.meter.own;
    try {
      if (!("task" in wish)) return this.#writePart(wish, bytes, open);
      return { result: yield* open.writerFor(wish.directory).write(wish.task, new PlainContent(bytes)) };
    } catch (error) {
      this.#tools.meter.backTo(before);
      if (error instanceof DamagedContent) return { damage: `the bytes of ${wish.id} are wrong` };
      if (!(error instanceof Fault) || isFatal(error)) throw error;
      return { result: failed(error) };
    }
  }

  /** Verifies and writes one part. @throws DamagedContent, DiskFault */
  #writePart(
    { id, size, directory, name, offset, sparse }: PartWish,
    bytes: Uint8Array<ArrayBuffer>,
    open: OpenTargets,
  ): Granted {
    if (bytes.length !== size || hash("sha256", bytes, "hex") !== id) {
      throw new DamagedContent(id, "its bytes are wrong");
    }
    const file = open.file(directory, name);
    if (sparse) writeAroundHoles(file, bytes, offset);
    else file.write(bytes, offset);
    this.#tools.meter.add(size);
    return "part";
  }

  *finish({ directory, task, name }: FinishBatch): Steps<ExtractResult> {
    using target = this.#targets.open(directory.rootPath, directory.relative);
    const writer = new FileWriter(target, { ...directory, files: [] }, this.#tools);
    return yield* attempt(() => writer.finish(task, name));
  }

  *copy({ from, directory, task }: CopyBatch): Steps<ExtractResult> {
    using source = this.#targets.open(from.directory.rootPath, from.directory.relative);
    using target = this.#targets.open(directory.rootPath, directory.relative);
    const writer = new FileWriter(target, { ...directory, files: [] }, this.#tools);
    using restored = new RestoredContent(source, from.name, task);
    return yield* attempt(() => writer.write(task, restored));
  }
}

function* attempt(action: () => Steps<ExtractResult>): Steps<ExtractResult> {
  try {
    return yield* action();
  } catch (error) {
    if (!(error instanceof Fault) || isFatal(error)) throw error;
    return failed(error);
  }
}

export function failed(fault: Fault): ExtractResult {
  return { how: "failed", bytes: 0, problem: toFaultData(fault), losses: NO_LOSSES };
}

interface OpenTarget {
  readonly directory: number;
  readonly dir: Dir;
  readonly writer: FileWriter;
}

/** The last used directory and its open file: the next wish is mostly for the same. */
class OpenTargets implements Disposable {
  readonly #targets: Descents;
  readonly #directories: readonly Directory[];
  readonly #tools: ConstructorParameters<typeof FileWriter>[2];
  #last: OpenTarget | undefined;
  #file: { readonly directory: number; readonly name: Raw; readonly file: OpenFile } | undefined;

  constructor(
    targets: Descents,
    directories: readonly Directory[],
    tools: ConstructorParameters<typeof FileWriter>[2],
  ) {
    this.#targets = targets;
    this.#directories = directories;
    this.#tools = tools;
  }

  [Symbol.dispose](): void {
    this.#file?.file[Symbol.dispose]();
    this.#last?.dir[Symbol.dispose]();
  }

  writerFor(directory: number): FileWriter {
    return this.#open(directory).writer;
  }

  /** Opens a file that was begun. */
  file(directory: number, name: Raw): OpenFile {
    if (this.#file?.directory === directory && this.#file.name === name) return this.#file.file;
    this.#file?.file[Symbol.dispose]();
    this.#file = undefined;
    const file = this.#open(directory).dir.openOrCreate(name, UNFINISHED_MODE);
    this.#file = { directory, name, file };
    return file;
  }

  #open(directory: number): OpenTarget {
    if (this.#last?.directory === directory) return this.#last;
    this.#last?.dir[Symbol.dispose]();
    this.#last = undefined;
    const batch = this.#directories[directory];
    if (batch === undefined) throw new RangeError(`There is no directory ${directory}`);
    const dir = this.#targets.open(batch.rootPath, batch.relative);
    return this.#last = { directory, dir, writer: new FileWriter(dir, { ...batch, files: [] }, this.#tools) };
  }
}

/** A content whose bytes are in memory. */
class PlainContent implements ContentSource {
  readonly #bytes: Uint8Array<ArrayBuffer>;

  constructor(bytes: Uint8Array<ArrayBuffer>) {
    this.#bytes = bytes;
  }

  [Symbol.dispose](): void {}

  open(): void {}

  size(): number {
    return this.#bytes.length;
  }

  read(into: Uint8Array<ArrayBuffer>, position: number): number {
    const piece = this.#bytes.subarray(position, position + into.length);
    into.set(piece);
    return piece.length;
  }

  cloneTo(): boolean {
    return false;
  }

  isItem(): boolean {
    return false;
  }
}

/** A content that is read from a file restored just before. */
class RestoredContent implements ContentSource {
  readonly #dir: Dir;
  readonly #name: Raw;
  readonly #task: ExtractTask;
  #file: OpenFile | undefined;
  #readOn: OpenFile["read"] | undefined;

  constructor(dir: Dir, name: Raw, task: ExtractTask) {
    this.#dir = dir;
    this.#name = name;
    this.#task = task;
  }

  [Symbol.dispose](): void {
    this.#file?.[Symbol.dispose]();
  }

  open(): void {
    this.#file ??= this.#dir.open(this.#name);
    if (this.#file === undefined) {
      throw new DamagedContent(this.#task.content, "the file that it was restored to is gone");
    }
  }

  size(): number {
    return this.#opened().stat().size;
  }

  read(into: Uint8Array<ArrayBuffer>, position: number): number {
    if (position === 0) return this.#opened().read(into, 0);
    return (this.#readOn ??= readingAroundHoles(this.#opened()))(into, position);
  }

  cloneTo(file: OpenFile): boolean {
    return file.cloneFrom(this.#opened());
  }

  isItem(): boolean {
    return false;
  }

  #opened(): OpenFile {
    if (this.#file === undefined) throw new Error("a file was read before it was opened");
    return this.#file;
  }
}
