/** The station *settle*: converts the results of the files to lines, and adds these to the manifest. */
import { textOf } from "../../core/raw.ts";
import { fromFaultData } from "../../core/fault_data.ts";
import type { Monitor } from "../../core/monitor.ts";
import type { Disk } from "../../platform/disk.ts";
import { encodeLine, statPrefix } from "../../snapshot/entry_line.ts";
import type { StoreResult } from "../../snapshot/ingest_batch.ts";
import type { Totals } from "../../snapshot/root.ts";
import type { TreeOutput } from "../../snapshot/snapshot_sink.ts";
import type { SnapshotWriter } from "../../snapshot/snapshot_writer.ts";
import type { SettledBatch } from "../../snapshot/work_batch.ts";
import { type BackupEntry, changeCounter, statusOf } from "../comparison/backup_entry.ts";
import type { Comparison } from "../comparison/comparison.ts";
import { namesInAcls } from "../comparison/entry_details.ts";
import type { ChangeWatch } from "../unusual/change_watch.ts";
import { recordedOf } from "../comparison/recorded.ts";

export type RunningTotals = { -readonly [Field in keyof Totals]: Totals[Field] };

export interface SettlementSetup {
  readonly comparison: Comparison;
  readonly manifest: SnapshotWriter;
  readonly tree: TreeOutput | undefined;
  readonly totals: RunningTotals;
  readonly watch: ChangeWatch;
  readonly disk: Disk;
  readonly monitor: Monitor;
}

export class Settlement {
  readonly #setup: SettlementSetup;
  readonly #monitor: Monitor;
  /** Bytes of the files that were read so far. */
  readBytes = 0;
  /** Number of contents that were new. */
  storedItems = 0;

  constructor(setup: SettlementSetup) {
    this.#setup = setup;
    this.#monitor = setup.monitor;
  }

  /** Records the results of a batch. @returns the files whose contents are missing */
  finish({ stored, kept, linkedFiles, copiedFiles, missing }: SettledBatch<BackupEntry>): readonly BackupEntry[] {
    for (const { file, result } of stored) this.#finish(file, result);
    for (const entry of kept) this.keep(entry);
    this.#monitor.count("linkedFiles", linkedFiles);
    this.#monitor.count("copiedFiles", copiedFiles);
    return missing;
  }

  /** Makes the line of a file that was read, or that could not be. */
  #finish(entry: BackupEntry, result: StoreResult): void {
    this.#count(entry, result);
    const { content, xattrs, problem, seen } = result;
    this.#setup.watch.read(entry.path, entry.from?.text, { content, size: seen?.size ?? entry.stat.size });
    if (problem !== undefined) this.#monitor.problem(fromFaultData(problem));
    if (seen !== undefined) entry.head = statPrefix(entry.path, this.#setup.comparison.seenOf(seen));
    const aclNames = namesInAcls(xattrs, this.#setup.disk);
    entry.line = encodeLine(entry.head, {
      ...(content !== undefined && { content }),
      ...entry.learnt,
      ...(xattrs !== undefined && { xattrs }),
      ...(aclNames !== undefined && { aclNames }),
      ...(problem !== undefined && { problems: [problem.message] }),
      ...recordedOf(seen ?? entry.stat),
    });
    if (result.how === "failed") return;
    const counter = changeCounter(entry.from, entry.line);
    if (counter !== undefined) this.#monitor.count(counter);
  }

  #count(entry: BackupEntry, { content, how, bytes, link, seen }: StoreResult): void {
    const size = seen?.size ?? entry.stat.size;
    const monitor = this.#monitor;
    if (how !== "failed") {
      monitor.count("readFiles");
      monitor.count("readBytes", size);
      this.readBytes += size;
    }
    if (how === "new") {
      this.storedItems++;
      monitor.count("storedItems");
      monitor.count("storedBytes", bytes);
    } else if (how === "known") monitor.count("reusedItems");
    if (link === "linked") monitor.count("linkedFiles");
    else if (link === "copied") monitor.count("copiedFiles");
    if (content !== undefined) entry.bytes = size;
  }

  /** Records that a file is unchanged. */
  keep(entry: BackupEntry): void {
    entry.bytes = entry.stat.size;
    if (entry.from === undefined) return;
    this.#monitor.count("unchangedFiles");
    this.#monitor.count("unchangedBytes", entry.bytes);
  }

  /** Adds a settled entry to the manifest. Entries must come in apath order. */
  add(entry: BackupEntry): void {
    const { path, line, from, stat, bytes, directory } = entry;
    if (line === undefined) throw new Error(`Not settled yet: ${textOf(path)}`);
    const { manifest, tree, totals } = this.#setup;
    manifest.add(path, line, from?.text === line ? from : undefined);
    if (this.#monitor.status !== undefined) this.#monitor.status(statusOf(entry, line), textOf(path));
    totals.entries++;
    if (stat.kind === "dir") totals.dirs++;
    if (bytes !== undefined) {
      totals.files++;
      totals.bytes += bytes;
    }
    if (directory !== undefined) tree?.finish(directory);
  }
}
