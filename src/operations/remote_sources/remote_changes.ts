/** Records the changed files of a backup from a server, for the alarm about unusual change. */
import type { Apath } from "../../core/apath.ts";
import { contentOfLine } from "../../snapshot/entry_line.ts";
import type { SnapshotInfo } from "../../snapshot/snapshot_info.ts";
import { type ChangedFile, ChangeWatch } from "../unusual/change_watch.ts";
import type { RemoteLine } from "./remote_files.ts";

export class RemoteChanges {
  readonly watch: ChangeWatch;
  /** First bytes of the sampled files, so that they needn't be fetched again. */
  readonly #beginnings = new Map<Apath, Uint8Array<ArrayBuffer>>();

  constructor(previous: readonly SnapshotInfo[]) {
    this.watch = new ChangeWatch(previous);
  }

  /** Records a line of the new snapshot. A file that wasn't read is unchanged. */
  note(path: Apath, { text, from, bytes = 0, beginning }: RemoteLine): void {
    if (beginning === undefined) return;
    this.watch.read(path, from?.text, { content: contentOfLine(text), size: bytes });
    const { samples } = this.watch;
    if (samples.at(-1)?.path !== path) return;
    this.#beginnings.set(path, beginning);
    const kept = new Set(samples.map((sample) => sample.path));
    for (const other of this.#beginnings.keys()) if (!kept.has(other)) this.#beginnings.delete(other);
  }

  readonly beginning = ({ path }: ChangedFile): Uint8Array<ArrayBuffer> | undefined => this.#beginnings.get(path);
}
