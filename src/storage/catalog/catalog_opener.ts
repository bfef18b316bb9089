/** Opens the catalog on disk. It is used if it agrees with `content/` or can be made to. */
import { unusableText } from "../../snapshot/catalog_notice.ts";
import type { Catalog, Unusable } from "../../catalog/catalog.ts";
import type { Mode } from "../../catalog/database.ts";
import { CatalogFault } from "../../catalog/faults.ts";
import { isSameSnapshot, type RootHeader } from "../../catalog/snapshot_order.ts";
import { shortId } from "../../core/short_id.ts";
import type { SnapshotInfo } from "../../snapshot/snapshot_info.ts";
import { recoverVanished } from "../recovery/recover_vanished.ts";
import type { CatalogChanger } from "./catalog_changer.ts";
import { type CatalogContext, isDamage } from "./catalog_context.ts";
import type { CatalogMaker } from "./catalog_maker.ts";
import { readHeaders } from "./root_headers.ts";

/** Time in ms that a writer that has removed roots has for removing them from the catalog. */
const PATIENCE_MS = 2000, PAUSE_MS = 50;

export class CatalogOpener {
  readonly #context: CatalogContext;
  readonly #maker: CatalogMaker;
  readonly #changer: CatalogChanger;

  constructor(context: CatalogContext, maker: CatalogMaker, changer: CatalogChanger) {
    this.#context = context;
    this.#maker = maker;
    this.#changer = changer;
  }

  /** Opens the catalog: the state goes from "closed" to "open" or "absent". @returns undefined if absent */
  open(): Catalog | undefined {
    const { state } = this.#context;
    try {
      return state.holdFile(this.#choose());
    } catch (error) {
      state.close(); // whether it agrees is not known
      throw error;
    }
  }

  #choose(): Catalog | undefined {
    const { isWriter } = this.#context.state;
    const opened = this.#openFile(isWriter ? "update" : "read");
    if (!("stale" in opened)) return this.#bringUpToDate(opened);
    if (opened.trouble === "full" || opened.trouble === "unreadable") return this.#maker.doWithout(opened.stale);
    return this.#makeBetter(opened.stale);
  }

  #openFile(mode: Mode): Catalog | Unusable {
    const { state: { distrust }, file, stamp } = this.#context;
    return distrust === undefined ? file.open(mode, stamp.provesFile()) : { stale: distrust, trouble: "damaged" };
  }

  #bringUpToDate(opened: Catalog): Catalog | undefined {
    const { state, stamp } = this.#context;
    state.hold("behind", opened);
    let known: readonly SnapshotInfo[];
    try {
      if (stamp.agrees(opened)) return opened;
      if (state.isWriter) return this.#catchUp();
      known = opened.snapshots();
    } catch (error) {
      if (!(error instanceof CatalogFault)) throw error;
      state.close();
      const why = unusableText(error.message);
      if (!isDamage(error)) return this.#maker.doWithout(why);
      state.distrust = why;
      return this.#makeBetter(why);
    }
    state.close();
    return this.#waitForBetter("does not know all snapshots", known);
  }

  #makeBetter(why: string): Catalog | undefined {
    return this.#context.state.isWriter ? this.#maker.renew(why) : this.#waitForBetter(why);
  }

  /** Adds missing snapshots and removes vanished ones, if that is all that is wrong; else rebuilds the catalog. */
  #catchUp(): Catalog | undefined {
    const { state, stamp, origin, reportRoot: report } = this.#context;
    this.#finishReplacements();
    const { catalog } = state;
    if (catalog === undefined) return undefined;
    const there = origin.listing.rootIds(), isThere = new Set<string>(there), known = catalog.snapshots();
    const lost = known.filter(({ id }) => !isThere.has(id));
    const unknown = there.filter((id) => !catalog.knows(id));
    const missing = readHeaders(origin, unknown, { removesReplaced: true, report });
    const replaced = new Set(missing.flatMap(({ root }) => root.replaces ?? []));
    const vanished = lost.filter(({ id }) => !replaced.has(id));
    const stays = known.filter(({ id }) => isThere.has(id)), others = missing.map(({ info }) => info);
    const recovered = recoverVanished(origin, catalog, vanished, [...stays, ...others]);
    this.#reportVanished(vanished.filter(({ id }) => !recovered.has(id)));
    const newest = known.at(-1)?.sequence ?? 0;
    // What was copied from elsewhere may come anywhere in the order.
    const isLast = ({ root }: RootHeader) => root.sequence > newest && root.storage.id === origin.settings.id;
    if (recovered.size > 0 || catalog.isRenumbered || !missing.every(isLast)) {
      state.close();
      return this.#maker.renew("does not know all snapshots");
    }
    if (lost.length > 0) this.#changer.remove(lost.map(({ id }) => id));
    for (const { id } of missing) {
      if (state.catalog?.knows(id) === false) this.#changer.apply(origin.manifestSource(id));
    }
    if (state.isOnDisk) stamp.note(state.opened);
    return state.catalog;
  }

  /** Completes what a crash interrupted: two roots of one snapshot, or one that the catalog knows by its former id. */
  #finishReplacements(): void {
    const { state, origin } = this.#context;
    const known = new Map(state.opened.snapshots().map((snapshot) => [snapshot.id, snapshot]));
    const unknown = origin.listing.rootIds().filter((id) => !known.has(id));
    for (const { id, root } of readHeaders(origin, unknown, { removesReplaced: true })) {
      const former = root.replaces && known.get(root.replaces);
      // A rewritten snapshot is a new one to the catalog, which is rebuilt for it.
      if (former === undefined || root.formerly !== undefined) continue;
      if (!isSameSnapshot(root, { ...former, start: former.time })) continue;
      origin.manifests.remove(former.id);
      this.#changer.replace(former.id, id);
      if (state.catalog === undefined) return;
    }
  }

  /** Reports snapshots whose roots are lost: only the catalog remembers them. */
  #reportVanished(lost: readonly SnapshotInfo[]): void {
    for (const { id, tree, time } of lost) {
      this.#context.origin.monitor.notice(`The snapshot ${shortId(id)} (${tree ?? time}) is gone from content/`);
    }
  }

  /**
   * For a reader, which writes nothing: waits for a catalog that a writer may be about to bring up to date.
   * @returns undefined if none comes
   */
  #waitForBetter(why: string, known: readonly SnapshotInfo[] = []): Catalog | undefined {
    const { origin, stamp } = this.#context;
    for (let waited = 0; waited <= PATIENCE_MS && origin.hasWriter(); waited += PAUSE_MS) {
      origin.machine.clock.sleepSync(PAUSE_MS);
      const opened = this.#openFile("read");
      if ("stale" in opened) continue;
      using held = new DisposableStack();
      held.use(opened);
      if (!stamp.agrees(opened)) continue;
      held.move();
      return opened;
    }
    this.#reportVanished(known.filter(({ id }) => !origin.manifests.has(id)));
    this.#maker.announce(why, ", in memory and for this command alone");
    return undefined;
  }
}
