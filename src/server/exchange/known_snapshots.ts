/** The snapshots as they were listed last: as long as nothing has changed, they and what was made of them stay the same. */
import { type Account, maySee } from "../accounts/account.ts";
import type { Reader, SnapshotList } from "../reader/reader.ts";
import type { SnapshotInfo } from "../../snapshot/snapshot_info.ts";

export class KnownSnapshots {
  readonly #reader: Pick<Reader, "list">;
  #list: SnapshotList | undefined;

  constructor(reader: Pick<Reader, "list">) {
    this.#reader = reader;
  }

  /** The last list, which may be out of date; undefined before the first. */
  get last(): SnapshotList | undefined {
    return this.#list;
  }

  /** The list as it is now. */
  async now(): Promise<SnapshotList> {
    const newer = await this.#reader.list(this.#list?.version);
    // Somebody else may have asked meanwhile.
    if (newer !== undefined && newer.version !== this.#list?.version) this.#list = newer;
    return this.#list ?? { version: "", snapshots: [] };
  }
}

/** Remembers what was made of an object, as long as that lives. */
export function remembered<K extends object, V>(make: (of: K) => V): (of: K) => V {
  const known = new WeakMap<K, { readonly made: V }>();
  return (of) => {
    let found = known.get(of);
    if (found === undefined) known.set(of, found = { made: make(of) });
    return found.made;
  };
}

const visibleBySeries = remembered((_: SnapshotList) => new Map<string, readonly SnapshotInfo[]>());

/** Snapshots of a list that an account may see, oldest first: the same array each time. */
export function visibleIn(list: SnapshotList, account: Account | undefined): readonly SnapshotInfo[] {
  if (account?.series === undefined) return list.snapshots;
  const known = visibleBySeries(list), key = JSON.stringify(account.series);
  const visible = known.get(key) ?? list.snapshots.filter((snapshot) => maySee(account, snapshot));
  known.set(key, visible);
  return visible;
}
