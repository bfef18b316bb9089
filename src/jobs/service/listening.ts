/** Watches for new jobs in the job directory and in its `recurring/`, which may come and go. */
import { joinRaw, type Raw, rawOf } from "../../core/raw.ts";
import type { Dir } from "../../platform/disk.ts";

/** `hears` is true while the system reports every change; absent: unknown. */
export type Listening = Disposable & { readonly hears?: boolean };

/** Calls `look` after each change in a directory that the system reports. */
export type Listen = (directory: Raw, look: () => void) => Listening;

const RECURRING = rawOf("recurring");

export class JobListening implements Disposable {
  readonly #listen: Listen;
  readonly #look: () => void;
  readonly #jobs: Dir;
  readonly #path: Raw;
  readonly #top: Listening;
  #recurring: { readonly listening: Listening; readonly inode: string | undefined } | undefined;

  /** @param jobs the directory at `path`; not closed here */
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

  /** Renews the watches. Called before the directories are read, so that no change in between is missed. */
  refresh(): void {
    const now = this.#jobs.stat(RECURRING), known = this.#recurring;
    if (now?.kind === "dir" && known?.listening.hears === true && known.inode === now.inode) return;
    this.#forgetRecurring();
    if (now?.kind !== "dir") return;
    this.#recurring = { listening: this.#listen(joinRaw(this.#path, RECURRING), this.#look), inode: now.inode };
  }

  /**
   * True if the system reports every new job. Never true on network file systems, whose changes by other machines
   * nobody reports.
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
