import type { Clock, Random } from "../core/clock.ts";
import type { Patience } from "../core/patience.ts";
import type { Raw } from "../core/raw.ts";
import type { Disk } from "./disk.ts";
import type { ThrottleTable } from "./throttle.ts";

/** The services of this machine that operations use. */
export interface Machine {
  readonly disk: Disk;
  readonly clock: Clock;
  readonly random: Random;
  /** Script of the worker threads; undefined: everything runs in one thread. */
  readonly workerScript: URL | undefined;
  /** Limits the read rate of other threads; `disk` does it for this one. */
  readonly throttle?: ThrottleTable;
  /** How long to wait for what another run holds; absent: no wait. */
  readonly patience?: Patience;
  /** Absolute paths of directories that hold this program's own state: they are never backed up. */
  readonly state?: readonly Raw[];
}
