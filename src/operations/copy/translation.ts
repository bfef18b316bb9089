/**
 * Copies snapshots to a repository with another digest algorithm. Contents are read to compute their ids there, the
 * lines of the manifest get these ids, and the root records the original snapshot.
 */
import { type ContentId, contentIdOf, type HunkId, type RootId } from "../../core/content_id.ts";
import { type Algorithm, isCollisionResistant, newHasher } from "../../core/digest.ts";
import { fieldsOf, parseJson } from "../../core/json.ts";
import { encodeHunk, type HunkRef } from "../../snapshot/hunk.ts";
import { DamagedManifest, parseLine } from "../../snapshot/entry_line.ts";
import type { Repository } from "../../snapshot/repository.ts";
import { type Origin, parseRoot } from "../../snapshot/root.ts";
import { type CopiedFile, type CopiedSnapshot, type CopySource, hunkOf } from "./copied_snapshot.ts";

/** Identifies a snapshot of another repository by one text. */
export function originKey({ storage, id }: Origin): string {
  return `${storage} ${id}`;
}

/** True if contents have other ids at the target, and these are unique. */
export function isTranslated(from: Pick<Repository, "algorithm">, to: Pick<Repository, "algorithm">): boolean {
  return from.algorithm !== to.algorithm && isCollisionResistant(to.algorithm);
}

/** Finds the copies of snapshots with other algorithms in a repository: ids by {@link originKey}. */
export async function originsIn(repository: Repository): Promise<ReadonlyMap<string, RootId>> {
  const origins = new Map<string, RootId>();
  for (const id of await repository.rootIds()) {
    const { origin, complete } = parseRoot(await repository.object(id));
    if (origin !== undefined && complete) origins.set(originKey(origin), id);
  }
  return origins;
}

export class Translation {
  readonly #source: CopySource;
  readonly #algorithm: Algorithm;
  /** Maps ids here to ids there; `#here` maps back. */
  readonly #there = new Map<ContentId, ContentId>();
  readonly #here = new Map<ContentId, ContentId>();

  /** @param algorithm digest algorithm of the target */
  constructor(source: CopySource, algorithm: Algorithm) {
    this.#source = source;
    this.#algorithm = algorithm;
  }

  /** Learns ids from a copy of an earlier snapshot, so that its contents needn't be read again. */
  async learn(to: Repository, here: RootId, there: RootId): Promise<void> {
    const before = await this.#source.from.manifest(here), after = (await to.manifest(there)).entries();
    for (const { path, content } of before.entries()) {
      const other = after.next().value;
      if (other === undefined || other.path !== path) return;
      if (content !== undefined && other.content !== undefined) this.#note(content, other.content);
    }
  }

  #note(here: ContentId, there: ContentId): void {
    this.#there.set(here, there);
    this.#here.set(there, here);
  }

  /** Translates a snapshot. @throws DamagedContent, DamagedManifest */
  async snapshot(id: RootId): Promise<CopiedSnapshot> {
    const { from, reader } = this.#source, manifest = await from.manifest(id), hunks: HunkRef[] = [];
    const linesAt = (index: number) => manifest.lines(index).map((line) => this.#translated(line));
    for (const index of manifest.root.hunks.keys()) {
      for (const line of manifest.lines(index)) await this.#learnOf(line);
      hunks.push(hunkOf(linesAt(index), this.#algorithm).ref);
    }
    const places = new Map(hunks.map((ref, index) => [ref.id, index]));
    return {
      root: this.#root(await from.object(id), { storage: from.id, id }, hunks),
      hunks,
      files: (index) => this.#files(linesAt(index)),
      beginning: (index, lines) => hunkOf(linesAt(index).slice(0, lines), this.#algorithm),
      source: {
        read: (content) => reader.read(this.#here.get(content) ?? content),
        hunk: (hunk: HunkId) => encodeHunk(linesAt(places.get(hunk) ?? -1)),
      },
    };
  }

  async #learnOf(line: string): Promise<void> {
    const { content } = parseLine(line);
    if (content !== undefined && !this.#there.has(content)) this.#note(content, await this.#idOf(content));
  }

  /** All else stays as it was written, whatever it is. */
  #translated(line: string): string {
    const { content } = parseLine(line), there = content && this.#there.get(content);
    if (content === undefined || there === undefined) return line;
    const before = `"content":"${content}"`, at = line.indexOf(before);
    if (at < 0) throw new DamagedManifest(`a line names its content in other words`);
    return `${line.slice(0, at)}"content":"${there}"${line.slice(at + before.length)}`;
  }

  async #idOf(content: ContentId): Promise<ContentId> {
    const hasher = newHasher(this.#algorithm);
    for await (const piece of this.#source.reader.read(content)) hasher.update(piece);
    return contentIdOf(hasher.hex());
  }

  *#files(lines: readonly string[]): Generator<CopiedFile> {
    const { reader } = this.#source;
    for (const [i, line] of lines.entries()) {
      const entry = parseLine(line), { content } = entry, here = content && this.#here.get(content);
      if (content === undefined) continue;
      yield { file: { content, entry, open: () => reader.read(here ?? content) }, lines: i + 1 };
    }
  }

  /** Omits fields that name other snapshots by ids of the other algorithm. */
  #root(bytes: Uint8Array<ArrayBuffer>, origin: Origin, hunks: readonly HunkRef[]): Uint8Array<ArrayBuffer> {
    const { replaces: _, formerly: _former, hunks: former, ...fields } = fieldsOf(
      parseJson(new TextDecoder().decode(bytes)),
    );
    const storage = { ...fieldsOf(fields["storage"]), algorithm: this.#algorithm };
    const listed = Array.isArray(former) ? former : [];
    const renamed = hunks.map(({ id }, i) => ({ ...fieldsOf(listed[i]), id }));
    const root = { ...fields, storage, previous: null, tree: null, origin, hunks: renamed };
    return new TextEncoder().encode(`${JSON.stringify(root, undefined, 2)}\n`);
  }
}
