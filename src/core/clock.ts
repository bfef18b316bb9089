/** Time and chance are arguments, so that tests own them. */
export interface Clock {
  /** Milliseconds since 1970. */
  nowMs(): number;
  /** Minutes that local time is ahead of UTC at that moment. */
  offsetMinutes(atMs: number): number;
  /** IANA name of the local time zone, such as "Europe/Berlin". */
  readonly zone: string;
  /** Resolves after `ms` milliseconds, or as soon as `signal` says so; with 0, once the event loop has had its turn. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /** Holds up this thread for `ms` milliseconds. */
  sleepSync(ms: number): void;
  /** Calls `action` every `ms` milliseconds until disposed. */
  every(ms: number, action: () => void): Disposable;
}

/** Fills a new array with random bytes. */
export type Random = (bytes: number) => Uint8Array<ArrayBuffer>;
