/** Hearing of new jobs, in the job directory and in its `recurring/`, which may come and go. */
import { joinRaw, type Raw, rawOf } from "../../core/raw.ts";
import type { Dir } from "../../platform/disk.ts";

/** `hears`: the system reports every change; absent: unknown. */
export type Listening = Disposable & { readonly hears?: boolean };

/** Calls back after something in a directory has changed, as far as the system reports it. */
export type Listen = (directory: Raw, look: () => void) => Listening;

const RECURRING = rawOf("recurring");

export class JobListening implements Disposable {
  readonly #listen: Listen;
  readonly #look: () => void;
  readonly #jobs: Dir;
  readonly #path: Raw;
  readonly #top: Listening;
  #recurring: { readonly listening: Listening; readonly inode: string | undefined } | undefined;

  /** @param jobs the directory at `path`; it stays the caller's */
  constructor(
    listen: Listen,
    { jobs, path, look }: { readonly jobs: Dir; readonly path: Raw; readonly look: () => void },
  ) {
    this.#listen = listen;
    this.#look = look;
    this.#jobs = jobs;
    this.#path = path;
    this.#top = listen(path, look);
  }

  [Symbol.dispose](): void {
    this.#forgetRecurring();
    this.#top[Symbol.dispose]();
  }

  /** To be called before the directories are read, so that nothing that changes meanwhile is missed. */
  refresh(): void {
    const now = this.#jobs.stat(RECURRING), known = this.#recurring;
    if (now?.kind === "dir" && known?.listening.hears === true && known.inode === now.inode) return;
    this.#forgetRecurring();
    if (now?.kind !== "dir") return;
    this.#recurring = { listening: this.#listen(joinRaw(this.#path, RECURRING), this.#look), inode: now.inode };
  }

  /**
   * True if no job can come without a word from the system: others may change a network file system, and no machine hears
   * of that.
   */
  get hearsAll(): boolean {
    const hearsRecurring = this.#recurring === undefined || this.#recurring.listening.hears === true;
    return this.#top.hears === true && hearsRecurring && this.#jobs.reliableInodes();
  }

  #forgetRecurring(): void {
    this.#recurring?.listening[Symbol.dispose]();
    this.#recurring = undefined;
  }
}
