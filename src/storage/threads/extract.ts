/** Restores a batch of files from the storage: its items are passed to the writer of the target. */
import type { ContentId } from "../../core/content_id.ts";
import type { Stat } from "../../core/stat.ts";
import { Descents } from "../../platform/descent.ts";
import type { Disk, OpenFile } from "../../platform/disk.ts";
import { readingAroundHoles } from "../../platform/holes.ts";
import type { Meter } from "../../platform/meter.ts";
import type { Steps } from "../../core/steps.ts";
import type { StopFlag } from "../../platform/stop_flag.ts";
import type { ExtractBatch, ExtractResult } from "../../snapshot/extract_batch.ts";
import { type ContentSource, FileWriter } from "../../target/file_writer.ts";
import { CHUNK_BYTES, type ContentStore } from "../content/content_store.ts";
import type { Settings } from "../layout/settings.ts";

export interface ExtractSetup {
  readonly settings: Settings;
  readonly store: ContentStore;
  readonly stop: StopFlag;
  readonly meter: Meter;
}

/** Restores batches; one per thread. */
export class Extract implements Disposable {
  readonly #targets: Descents;
  readonly #store: ContentStore;
  readonly #tools: ConstructorParameters<typeof FileWriter>[2];

  constructor(disk: Disk, { settings: { algorithm }, store, stop, meter }: ExtractSetup) {
    this.#targets = new Descents(disk);
    this.#store = store;
    this.#tools = { algorithm, stop, meter, buffer: new Uint8Array(CHUNK_BYTES) };
  }

  [Symbol.dispose](): void {
    this.#targets[Symbol.dispose]();
  }

  *run(batch: ExtractBatch): Steps<ExtractResult[]> {
    using target = this.#targets.open(batch.rootPath, batch.relative, batch.beneath);
    const writer = new FileWriter(target, batch, this.#tools);
    return yield* writer.run((content) => new StoredContent(this.#store, content));
  }
}

class StoredContent implements ContentSource {
  readonly #store: ContentStore;
  readonly #id: ContentId;
  #file: OpenFile | undefined;
  #readOn: OpenFile["read"] | undefined;

  constructor(store: ContentStore, id: ContentId) {
    this.#store = store;
    this.#id = id;
  }

  [Symbol.dispose](): void {
    this.#file?.[Symbol.dispose]();
  }

  open(): void {
    this.#file = this.#store.open(this.#id);
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

  isItem(there: Stat): boolean {
    return this.#store.isItem(this.#id, there);
  }

  #opened(): OpenFile {
    if (this.#file === undefined) throw new Error("a content was read before it was opened");
    return this.#file;
  }
}
