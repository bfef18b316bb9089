/** Time is an argument, as randomness is, so that tests control it. */
export interface Clock {
  /** Milliseconds since 1970. */
  nowMs(): number;
  /** Minutes that local time is ahead of UTC at that moment. */
  offsetMinutes(atMs: number): number;
  /** IANA name of the local time zone, such as "Europe/Berlin". */
  readonly zone: string;
  /**
   * Resolves after `ms` milliseconds, or as soon as `signal` is aborted. With 0, it resolves after one turn of the
   * event loop.
   */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /** Blocks this thread for `ms` milliseconds. */
  sleepSync(ms: number): void;
  /** Calls `action` every `ms` milliseconds until disposed. */
  every(ms: number, action: () => void): Disposable;
}

/** Fills a new array with random bytes. */
export type Random = (bytes: number) => Uint8Array<ArrayBuffer>;
