/**
 * What those who pack contents ask of the one who knows the vault: which contents are needed, and what the next unit is
 * made with. They may be in other threads: then the questions go over as messages, and the memory of units with them.
 */
import type { Raw } from "../../core/raw.ts";
import type { Answer, Ask } from "../../platform/thread_pool.ts";
import type { UnitLine } from "../index/index_object.ts";
import type { UnitClass } from "../pack/items.ts";
import type { ContentLists } from "../pack/parts_list.ts";
import type { Head } from "../seal/age_header.ts";

/** The stored bytes of a unit: in memory, or in a file on this machine. */
export type UnitBody =
  | { readonly kind: "memory"; readonly bytes: Uint8Array<ArrayBuffer> }
  | { readonly kind: "file"; readonly name: Raw; readonly size: number };

export interface FinishedBody {
  readonly line: UnitLine;
  readonly body: UnitBody;
}

/** What the next unit is made with. */
export interface NextUnit {
  /** Absent where nothing is encrypted. */
  readonly head: Head | undefined;
  /** Where nothing is encrypted: random, so that no unit is ever called as another one was that is gone. */
  readonly salt: string | undefined;
  readonly room: UnitRoom;
}

/** Where its bytes go. */
export type UnitRoom =
  | { readonly kind: "memory"; readonly memory: ArrayBuffer }
  | { readonly kind: "file"; readonly directory: Raw; readonly name: Raw };

export interface PackDesk {
  /** For each id, whether the caller has to store its content, or part: no other caller gets the same answer. */
  claim(ids: readonly string[]): Promise<readonly boolean[]>;
  /** Keeps the lists of a content, unless there are some. @returns whether they were kept: then copies belong beside the parts */
  keepLists(lists: ContentLists): Promise<boolean>;
  /** Takes a unit to be stored, and waits where too many are on their way already. */
  hand(unit: FinishedBody): Promise<void>;
  begin(unitClass: UnitClass): Promise<NextUnit>;
}

type Question =
  | { readonly kind: "claim"; readonly ids: readonly string[] }
  | { readonly kind: "lists"; readonly lists: ContentLists }
  | { readonly kind: "hand"; readonly unit: FinishedBody }
  | { readonly kind: "begin"; readonly unitClass: UnitClass };

/** The desk as another thread sees it. */
export function deskBehind(ask: Ask): PackDesk {
  const put = (question: Question, transfer: readonly ArrayBuffer[] = []) => ask(question, transfer);
  return {
    claim: (ids) => put({ kind: "claim", ids }) as Promise<readonly boolean[]>,
    keepLists: (lists) => put({ kind: "lists", lists }) as Promise<boolean>,
    hand: async (unit) => {
      await put({ kind: "hand", unit }, unit.body.kind === "memory" ? [unit.body.bytes.buffer] : []);
    },
    begin: (unitClass) => put({ kind: "begin", unitClass }) as Promise<NextUnit>,
  };
}

/** Answers the questions of other threads. */
export async function answerAt(desk: PackDesk, asked: unknown): Promise<Answer> {
  const question = asked as Question;
  switch (question.kind) {
    case "claim":
      return { answer: await desk.claim(question.ids), transfer: [] };
    case "lists":
      return { answer: await desk.keepLists(question.lists), transfer: [] };
    case "hand":
      return { answer: await desk.hand(question.unit), transfer: [] };
    case "begin": {
      const answer = await desk.begin(question.unitClass), { room } = answer;
      return { answer, transfer: room.kind === "memory" ? [room.memory] : [] };
    }
  }
}
