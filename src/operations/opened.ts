/** A repository as an operation meets it: opened on some machine. */
import type { Monitor } from "../core/monitor.ts";
import type { Raw } from "../core/raw.ts";
import type { Machine } from "../platform/machine.ts";
import type { OwnPlaces } from "../platform/own_places.ts";
import type { Repository } from "../snapshot/repository.ts";

export interface OpenedRepository extends Repository {
  /** That of whoever asks, which a remote repository is not on. */
  readonly machine: Machine;
  /**
   * Finds out which directories of that machine belong to the repository or to this program.
   * @param more directories that must not be touched either, such as that of the jobs; they need not be there
   * @param monitor receives a notice about other storages
   */
  ownPlaces(more: readonly Raw[], monitor: Pick<Monitor, "notice">): OwnPlaces;
}
