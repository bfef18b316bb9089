/** Another storage as a source for repairs: it may have the same items, or the same files under another checksum. */
import { nameOf } from "../../core/apath.ts";
import type { ContentId, HunkId, RootId } from "../../core/content_id.ts";
import { unlessFault } from "../../core/fault.ts";
import { ownText, textOf } from "../../core/raw.ts";
import type { OpenFile } from "../../platform/disk.ts";
import type { ContentStore } from "../content/content_store.ts";
import { digestHexLength } from "../../core/digest.ts";
import { linesOf } from "../../snapshot/manifest.ts";
import { parseLine } from "../../snapshot/entry_line.ts";
import type { Storage } from "../storage.ts";
import type { DamagedFile } from "./affected_paths.ts";

export class RepairSource implements Disposable {
  readonly #storage: Storage;
  readonly #store: ContentStore;
  /** Contents of files with the wanted names and sizes; collected from all manifests on first use. */
  #byFile: ReadonlyMap<string, ReadonlySet<ContentId>> | undefined;
  readonly #wanted = new Set<string>();

  constructor(storage: Storage) {
    this.#storage = storage;
    this.#store = storage.contents();
  }

  [Symbol.dispose](): void {
    this.#store[Symbol.dispose]();
  }

  /** Path for messages. */
  get path(): string {
    return textOf(this.#storage.path);
  }

  /** Announces the contents that will be requested. */
  expect(files: readonly DamagedFile[]): void {
    for (const file of files) for (const key of keysOf(file)) this.#wanted.add(key);
  }

  /** Verified bytes of the same root or hunk; undefined if there is none. */
  object(id: RootId | HunkId): Uint8Array<ArrayBuffer> | undefined {
    return unlessFault(() => this.#storage.manifests.read(id), undefined);
  }

  /** Files that may have the content: first under the same id, then those with the same name and size. */
  *candidates(file: DamagedFile): Generator<() => OpenFile | undefined> {
    yield () => this.#open(file.id);
    this.#byFile ??= this.#indexFiles();
    const tried = new Set<string>([file.id]);
    for (const key of keysOf(file)) {
      for (const id of this.#byFile.get(key) ?? []) {
        if (tried.has(id)) continue;
        tried.add(id);
        yield () => this.#open(id);
      }
    }
  }

  #open(id: ContentId): OpenFile | undefined {
    const digits = digestHexLength(this.#storage.settings.algorithm);
    return id.length < digits ? undefined : unlessFault(() => this.#store.open(id), undefined);
  }

  #indexFiles(): Map<string, Set<ContentId>> {
    const found = new Map<string, Set<ContentId>>(), seen = new Set<HunkId>();
    for (const id of this.#storage.listing.rootIds()) {
      const hunks = unlessFault(() => this.#storage.manifest(id).root.hunks, []);
      for (const hunk of hunks) {
        if (seen.has(hunk.id)) continue;
        seen.add(hunk.id);
        const lines = unlessFault(() => linesOf(this.#storage.manifests.read(hunk.id), hunk), []);
        for (const line of lines) this.#note(line, found);
      }
    }
    return found;
  }

  #note(line: string, found: Map<string, Set<ContentId>>): void {
    const { path, size, content } = parseLine(line);
    const key = keyOf(nameOf(path), size);
    if (content === undefined || !this.#wanted.has(key)) return;
    const ids = found.get(key), id = ownText(content);
    if (ids === undefined) found.set(ownText(key), new Set([id]));
    else ids.add(id);
  }
}

function keysOf({ size, affected }: DamagedFile): Set<string> {
  return new Set(affected.map(({ path }) => keyOf(nameOf(path), size)));
}

function keyOf(name: string, size: number): string {
  return `${size}/${name}`;
}
