/** Filling the tree of a snapshot that is there already: threads link its contents, everything else is made in order. */
import { type Apath, nameOf, parentOf, TOP } from "../../core/apath.ts";
import type { ContentId } from "../../core/content_id.ts";
import type { Entry } from "../../core/entry.ts";
import { fromFaultData, toFaultData } from "../../core/fault_data.ts";
import type { Monitor } from "../../core/monitor.ts";
import { textOf } from "../../core/raw.ts";
import type { Yielder } from "../../core/yielding.ts";
import { showSymlink } from "../../operations/backup/special_entries.ts";
import { WorkBatch } from "../../operations/backup/work_batch.ts";
import type { Dir, Disk } from "../../platform/disk.ts";
import type { StoragePool } from "../threads/batch_executor.ts";
import { DamagedContent } from "../../snapshot/faults.ts";
import { noticeTaken } from "./new_tree.ts";
import type { TreeBuilder } from "./tree_builder.ts";

export interface Filling {
  readonly tree: TreeBuilder;
  readonly disk: Disk;
  readonly pool: StoragePool;
  readonly pace: Yielder;
  readonly monitor: Monitor;
}

/** A directory whose files are being linked: only then do the directories in it get their attributes. */
interface Share {
  readonly directory: Apath;
  readonly directories: Entry[];
  /** Those that hold its files. */
  readonly parcels: Set<WorkBatch<Linked>>;
}

interface Linked {
  readonly path: Apath;
  readonly content: ContentId;
}

/** Directories that wait for a parcel that is not full yet. */
const MOST_WAITING = 256;

/** @param entries in apath order @throws Interrupted, DiskFault */
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
  /** Sent, not settled yet; oldest first. */
  readonly #sent: WorkBatch<Linked>[] = [];
  #parcel = new WorkBatch<Linked>();
  #share: Share | undefined;
  #dir: Dir | undefined;
  /** Files and symlinks that are not in the tree. */
  #takenNames = 0;

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
    if (this.#parcel.isFull) this.#send();
    while (this.#sent.length >= this.#filling.pool.width) await this.#consumeOldest();
  }

  async finish(): Promise<void> {
    this.#endShare();
    while (this.#queue.length > 0) await this.#consumeOldest();
    noticeTaken(this.#takenNames, this.#filling.monitor);
  }

  async #begin(directory: Apath): Promise<void> {
    this.#endShare();
    while (this.#queue.length > MOST_WAITING) await this.#consumeOldest();
    this.#share = { directory, directories: [], parcels: new Set() };
    this.#dir = this.#filling.tree.open(directory);
    this.#filling.monitor.current(textOf(directory));
  }

  #endShare(): void {
    if (this.#share !== undefined) this.#queue.push(this.#share);
    this.#share = undefined;
    this.close();
  }

  #place(entry: Entry, share: Share, into: Dir): void {
    const { tree, disk } = this.#filling;
    const name = nameOf(entry.path);
    if (entry.kind === "dir") {
      tree.makeDirectory(into, entry);
      share.directories.push(entry);
    } else if (entry.kind === "symlink" && entry.target !== undefined) {
      if (!showSymlink({ ...entry, target: entry.target, name }, into, disk)) this.#takenNames++;
    } else if (entry.kind === "file" && entry.content !== undefined) {
      const { path, content } = entry;
      const place = { tree: tree.directory(share.directory), before: undefined };
      this.#parcel.link(place, name, content, { path, content });
      share.parcels.add(this.#parcel);
    }
  }

  #send(): void {
    this.#parcel.send(this.#filling.pool);
    this.#sent.push(this.#parcel);
    this.#parcel = new WorkBatch();
  }

  /** Of the share at hand, too, the parcels may have to be waited for: a directory may be huge. */
  async #consumeOldest(): Promise<void> {
    const share = this.#queue[0];
    if (share === undefined) return await this.#settle(this.#sent[0]!);
    for (const parcel of share.parcels) await this.#settleUpTo(parcel);
    this.#queue.shift();
    const { tree } = this.#filling;
    tree.enter(share.directory);
    for (const directory of share.directories) tree.expect(directory);
  }

  async #settleUpTo(parcel: WorkBatch<Linked>): Promise<void> {
    if (!parcel.isSent) this.#send();
    while (this.#sent.includes(parcel)) await this.#settle(this.#sent[0]!);
  }

  async #settle(parcel: WorkBatch<Linked>): Promise<void> {
    const { linkedFiles, copiedFiles, takenNames, missing } = await parcel.results();
    this.#sent.splice(this.#sent.indexOf(parcel), 1);
    const { monitor } = this.#filling;
    monitor.count("linkedFiles", linkedFiles);
    monitor.count("copiedFiles", copiedFiles);
    this.#takenNames += takenNames;
    for (const { path, content } of missing) {
      const fault = toFaultData(new DamagedContent(content, "it is missing"));
      const message = `Cannot show ${JSON.stringify(textOf(path))}: ${fault.message}`;
      monitor.problem(fromFaultData({ ...fault, message }));
    }
  }
}
