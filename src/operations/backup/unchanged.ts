/** Recognises backups that would only repeat the last snapshot. */
import type { HunkRef } from "../../snapshot/hunk.ts";
import type { Root } from "../../snapshot/root.ts";
import type { RootFields } from "../../snapshot/root_fields.ts";
import type { SnapshotInfo } from "../../snapshot/snapshot_info.ts";
import { rootIfThere } from "../comparison/root_if_there.ts";
import type { OpenedRepository } from "../opened.ts";

/** The snapshot that a backup made, or the existing one that it would repeat. */
export interface BackedUp extends SnapshotInfo {
  /** Nothing had changed since this snapshot, and the request was to make no new one then. */
  readonly unchanged?: true;
}

/** The last snapshot, which a backup may turn out to repeat. */
export class LastSnapshot {
  readonly info: SnapshotInfo;
  readonly #root: Root;

  /** Undefined if the series has no snapshot, or an interrupted backup is to be continued. */
  static async of(repository: OpenedRepository, previous: readonly SnapshotInfo[]): Promise<LastSnapshot | undefined> {
    const [info] = previous;
    const root = info?.complete ? await rootIfThere(repository, info.id) : undefined;
    return info === undefined || root === undefined ? undefined : new LastSnapshot(info, root);
  }

  private constructor(info: SnapshotInfo, root: Root) {
    this.info = info;
    this.#root = root;
  }

  /** False once hunks differ. @param hunks those made so far; the last one may end anywhere, and is ignored */
  beginsWith(hunks: readonly HunkRef[]): boolean {
    return this.#holds(hunks.slice(0, -1));
  }

  #holds(hunks: readonly HunkRef[]): boolean {
    return hunks.every(({ id }, i) => this.#root.hunks[i]?.id === id);
  }

  /** True if a snapshot with these fields and hunks would differ only in its time. */
  isRepeatedBy(fields: RootFields, hunks: readonly HunkRef[]): boolean {
    const { tags, totals } = this.#root;
    return hunks.length === this.#root.hunks.length && this.#holds(hunks) &&
      totals.problems === fields.totals.problems && fields.tags.every((tag) => tags.includes(tag)) &&
      whatIsTaken(this.#root) === whatIsTaken(fields);
  }
}

function whatIsTaken({ sources, excludes, leftOut }: Pick<Root, "sources" | "excludes" | "leftOut">): string {
  return JSON.stringify([sources, excludes, leftOut]);
}
