/** Checks whether the catalog agrees with `content/`, that is, knows exactly the existing roots. */
import type { Catalog } from "../../catalog/catalog.ts";
import type { CatalogFile } from "../../catalog/catalog_file.ts";
import { CatalogFault } from "../../catalog/faults.ts";
import { agreementOf, readAgreement, writeAgreement } from "./catalog_note.ts";
import type { CatalogOrigin } from "./catalog_origin.ts";

export class CatalogStamp {
  readonly #origin: CatalogOrigin;
  readonly #file: CatalogFile;
  readonly #isWriter: () => boolean;
  /** Digest of the file just before it was opened. */
  #found: string | undefined;

  constructor(origin: CatalogOrigin, file: CatalogFile, isWriter: () => boolean) {
    this.#origin = origin;
    this.#file = file;
    this.#isWriter = isWriter;
  }

  /** For a file that is about to be opened: true if it is, byte for byte, what was noted. */
  provesFile(): boolean {
    const noted = readAgreement(this.#origin.dir)?.digest;
    this.#found = noted === undefined ? undefined : this.#file.digestIfAlone();
    return noted !== undefined && this.#found === noted;
  }

  /** True if the catalog can be used. @throws CatalogFault */
  agrees(catalog: Catalog): boolean {
    return this.#isWriter() ? this.#isComplete(catalog) : this.#isGood(catalog);
  }

  /** For a reader: true if the catalog is what the last writer left, or what the writer at work has left so far. */
  #isGood(catalog: Catalog): boolean {
    if (this.#isNoted(this.#agreement(catalog))) return true;
    if (this.#origin.hasWriter()) return this.#knowsNoLostRoot(catalog);
    return this.#isComplete(catalog);
  }

  /** True if the catalog knows exactly the existing roots. Cheap unless `content/` has changed since. */
  #isComplete(catalog: Catalog): boolean {
    const agreement = this.#agreement(catalog);
    if (this.#isNoted(agreement)) return true;
    const known = new Set<string>(catalog.generation());
    const there = this.#origin.listing.rootIds();
    if (there.length !== known.size || !there.every((id) => known.has(id))) return false;
    // Of the state before the listing: what has changed since then is not agreed upon.
    if (this.#isWriter()) writeAgreement(this.#origin.dir, { state: agreement, digest: this.#file.digest() });
    return true;
  }

  /** True if the note confirms that the catalog agrees. @throws CatalogFault if the file has changed since */
  #isNoted(agreement: string): boolean {
    // A writer may end its work between one look and the other.
    for (let look = 0; look < 2; look++) {
      const note = readAgreement(this.#origin.dir);
      if (note?.state !== agreement) return false;
      if (note.digest === undefined || note.digest === this.#found) return true;
      const digest = this.#file.digest();
      if (digest === undefined || digest === note.digest) return true;
      if (!this.#isWriter() && this.#origin.hasWriter()) return true; // it will note what it has changed
    }
    throw new CatalogFault("it is not what was written");
  }

  /**
   * True if all roots that the catalog knows exist. This is enough beside a writer: `content/` changes all the time
   * then, and listing it again and again would be useless. The writer has checked the catalog at its start, and adds
   * its snapshot once that is complete.
   */
  #knowsNoLostRoot(catalog: Catalog): boolean {
    return catalog.generation().every((id) => this.#origin.manifests.has(id));
  }

  #agreement(catalog: Catalog): string {
    return agreementOf(this.#origin.listing.fingerprint(), catalog.generation());
  }

  /** Records that the catalog on disk agrees now. */
  note(catalog: Catalog): void {
    const { dir } = this.#origin;
    const state = this.#agreement(catalog), digest = this.#file.digest(), noted = readAgreement(dir);
    if (noted?.state !== state || noted.digest !== digest) writeAgreement(dir, { state, digest });
  }
}
