/** What a server serves: everything that its routes may use, opened once. */
import type { Clock, Random } from "../core/clock.ts";
import type { Log } from "../jobs/log/log.ts";
import type { Disk } from "../platform/disk.ts";
import type { Reader } from "./reader/reader.ts";

export interface Site {
  readonly disk: Disk;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** The opened repository, in a thread of its own. */
  readonly reader: Reader;
}
