/** Builds a catalog from `content/`: as the new file, or in memory. */
import type { Catalog } from "../../catalog/catalog.ts";
import { CatalogFault } from "../../catalog/faults.ts";
import { chainsOf, withSequence } from "../../catalog/snapshot_order.ts";
import { Fault } from "../../core/fault.ts";
import { DiskFault } from "../../platform/disk.ts";
import type { ManifestSource } from "../../snapshot/manifest.ts";
import { rebuildingText } from "../../snapshot/catalog_notice.ts";
import type { CatalogContext } from "./catalog_context.ts";
import { readHeaders } from "./root_headers.ts";

export class CatalogMaker {
  readonly #context: CatalogContext;

  constructor(context: CatalogContext) {
    this.#context = context;
  }

  /** Builds a catalog in memory for this run, because there is none on disk. */
  inMemory(): Catalog {
    const { file, state } = this.#context;
    return state.hold("in memory", this.#fill(file.inMemory()));
  }

  /**
   * Replaces a bad catalog by a new one. @param why continues "The catalog" @returns undefined if the disk has no room:
   * this run does without
   */
  renew(why: string): Catalog | undefined {
    this.announce(why);
    try {
      return this.rebuildFile();
    } catch (error) {
      if (!(error instanceof CatalogFault || error instanceof DiskFault)) throw error;
      this.#context.origin.monitor.notice(`The catalog can't be written, and will be rebuilt: ${error.message}`);
      this.discard();
      return undefined;
    }
  }

  /** Goes on without a catalog that is not at fault: it can be used another time. @param why continues "The catalog" */
  doWithout(why: string): undefined {
    this.#context.origin.monitor.notice(`The catalog ${why}; going on without it`);
    return undefined;
  }

  announce(why: string, where = ""): void {
    const { listing, monitor } = this.#context.origin;
    if (listing.rootIds().length === 0) return;
    monitor.notice(rebuildingText(why, where));
  }

  /** Builds the file anew. The former catalog must be closed. @throws CatalogFault, DiskFault */
  rebuildFile(): Catalog {
    const catalog = this.replaceFile("new", (made) => void this.#fill(made));
    this.#context.stamp.note(catalog);
    return catalog;
  }

  /**
   * Replaces the file by a new one or a changed copy. The former catalog must be closed. @throws CatalogFault,
   * DiskFault
   */
  replaceFile(start: "new" | "copy", make: (catalog: Catalog) => void): Catalog {
    this.#context.file.prepare(start, make);
    return this.publish();
  }

  /** Replaces the file by the prepared one. It must be closed. @throws CatalogFault, DiskFault */
  publish(): Catalog {
    const { file, state } = this.#context;
    file.publish();
    state.distrust = undefined;
    const opened = file.open("update", true);
    if ("stale" in opened) throw new CatalogFault(`it was just made, but it ${opened.stale}`, opened.trouble);
    return opened;
  }

  /** Discards the prepared file. */
  discard(): void {
    try {
      this.#context.file.discard();
    } catch (error) {
      if (!(error instanceof DiskFault)) throw error; // the next writer empties tmp/
    }
  }

  #fill(catalog: Catalog): Catalog {
    const { origin, state, reportRoot: report } = this.#context;
    const heads = readHeaders(origin, origin.listing.rootIds(), { removesReplaced: state.isWriter, report });
    const sequences = new Map(heads.map(({ id, root }) => [id, root.sequence]));
    const reported = new Set<string>();
    catalog.fill(chainsOf(heads), (id) => {
      const source = origin.manifestSource(id);
      const numbered = withSequence(source, sequences.get(id) ?? source.root.sequence);
      return { ...numbered, text: (hunk) => this.#textOrNothing(numbered, hunk, reported) };
    });
    return catalog;
  }

  /** The text of a hunk; empty if it can't be read. Each such hunk is reported once, and hides no other. */
  #textOrNothing(source: ManifestSource, hunk: number, reported: Set<string>): Uint8Array<ArrayBuffer> {
    try {
      return source.text(hunk);
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      const id = source.root.hunks[hunk]?.id ?? "";
      if (!reported.has(id)) this.#context.origin.monitor.problem(error);
      reported.add(id);
      return new Uint8Array();
    }
  }
}
