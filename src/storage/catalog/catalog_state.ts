/**
 * The state of the catalog in this run:
 *
 *              opened, or rebuilt               a root is written
 *    closed ─────────────────────────▶ open ──────────────────────▶ behind
 *      ▲ │                              ▲ ◀──────────────────────────  │
 *      │ │                              │      its snapshot is added   │
 *      │ │                              └──────────── rebuilt ─────────┤
 *      │ │ no file can be used, or made                                │
 *      │ └───────────▶ absent ◀────────────────── a change fails ──────┘
 *      │                 │ somebody has to have one
 *      │                 ▼
 *      │             in memory
 *      │
 *      └── from everywhere: the writer lock is taken or released, or the file turns out to be damaged
 *
 * - closed: nobody has needed it yet, or it has to be opened anew.
 * - open: the file, which agrees with `content/`.
 * - behind: the file, which lacks a root that this writer has written, or is being brought up to date.
 * - absent: there is no file that can be used, and it can't be made now. Who can does without one.
 * - in memory: made from `content/` for this run alone.
 */
import type { Catalog } from "../../catalog/catalog.ts";

type State =
  | { readonly name: "closed" | "absent" }
  | { readonly name: "open" | "behind" | "in memory"; readonly catalog: Catalog };
export type StateName = State["name"];

export class CatalogState implements Disposable {
  #state: State = { name: "closed" };
  /** True while this run holds the writer lock: only then is the file changed. */
  isWriter = false;
  /** Why the file must no longer be used although it can be opened; continues "The catalog". */
  distrust: string | undefined;

  [Symbol.dispose](): void {
    this.reset();
  }

  get name(): StateName {
    return this.#state.name;
  }

  /** The open catalog; undefined if it is closed or absent. */
  get catalog(): Catalog | undefined {
    return "catalog" in this.#state ? this.#state.catalog : undefined;
  }

  /** The open catalog. It must have been opened before. */
  get opened(): Catalog {
    const { catalog } = this;
    if (catalog === undefined) throw new Error(`The catalog is ${this.name}`);
    return catalog;
  }

  get isOnDisk(): boolean {
    return this.name === "open" || this.name === "behind";
  }

  /** Changes to a state with this catalog. A different one that was held before is closed. */
  hold(name: "open" | "behind" | "in memory", catalog: Catalog): Catalog {
    if (this.catalog !== catalog) this.#release();
    this.#state = { name, catalog };
    return catalog;
  }

  /** Changes to "open" or "absent". @param made undefined if there is no usable file */
  holdFile(made: Catalog | undefined): Catalog | undefined {
    if (made !== undefined) return this.hold("open", made);
    this.#release();
    this.#state = { name: "absent" };
    return undefined;
  }

  /** Notes that a root was written which the catalog doesn't know yet. */
  fallBehind(): void {
    if (this.#state.name === "open") this.#state = { ...this.#state, name: "behind" };
  }

  /** Notes that the catalog knows that root now. */
  catchUp(): void {
    if (this.#state.name === "behind") this.#state = { ...this.#state, name: "open" };
  }

  /** Closes the catalog. It is opened again on the next use. */
  close(): void {
    this.#release();
    // One that was made in memory stands in for a file that couldn't be used.
    this.#state = { name: this.name === "in memory" ? "absent" : "closed" };
  }

  /** Returns to the state at the start of the run: a file that couldn't be used before may be usable now. */
  reset(): void {
    this.#release();
    this.#state = { name: "closed" };
  }

  #release(): void {
    this.catalog?.[Symbol.dispose]();
  }
}
