/** Puts one content after the other into units: as one item, or cut into parts with their list. */
import { hash } from "node:crypto";
import { newHasher } from "../../core/digest.ts";
import type { Raw } from "../../core/raw.ts";
import { DamagedContent } from "../../snapshot/faults.ts";
import type { ReceivedFile } from "../../snapshot/snapshot_sink.ts";
import { chooseLane } from "../pack/lane_choice.ts";
import { LIST_SUFFIX } from "../pack/items.ts";
import { PartCutter } from "../pack/part_cutter.ts";
import type { ContentLists } from "../pack/parts_list.ts";
import { fileName, listName, partName, storedListName } from "../pack/tar_names.ts";
import { type NewItem, OWN_FIELDS, type TarFields } from "../pack/unit_writer.ts";
import { gearOf, type VaultAccess } from "../store/sealed_objects.ts";
import type { UnitIndex } from "../store/unit_index.ts";
import type { UnitPacker } from "./unit_packer.ts";

export class ContentPacker {
  readonly #packer: UnitPacker;
  readonly #index: UnitIndex;
  readonly #wholeUpTo: number;
  readonly #cutter: PartCutter;
  /** Is told of units that what is stored relies on. */
  readonly #relyOn: (unit: string) => void;

  constructor(
    { packer, index, access, relyOn }: {
      readonly packer: UnitPacker;
      readonly index: UnitIndex;
      readonly access: VaultAccess;
      readonly relyOn: (unit: string) => void;
    },
  ) {
    this.#packer = packer;
    this.#index = index;
    this.#relyOn = relyOn;
    const { chunker } = access.config;
    this.#wholeUpTo = chunker.wholeUpTo;
    this.#cutter = new PartCutter(gearOf(access), chunker);
  }

  /**
   * @param directory what names of the snapshot begin with
   * @throws DamagedContent if the bytes that come are not those of the id; nothing names what was stored of them
   */
  async add(file: ReceivedFile, directory: Raw): Promise<void> {
    const name = fileName(directory, file.entry.path);
    if (file.entry.size <= this.#wholeUpTo) await this.#addWhole(file, name);
    else await this.#addParts(file, name);
  }

  async #addWhole({ content, entry, open }: ReceivedFile, name: Raw): Promise<void> {
    const bytes = new Uint8Array(entry.size);
    let size = 0;
    for await (const piece of open()) {
      if (size + piece.length > bytes.length) throw otherBytes(content);
      bytes.set(piece, size);
      size += piece.length;
    }
    if (size !== entry.size || hash("sha256", bytes) !== content) throw otherBytes(content);
    const { lane } = chooseLane(bytes, undefined, false);
    await this.#packer.add("data", { id: content, name, fields: fieldsOf(entry), bytes, lane });
  }

  async #addParts({ content, entry, open }: ReceivedFile, name: Raw): Promise<void> {
    const fields = fieldsOf(entry), whole = newHasher("sha256");
    this.#cutter.reset();
    let parts = 0;
    const take = async ({ id, from, bytes }: { id: string; from: number; bytes: Uint8Array<ArrayBuffer> }) => {
      parts++;
      const home = this.#index.reliableHome(id, "data");
      if (home !== undefined) return this.#relyOn(home.unit.unit);
      if (this.#packer.isPending(id, "data")) return;
      const { lane } = chooseLane(bytes, undefined, true);
      const part = { of: content, from };
      await this.#packer.add("data", { id, part, name: partName(name, from, id), fields, bytes, lane });
    };
    for await (const piece of open()) {
      whole.update(piece);
      for (const part of this.#cutter.push(piece)) await take(part);
    }
    const { last, lists } = this.#cutter.finish(content);
    if (last !== undefined) await take(last);
    if (whole.hex() !== content) throw otherBytes(content);
    if (parts > 1) await this.#addLists(lists, name);
  }

  async #addLists({ top, inner, content }: ContentLists, file: Raw): Promise<void> {
    for (const [index, { digest, bytes }] of inner.entries()) {
      await this.#packer.addCopy("data", listItem(digest, listName(file, index), bytes));
      await this.#packer.add("meta", listItem(digest, storedListName(digest), bytes));
    }
    const id = content + LIST_SUFFIX, { digest, bytes } = top;
    await this.#packer.addCopy("data", { ...listItem(id, listName(file), bytes), digest });
    await this.#packer.add("meta", { ...listItem(id, storedListName(id), bytes), digest });
  }
}

function listItem(id: string, name: Raw, bytes: Uint8Array<ArrayBuffer>): NewItem {
  return { id, name, fields: OWN_FIELDS, bytes, lane: "compressed" };
}

function fieldsOf({ mode, uid, gid, user, group, mtime }: ReceivedFile["entry"]): TarFields {
  return { mode, uid, gid, mtime, ...(user !== undefined && { user }), ...(group !== undefined && { group }) };
}

function otherBytes(content: string): DamagedContent {
  return new DamagedContent(content, "the bytes that came are not those of its checksum");
}
