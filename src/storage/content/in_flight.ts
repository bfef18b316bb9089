/**
 * The items that this run has already taken care of, shared by all its workers.
 *
 * Two workers may meet the same new content at the same moment. The first to claim its id writes it (or verifies an
 * existing item); all others wait for the outcome and then know, without reading it again, that the item is intact. An
 * item that is not claimed, and that no committed root vouches for, is therefore a leftover of a crash, never work in
 * progress.
 *
 * The table is a hash table with open addressing in shared memory: two 32-bit words a slot, `[high, low << 2 | state]`.
 */
import { fingerprint } from "../../core/fingerprint.ts";
import { waitForChange } from "../../platform/shared_word.ts";

/**
 * "mine": write or verify the item, then call `done` or `failed`. "done": the item is intact. "full": the table has no
 * free slot.
 */
export type Claim = { readonly outcome: "mine"; readonly slot: number } | { readonly outcome: "done" | "full" };

const WRITING = 1, DONE = 2, FAILED = 3;
/**
 * Slots that are tried before the table counts as full; at three quarters full a chain this long doesn't occur by
 * chance.
 */
const LONGEST_PROBE = 256;
/** Longest wait for a claim. `done` or `failed` releases it; the timeout only limits the harm if a worker dies. */
const LONGEST_WAIT_MS = 60_000;
/**
 * Slots for 1.5 million new items in 16 MiB. Further items are verified by reading them, which is slower but just as
 * safe.
 */
export const CLAIM_SLOTS = 1 << 21;
/**
 * Slots for a run without worker threads, which is a small one: a large table makes the garbage collector run often.
 */
export const CLAIM_SLOTS_ALONE = 1 << 17;

export function newClaimTable(slots = CLAIM_SLOTS): SharedArrayBuffer {
  return new SharedArrayBuffer(slots * 8);
}

export class InFlightContents {
  readonly #words: Int32Array;
  readonly #mask: number;

  /** @param table from {@link newClaimTable}; its number of slots is a power of two */
  constructor(table: SharedArrayBuffer) {
    this.#words = new Int32Array(table);
    this.#mask = this.#words.length / 2 - 1;
  }

  /** Claims the item `id` (hex). Waits while another worker is writing it. */
  claim(id: string): Claim {
    const { high, low } = fingerprint(id);
    for (let probe = 0; probe < LONGEST_PROBE; probe++) {
      const slot = ((high >>> 1) + probe) & this.#mask;
      const held = Atomics.compareExchange(this.#words, slot * 2, 0, high);
      if (held === 0) {
        Atomics.store(this.#words, slot * 2 + 1, low | WRITING);
        return { outcome: "mine", slot };
      }
      if (held === high && (this.#lowOf(slot) & ~3) === low) return this.#settled(slot, low);
    }
    return { outcome: "full" };
  }

  done(claim: { readonly slot: number }): void {
    this.#settle(claim.slot, DONE);
  }

  failed(claim: { readonly slot: number }): void {
    this.#settle(claim.slot, FAILED);
  }

  #settle(slot: number, state: number): void {
    const at = slot * 2 + 1;
    Atomics.store(this.#words, at, (Atomics.load(this.#words, at) & ~3) | state);
    Atomics.notify(this.#words, at);
  }

  #settled(slot: number, low: number): Claim {
    const at = slot * 2 + 1;
    for (;;) {
      const word = Atomics.load(this.#words, at);
      if ((word & 3) === DONE) return { outcome: "done" };
      if ((word & 3) === FAILED && Atomics.compareExchange(this.#words, at, word, low | WRITING) === word) {
        return { outcome: "mine", slot };
      }
      if ((word & 3) === WRITING && !waitForChange(this.#words, at, word, LONGEST_WAIT_MS)) {
        return { outcome: "full" };
      }
    }
  }

  /** The second word of a slot. It is written right after the first, and is 0 for an instant in between. */
  #lowOf(slot: number): number {
    let low = Atomics.load(this.#words, slot * 2 + 1);
    while (low === 0) low = Atomics.load(this.#words, slot * 2 + 1);
    return low;
  }
}
