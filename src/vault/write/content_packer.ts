/**
 * Packs contents into units, as one item each, or cut into parts with a list. Bytes are gathered first; the desk, which
 * knows the vault, is asked for many at once which are needed; only these are packed.
 */
import type { Raw } from "../../core/raw.ts";
import { waitFor, type WaitingSteps } from "../../core/steps.ts";
import type { Ratio } from "../pack/lane_choice.ts";
import { chooseLane } from "../pack/lane_choice.ts";
import { LIST_SUFFIX } from "../pack/items.ts";
import type { ContentLists } from "../pack/parts_list.ts";
import { listName, partName } from "../pack/tar_names.ts";
import type { LaneName, NewItem, TarFields } from "../pack/unit_writer.ts";
import type { PackDesk } from "./pack_desk.ts";
import { listItem } from "./run_store.ts";
import { Turn } from "./turn.ts";
import type { UnitPacker } from "./unit_packer.ts";

/** Name and attributes of a content in unpacked units, for people. */
export interface ContentFacts {
  readonly name: Raw;
  readonly fields: TarFields;
}

/** Bytes that may have to be packed. */
export interface Candidate extends ContentFacts {
  readonly id: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Only for parts: offset in the content. */
  readonly from?: number;
  /** Only for parts: id of the content, if it is already known. */
  readonly of?: string;
}

/** Compression ratios by file type: known ones, and newly learnt ones. */
export interface Compressibility {
  of(name: Raw): Ratio | undefined;
  learn(name: Raw, ratio: Ratio): void;
}

export class ContentPacker {
  readonly #desk: PackDesk;
  readonly #packer: UnitPacker;
  readonly #compressibility: Compressibility;
  readonly #compresses: boolean;
  /** Packing takes turns, because an item may have to wait for the next unit. */
  readonly #turn = new Turn();

  constructor(
    { desk, packer, compressibility, compresses }: {
      readonly desk: PackDesk;
      readonly packer: UnitPacker;
      readonly compressibility: Compressibility;
      readonly compresses: boolean;
    },
  ) {
    this.#desk = desk;
    this.#packer = packer;
    this.#compressibility = compressibility;
    this.#compresses = compresses;
  }

  /** Packs what is needed. @returns for each candidate whether it was */
  *add(candidates: readonly Candidate[]): WaitingSteps<readonly boolean[]> {
    if (candidates.length === 0) return [];
    // What is claimed is packed before anybody else's turn: {@link finish} leaves nothing of it behind.
    using _ = yield* this.#turn.take();
    const needed = yield* waitFor(this.#desk.claim(candidates.map(({ id }) => id)));
    for (const [i, candidate] of candidates.entries()) {
      if (needed[i] === true) yield* this.#packer.add(this.#itemOf(candidate));
    }
    return needed;
  }

  /** Stores the lists of a content, with copies for people, unless lists exist. @returns whether it did */
  *addLists(lists: ContentLists, file: Raw): WaitingSteps<boolean> {
    using _ = yield* this.#turn.take();
    if (!(yield* waitFor(this.#desk.keepLists(lists)))) return false;
    const { top, inner, content } = lists, id = content + LIST_SUFFIX;
    for (const [i, { digest, bytes }] of inner.entries()) {
      yield* this.#packer.addCopy(listItem(digest, listName(file, i), bytes));
    }
    yield* this.#packer.addCopy({ ...listItem(id, listName(file), top.bytes), digest: top.digest });
    return true;
  }

  /** Hands over the open unit. */
  *finish(): WaitingSteps<void> {
    using _ = yield* this.#turn.take();
    yield* this.#packer.finish();
  }

  #itemOf({ id, name, fields, bytes, from, of }: Candidate): NewItem {
    const lane = this.#laneFor(name, bytes, from !== undefined);
    if (from === undefined) return { id, name, fields, bytes, lane };
    const part = of === undefined ? {} : { part: { of, from } };
    return { id, ...part, name: partName(name, from, id), fields, bytes, lane };
  }

  #laneFor(name: Raw, bytes: Uint8Array<ArrayBuffer>, isPart: boolean): LaneName {
    if (!this.#compresses) return "raw";
    const { lane, learnt } = chooseLane(bytes, this.#compressibility.of(name), isPart);
    if (learnt !== undefined) this.#compressibility.learn(name, learnt);
    return lane;
  }
}
