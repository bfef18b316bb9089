/** Fills the tree of an existing snapshot: threads link its contents, everything else is made in order. */
import { type Apath, nameOf, parentOf, TOP } from "../../core/apath.ts";
import type { ContentId } from "../../core/content_id.ts";
import type { Entry } from "../../core/entry.ts";
import { fromFaultData, toFaultData } from "../../core/fault_data.ts";
import type { Monitor } from "../../core/monitor.ts";
import { textOf } from "../../core/raw.ts";
import type { Yielder } from "../../core/yielding.ts";
import type { Dir } from "../../platform/disk.ts";
import { DamagedContent } from "../../snapshot/faults.ts";
import { type BatchTaker, WorkBatch } from "../../snapshot/work_batch.ts";
import type { TreeBuilder } from "./tree_builder.ts";

export interface Filling {
  readonly tree: TreeBuilder;
  readonly linker: BatchTaker;
  readonly pace: Yielder;
  readonly monitor: Monitor;
}

/** A directory whose files are being linked: only afterwards do the directories in it get their attributes. */
interface Share {
  readonly directory: Apath;
  readonly directories: Entry[];
  /** Batches with its files. */
  readonly batches: Set<WorkBatch<Linked>>;
}

interface Linked {
  readonly path: Apath;
  readonly content: ContentId;
}

/** Most directories that wait for a batch that isn't full yet. */
const MOST_WAITING = 256;

/** Makes everything in the tree. @param entries in apath order @throws Interrupted, DiskFault */
export async function fillTree(entries: Iterable<Entry>, filling: Filling): Promise<void> {
  const filler = new TreeFiller(filling);
  try {
    for (const entry of entries) {
      await filling.pace.yieldIfDue();
      await filler.take(entry);
    }
    await filler.finish();
  } finally {
    filler.close();
  }
}

class TreeFiller {
  readonly #filling: Filling;
  readonly #queue: Share[] = [];
  /** Batches that were sent and are not settled, oldest first. */
  readonly #sent: WorkBatch<Linked>[] = [];
  #batch = new WorkBatch<Linked>();
  #share: Share | undefined;
  #dir: Dir | undefined;

  constructor(filling: Filling) {
    this.#filling = filling;
  }

  close(): void {
    this.#dir?.[Symbol.dispose]();
    this.#dir = undefined;
  }

  async take(entry: Entry): Promise<void> {
    const { tree } = this.#filling;
    if (entry.path === TOP) return tree.setTop(entry);
    const directory = parentOf(entry.path);
    if (this.#share?.directory !== directory) await this.#begin(directory);
    this.#place(entry, this.#share!, this.#dir!);
    if (this.#batch.isFull) this.#send();
    while (this.#sent.length >= this.#filling.linker.width) await this.#consumeOldest();
  }

  async finish(): Promise<void> {
    this.#endShare();
    while (this.#queue.length > 0) await this.#consumeOldest();
  }

  async #begin(directory: Apath): Promise<void> {
    this.#endShare();
    while (this.#queue.length > MOST_WAITING) await this.#consumeOldest();
    this.#share = { directory, directories: [], batches: new Set() };
    this.#dir = this.#filling.tree.open(directory);
    this.#filling.monitor.current(textOf(directory));
  }

  #endShare(): void {
    if (this.#share !== undefined) this.#queue.push(this.#share);
    this.#share = undefined;
    this.close();
  }

  #place(entry: Entry, share: Share, into: Dir): void {
    const { tree } = this.#filling;
    const name = nameOf(entry.path);
    if (entry.kind === "dir") {
      tree.makeDirectory(into, entry);
      share.directories.push(entry);
    } else if (entry.kind === "symlink" && entry.target !== undefined) {
      tree.makeSymlink(into, { ...entry, target: entry.target, name });
    } else if (entry.kind === "file" && entry.content !== undefined) {
      const { path, content } = entry;
      const place = { tree: tree.directory(share.directory), before: undefined };
      this.#batch.link(place, name, content, { path, content });
      share.batches.add(this.#batch);
    }
  }

  #send(): void {
    this.#batch.send(this.#filling.linker);
    this.#sent.push(this.#batch);
    this.#batch = new WorkBatch();
  }

  /** Settles the oldest share, or else the oldest batch of the current one: a directory may be huge. */
  async #consumeOldest(): Promise<void> {
    const share = this.#queue[0];
    if (share === undefined) return await this.#settle(this.#sent[0]!);
    for (const batch of share.batches) await this.#settleUpTo(batch);
    this.#queue.shift();
    const { tree } = this.#filling;
    tree.enter(share.directory);
    for (const directory of share.directories) tree.expect(directory);
  }

  async #settleUpTo(batch: WorkBatch<Linked>): Promise<void> {
    if (!batch.isSent) this.#send();
    while (this.#sent.includes(batch)) await this.#settle(this.#sent[0]!);
  }

  async #settle(batch: WorkBatch<Linked>): Promise<void> {
    const { linkedFiles, copiedFiles, takenNames, missing } = await batch.results();
    this.#sent.splice(this.#sent.indexOf(batch), 1);
    const { tree, monitor } = this.#filling;
    monitor.count("linkedFiles", linkedFiles);
    monitor.count("copiedFiles", copiedFiles);
    tree.noteTaken(takenNames);
    for (const { path, content } of missing) {
      const fault = toFaultData(new DamagedContent(content, "it is missing"));
      const message = `Cannot show ${JSON.stringify(textOf(path))}: ${fault.message}`;
      monitor.problem(fromFaultData({ ...fault, message }));
    }
  }
}
