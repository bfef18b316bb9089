/** The outcome of the last attempt to notify each target, for people who wonder why they heard nothing. */
import { BadJson, fieldsOf, parseJson } from "../core/json.ts";
import { bytesOf, rawOf, rawOfBytes, textOf } from "../core/raw.ts";
import type { Dir } from "../platform/disk.ts";

export interface Delivery {
  /** Time of the attempt: ISO 8601, UTC. */
  readonly at: string;
  /** Event of the notification that was sent. */
  readonly event: string;
  readonly subject: string;
  /** Outcome in words, without any address. */
  readonly outcome: string;
  readonly accepted: boolean;
}

const FILE = rawOf("deliveries"), TEMPORARY = rawOf(".deliveries.new");
const PRIVATE_FILE = 0o600, MOST_BYTES = 1024 * 1024;

export class Deliveries {
  readonly #dir: Dir;

  /** @param dir not closed here */
  constructor(dir: Dir) {
    this.#dir = dir;
  }

  /**
   * Records an attempt. If two processes record at the same time, one attempt may be lost.
   * @param target name
   * @throws DiskFault
   */
  note(target: string, delivery: Delivery): void {
    const text = `${JSON.stringify({ ...Object.fromEntries(this.all()), [target]: delivery })}\n`;
    this.#dir.unlink(TEMPORARY);
    {
      using file = this.#dir.create(TEMPORARY, PRIVATE_FILE);
      file?.write(bytesOf(rawOf(text)), 0);
    }
    this.#dir.rename(TEMPORARY, this.#dir, FILE);
  }

  /** The last attempts by names of targets. @throws DiskFault */
  all(): ReadonlyMap<string, Delivery> {
    using file = this.#dir.open(FILE);
    if (file === undefined) return new Map();
    const bytes = new Uint8Array(Math.min(file.stat().size, MOST_BYTES)), got = file.read(bytes, 0);
    try {
      const fields = fieldsOf(parseJson(textOf(rawOfBytes(bytes.subarray(0, got)))));
      return new Map(
        Object.entries(fields).flatMap(([target, value]) => {
          const delivery = deliveryIn(value);
          return delivery === undefined ? [] : [[target, delivery]];
        }),
      );
    } catch (error) {
      if (!(error instanceof BadJson)) throw error;
      return new Map(); // truncated: the next attempts are recorded again
    }
  }
}

function deliveryIn(value: unknown): Delivery | undefined {
  const { at, event, subject, outcome, accepted } = fieldsOf(value);
  if (typeof at !== "string" || typeof event !== "string" || typeof subject !== "string") return undefined;
  if (typeof outcome !== "string" || typeof accepted !== "boolean") return undefined;
  return { at, event, subject, outcome, accepted };
}
