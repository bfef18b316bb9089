/** How much work may be done at once, and what a piece of it costs. */

/** Threads and their end. */
export interface WorkOptions {
  /** Threads besides the caller's; 0: none. */
  readonly workers: number;
  readonly signal: AbortSignal;
}

/** What a batch costs: so the engine decides which thread does it, and whether one more is worth starting. */
export interface BatchCost {
  /** In small files. */
  readonly items: number;
  readonly bytes: number;
}
