/**
 * The desk that packers ask: which contents are needed, and what to make the next unit with. Packers may be in other
 * threads; then the questions and the memory of units are sent as messages.
 */
import type { Raw } from "../../core/raw.ts";
import type { Answer, Ask } from "../../platform/thread_pool.ts";
import type { UnitClass } from "../pack/items.ts";
import type { ContentLists } from "../pack/parts_list.ts";
import type { Head } from "../seal/age_header.ts";
import type { PackedLine } from "./packed_line.ts";
import type { ChunkDesk } from "./pieces.ts";

/** The stored bytes of a unit, in memory or in a local file. */
export type UnitBody =
  | { readonly kind: "memory"; readonly bytes: Uint8Array<SharedArrayBuffer> }
  | { readonly kind: "file"; readonly name: Raw; readonly size: number };

export interface FinishedBody {
  readonly line: PackedLine;
  readonly body: UnitBody;
}

/** What the next unit is made with. */
export interface NextUnit {
  /** Absent without encryption. */
  readonly head: Head | undefined;
  /** Only without encryption: random, so that no unit gets the name of a deleted one. */
  readonly salt: string | undefined;
  readonly room: UnitRoom;
}

/** Where the bytes of the unit go. */
export type UnitRoom =
  /** As much as the unit will take, about. */
  | { readonly kind: "memory"; readonly bytes: number }
  /** `isObject`: the file is going to be the object itself, so that its bytes have to be durable. */
  | { readonly kind: "file"; readonly directory: Raw; readonly name: Raw; readonly isObject: boolean };

export interface PackDesk {
  /** For each id, whether the caller has to store it; only one caller gets true. */
  claim(ids: readonly string[]): Promise<readonly boolean[]>;
  /**
   * Stores the lists of a content, unless lists exist. @returns true if they were stored: copies are then put beside
   * the parts
   */
  keepLists(lists: ContentLists): Promise<boolean>;
  /** Accepts a unit for storing; waits if too many are in progress. Then the memory may be used for the next unit. */
  hand(unit: FinishedBody): Promise<void>;
  begin(unitClass: UnitClass): Promise<NextUnit>;
}

type Question =
  | { readonly kind: "claim"; readonly ids: readonly string[] }
  | { readonly kind: "lists"; readonly lists: ContentLists }
  | { readonly kind: "hand"; readonly unit: FinishedBody }
  | { readonly kind: "begin"; readonly unitClass: UnitClass }
  | { readonly kind: "chunk"; readonly stream: number };

/** What packers need of the thread that has the vault. */
export type MainDesk = PackDesk & ChunkDesk;

/** The desk for a packer in another thread. */
export function deskBehind(ask: Ask): MainDesk {
  const put = (question: Question) => ask(question);
  return {
    claim: (ids) => put({ kind: "claim", ids }) as Promise<readonly boolean[]>,
    keepLists: (lists) => put({ kind: "lists", lists }) as Promise<boolean>,
    hand: (unit) => put({ kind: "hand", unit }) as Promise<void>,
    begin: (unitClass) => put({ kind: "begin", unitClass }) as Promise<NextUnit>,
    chunkOf: (stream) => put({ kind: "chunk", stream }) as Promise<Uint8Array<ArrayBuffer> | undefined>,
  };
}

/** Answers a question from another thread. */
export async function answerAt(desk: MainDesk, asked: unknown): Promise<Answer> {
  const question = asked as Question;
  if (question.kind !== "chunk") return { answer: await answerTo(desk, question), transfer: [] };
  const chunk = await desk.chunkOf(question.stream);
  return { answer: chunk, transfer: chunk === undefined ? [] : [chunk.buffer] };
}

function answerTo(desk: PackDesk, question: Exclude<Question, { kind: "chunk" }>): Promise<unknown> {
  switch (question.kind) {
    case "claim":
      return desk.claim(question.ids);
    case "lists":
      return desk.keepLists(question.lists);
    case "hand":
      return desk.hand(question.unit);
    case "begin":
      return desk.begin(question.unitClass);
  }
}
