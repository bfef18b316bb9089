import type { Clock, Random } from "../core/clock.ts";
import type { Patience } from "../core/patience.ts";
import type { Raw } from "../core/raw.ts";
import type { Disk } from "./disk.ts";
import type { ThrottleTable } from "./throttle.ts";

/** The world that a storage lives in. */
export interface Machine {
  readonly disk: Disk;
  readonly clock: Clock;
  readonly random: Random;
  /** What runs as a worker thread; undefined: everything in one thread. */
  readonly workerScript: URL | undefined;
  /** Holds back what other threads read; `disk` does it for this one. */
  readonly throttle?: ThrottleTable;
  /** How long to wait for what another run holds; absent: not at all. */
  readonly patience?: Patience;
  /** Absolute paths of directories where this program keeps state of its own: they are never backed up. */
  readonly state?: readonly Raw[];
}
