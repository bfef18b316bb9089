/** Time and chance are arguments, so that tests own them. */
export interface Clock {
  /** Milliseconds since 1970. */
  nowMs(): number;
  /** Minutes that local time is ahead of UTC at that moment. */
  offsetMinutes(atMs: number): number;
  /** IANA name of the local time zone, such as "Europe/Berlin". */
  readonly zone: string;
}

/** Fills a new array with random bytes. */
export type Random = (bytes: number) => Uint8Array<ArrayBuffer>;
