/** How much work may be done at once, and how much one piece of it costs. */

/** Number of worker threads, and the signal to stop. */
export interface WorkOptions {
  /** Worker threads in addition to the caller's; 0: none. */
  readonly workers: number;
  readonly signal: AbortSignal;
}

/** The cost of a batch, from which the engine decides which thread does it, and whether to start another one. */
export interface BatchCost {
  /** Measured in small files. */
  readonly items: number;
  readonly bytes: number;
}
