/** What a server serves: everything that its routes use, opened once. */
import type { Clock, Random } from "../../core/clock.ts";
import type { Raw } from "../../core/raw.ts";
import type { Log } from "../../jobs/log/log.ts";
import type { Disk } from "../../platform/disk.ts";
import type { Activity } from "./activity.ts";
import type { AlertFile, Warn } from "./alert_file.ts";
import type { KnownSnapshots } from "./known_snapshots.ts";
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
  /** The opened repository, with threads of its own. */
  readonly reader: Reader;
  /** What the reader has listed. */
  readonly snapshots: KnownSnapshots;
  readonly accounts: Accounts;
  /** What accounts have done. */
  readonly activity: Activity;
  /** What is remembered of alerts. */
  readonly alerts: AlertFile;
  /** Limits beyond which there are alerts; absent: the usual ones. */
  readonly warn?: Warn;
  /** Directory in which backups of this machine record what they do to sources; absent if it is unknown. */
  readonly locks?: Raw;
  /** Counts of the requests to this server. */
  readonly requests: RequestCounts;
  /** Repositories of other machines; absent if there are none. */
  readonly objects?: ObjectStore;
  /** Vaults in the configuration. */
  readonly vaults?: VaultDesk;
  /** Absent if nobody can be notified from here. */
  readonly notices?: { readonly notifier: Notifier; readonly host: string };
  /** Location for messages: a path, or an address without credentials. Only for role admin. */
  readonly location: string;
  /** Absolute paths of the directories below which accounts may restore. */
  readonly restoreBelow: readonly Raw[];
  /** Absolute paths of the directories below which accounts' jobs may back up. */
  readonly sourcesBelow: readonly Raw[];
  /** Absolute paths of this program's own directories, which no list of directories shows. */
  readonly own: readonly Raw[];
  /** True if accounts may forget snapshots and remove recurring jobs. */
  readonly mayRemove: boolean;
  /** Name of this machine, in snapshots. */
  readonly host: string;
  /** Undefined if no jobs are accepted. */
  readonly jobs: JobDesk | undefined;
}
