/** A repository as operations use it: opened on a particular machine. */
import type { Monitor } from "../core/monitor.ts";
import type { Raw } from "../core/raw.ts";
import type { Machine } from "../platform/machine.ts";
import type { OwnPlaces } from "../platform/own_places.ts";
import type { Repository } from "../snapshot/repository.ts";

export interface OpenedRepository extends Repository {
  /** The machine that runs the operation, even if the repository is remote. */
  readonly machine: Machine;
  /**
   * Determines which directories of that machine belong to the repository or to this program.
   * @param more further directories that must not be touched, such as the job directory; they need not exist
   * @param monitor receives a notice about other storages
   */
  ownPlaces(more: readonly Raw[], monitor: Pick<Monitor, "notice">): OwnPlaces;
}
