/**
 * Another writer of vaults: it puts a snapshot of a storage into a vault as FORMAT.md says, with so few lines in a parts
 * list that large files need lists of two levels. The tool's own writer does that from 8 GB on.
 */
import { hash } from "node:crypto";
import { objectKey } from "../../src/backend/backend.ts";
import { rawOf } from "../../src/core/raw.ts";
import type { SnapshotInfo } from "../../src/snapshot/snapshot_info.ts";
import type { Storage } from "../../src/storage/storage.ts";
import { encodeIndex, lineOf, type UnitLine } from "../../src/vault/index/index_object.ts";
import { encodeSnapshot } from "../../src/vault/index/snapshot_object.ts";
import { Chunker } from "../../src/vault/pack/chunker.ts";
import { LIST_SUFFIX, type UnitClass } from "../../src/vault/pack/items.ts";
import { ListBuilder } from "../../src/vault/pack/parts_list.ts";
import {
  fileName,
  hunkName,
  listName,
  partName,
  rootName,
  snapshotDirectory,
  storedListName,
} from "../../src/vault/pack/tar_names.ts";
import { type LaneName, type NewItem, OWN_FIELDS, PackBuffers, UnitWriter } from "../../src/vault/pack/unit_writer.ts";
import { makeHead } from "../../src/vault/seal/age_header.ts";
import { MemoryOutput } from "../../src/vault/seal/output.ts";
import { sealInto } from "../../src/vault/seal/sealer.ts";
import { gearOf, recipientFor, type SealedObjects } from "../../src/vault/store/sealed_objects.ts";

/** What goes into one unit. */
class Contents {
  readonly items = new Map<string, NewItem>();
  readonly copies: NewItem[] = [];

  add(item: NewItem): void {
    const key = `${item.id} ${item.digest ?? ""}`;
    if (!this.items.has(key)) this.items.set(key, item);
  }
}

export interface WriterOptions {
  /** Of a parts list. */
  readonly mostLines: number;
  readonly lane?: LaneName;
}

export async function putSnapshot(
  objects: SealedObjects,
  storage: Storage,
  { id }: SnapshotInfo,
  { mostLines, lane = "raw" }: WriterOptions,
): Promise<void> {
  const data = new Contents(), meta = new Contents(), bytes = storage.object(id), manifest = storage.manifest(id);
  const { host, name: series, start, hunks } = manifest.root;
  const directory = snapshotDirectory({ host, series, start });
  for (const { path, content, mode, uid, gid, mtime } of manifest.entries()) {
    if (content === undefined) continue;
    const file = fileName(directory, path), fields = { mode, uid, gid, mtime };
    const whole = joined(Array.from(storage.readContent(content), (piece) => piece.slice()));
    if (hash("sha256", whole) !== content) throw new Error("The storage has other bytes than it says");
    if (whole.length <= objects.access.config.chunker.wholeUpTo) {
      data.add({ id: content, name: file, fields, bytes: whole, lane });
      continue;
    }
    const chunker = new Chunker(gearOf(objects.access), objects.access.config.chunker),
      lists = new ListBuilder(mostLines);
    for (let at = 0; at < whole.length;) {
      const end = at + (chunker.findCut(whole.subarray(at)) ?? whole.length - at), part = whole.slice(at, end);
      const id = lists.add(part), of = { of: content, from: at };
      data.add({ id, part: of, name: partName(file, at, id), fields, bytes: part, lane });
      at = end;
    }
    const { top, inner } = lists.finish();
    for (const [i, { digest, bytes }] of inner.entries()) {
      data.copies.push({ id: digest, name: listName(file, i), fields: OWN_FIELDS, bytes, lane: "compressed" });
      meta.add(own(digest, storedListName(digest), bytes));
    }
    const list = { id: content + LIST_SUFFIX, digest: top.digest, fields: OWN_FIELDS, bytes: top.bytes };
    data.copies.push({ ...list, name: listName(file), lane: "compressed" });
    meta.add({ ...list, name: storedListName(list.id), lane: "compressed" });
  }
  for (const { id } of hunks) meta.add(own(id, hunkName(id), storage.object(id)));
  meta.copies.push(own(id, rootName(id), bytes));
  const units = [await putUnit(objects, "data", data), await putUnit(objects, "meta", meta)];
  const vault = objects.access.config.id, written = new Date(await objects.backend.now()).toISOString();
  await objects.put("index", encodeIndex({ kind: "units", vault, host, written, supersedes: [], units }, objects.auth));
  await objects.put("snapshots", encodeSnapshot(bytes, objects.auth));
}

function own(id: string, name: ReturnType<typeof rawOf>, bytes: Uint8Array<ArrayBuffer>): NewItem {
  return { id, name, fields: OWN_FIELDS, bytes, lane: "compressed" };
}

export async function putUnit(
  objects: SealedObjects,
  unitClass: UnitClass,
  { items, copies }: Pick<Contents, "items" | "copies">,
): Promise<UnitLine> {
  const recipient = recipientFor(objects.access, unitClass), output = MemoryOutput.own();
  const head = recipient === undefined ? undefined : await makeHead([recipient], objects.random);
  const options = { vault: objects.access.config.id, unitClass, unitBytes: 2 ** 30, level: 3 };
  const writer = new UnitWriter({ ...options, sealer: sealInto(output, head), buffers: new PackBuffers() });
  for (const item of items.values()) writer.add(item);
  for (const copy of copies) writer.addCopy(copy);
  const unit = writer.finish();
  if (hash("sha256", output.bytes) !== unit.id) throw new Error("A unit has another name than its bytes");
  await objects.backend.put(objectKey("data", unit.id), output.bytes.slice());
  return lineOf(unit);
}

function joined(pieces: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}
