/** What a server serves: everything that its routes may use, opened once. */
import type { Clock, Random } from "../../core/clock.ts";
import type { Raw } from "../../core/raw.ts";
import type { Log } from "../../jobs/log/log.ts";
import type { Disk } from "../../platform/disk.ts";
import type { RequestCounts } from "./request_counts.ts";
import type { Accounts } from "../accounts/accounts.ts";
import type { JobDesk } from "../jobs/job_desk.ts";
import type { ObjectStore } from "../object_store/object_store.ts";
import type { Reader } from "../reader/reader.ts";
import type { VaultDesk } from "../vaults/vault_desk.ts";
import type { Notifier } from "../../notify/notifier.ts";

export interface Site {
  readonly disk: Disk;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** The opened repository, in threads of its own. */
  readonly reader: Reader;
  readonly accounts: Accounts;
  /** Of this server so far. */
  readonly requests: RequestCounts;
  /** Repositories of other machines; absent where none are kept. */
  readonly objects?: ObjectStore;
  /** Those of the configuration. */
  readonly vaults?: VaultDesk;
  /** Absent where the configuration names nobody. */
  readonly notices?: { readonly notifier: Notifier; readonly host: string };
  /** For messages: a path, or an address without credentials. Only for accounts of role admin. */
  readonly location: string;
  /** Directories, absolute, below which accounts may have files restored. */
  readonly restoreBelow: readonly Raw[];
  /** Directories, absolute, below which jobs of accounts may back up. */
  readonly sourcesBelow: readonly Raw[];
  /** Accounts may have snapshots forgotten, and recurring jobs removed. */
  readonly mayRemove: boolean;
  /** Name of this machine, in snapshots. */
  readonly host: string;
  /** Undefined where no jobs are taken. */
  readonly jobs: JobDesk | undefined;
}
