/** What is remembered of alerts: which ones were dismissed, and when the catalog was last rebuilt. One private file. */
import * as z from "zod";
import type { Random } from "../../core/clock.ts";
import { parseJson } from "../../core/json.ts";
import { rawOf, rawOfBytes, textOf } from "../../core/raw.ts";
import type { Dir } from "../../platform/disk.ts";
import { openFileIfThere } from "../../platform/open_optional.ts";
import { replaceFile } from "../../platform/private_file.ts";

const FILE = rawOf("alerts.json"), MOST_BYTES = 1024 * 1024, MOST_DISMISSED = 500;
const DISMISSAL = z.strictObject({ id: z.string(), by: z.string(), at: z.iso.datetime() });
const CONTENT = z.strictObject({
  version: z.literal(1),
  /** Oldest first. */
  dismissed: z.array(DISMISSAL),
  rebuilt: z.iso.datetime().optional(),
});

export type Dismissal = z.output<typeof DISMISSAL>;
type Content = z.output<typeof CONTENT>;
const NOTHING: Content = { version: 1, dismissed: [] };

/** The limits beyond which there are alerts. */
export interface Warn {
  readonly unverifiedDays: number;
  readonly freePercent: number;
}

export class AlertFile {
  readonly #dir: Dir;
  readonly #random: Random;
  #content: Content | undefined;

  /** @param dir a private directory that no other process changes; not closed here */
  constructor(dir: Dir, random: Random) {
    this.#dir = dir;
    this.#random = random;
  }

  /** The dismissal of an alert; undefined if it is shown. @throws DiskFault */
  dismissal(id: string): Dismissal | undefined {
    return this.#read().dismissed.find((one) => one.id === id);
  }

  /** Dismisses an alert. The oldest of too many dismissals is dropped. @throws DiskFault */
  dismiss(dismissal: Dismissal): void {
    const others = this.#others(dismissal.id);
    this.#write({ ...this.#read(), dismissed: [...others, dismissal].slice(-MOST_DISMISSED) });
  }

  /** Shows a dismissed alert again. @throws DiskFault */
  recall(id: string): void {
    this.#write({ ...this.#read(), dismissed: this.#others(id) });
  }

  /** When the catalog was last rebuilt, as far as jobs did it: ISO 8601. @throws DiskFault */
  get rebuilt(): string | undefined {
    return this.#read().rebuilt;
  }

  /** @throws DiskFault */
  noteRebuilt(at: string): void {
    this.#write({ ...this.#read(), rebuilt: at });
  }

  #others(id: string): Dismissal[] {
    return this.#read().dismissed.filter((one) => one.id !== id);
  }

  #read(): Content {
    return this.#content ??= contentIn(this.#dir);
  }

  #write(content: Content): void {
    replaceFile(this.#dir, FILE, `${JSON.stringify(content)}\n`, this.#random);
    this.#content = content;
  }
}

/** The content; nothing if the file is missing or damaged: alerts are shown once too often rather than never. */
function contentIn(dir: Dir): Content {
  using file = openFileIfThere(dir, FILE);
  if (file === undefined) return NOTHING;
  const bytes = new Uint8Array(Math.min(file.stat().size, MOST_BYTES)), got = file.read(bytes, 0);
  try {
    return CONTENT.safeParse(parseJson(textOf(rawOfBytes(bytes.subarray(0, got))))).data ?? NOTHING;
  } catch {
    return NOTHING; // no JSON
  }
}
