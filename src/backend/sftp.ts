/**
 * SFTP: OpenSSH and others. Objects are files as in a local directory: uploaded under a temporary name, then linked to
 * their own when complete and durable.
 */
import type { Random } from "../core/clock.ts";
import { Fault, Interrupted } from "../core/fault.ts";
import {
  type Backend,
  type Body,
  type GetOptions,
  isObjectName,
  lengthIn,
  type ListedObject,
  OBJECT_KINDS,
  type ObjectKey,
  type ObjectKind,
  type PutOptions,
  sizeOf,
} from "./backend.ts";
import { begun } from "./decorator.ts";
import { MissingObject, PlaceUnavailable, ShortObject } from "./faults.ts";
import { sftpLocation, type SftpPlace } from "./location.ts";
import { isThere } from "./rest.ts";
import { SftpFiles, type SftpOptions } from "./sftp_files.ts";
import { pathOf } from "./web_objects.ts";

const TEMPORARY = ".tmp-", TEMPORARY_RANDOM_BYTES = 8;

/** Opens a place. @param create creates it if it is missing @throws what a session throws (ssh_session.ts) */
export async function openSftp(
  place: SftpPlace,
  options: SftpOptions & { readonly random: Random },
  create: boolean,
): Promise<Backend> {
  const backend = new SftpBackend(place, options);
  return await begun(backend, () => backend.begin(create));
}

class SftpBackend implements Backend {
  readonly location: string;
  readonly #files: SftpFiles;
  readonly #random: Random;
  readonly #top: string;

  constructor(place: SftpPlace, options: SftpOptions & { readonly random: Random }) {
    this.location = sftpLocation(place);
    this.#top = place.path === "/" ? "" : place.path;
    this.#random = options.random;
    this.#files = new SftpFiles(place, options);
  }

  get can(): { readonly remove: boolean; readonly putIfAbsent: boolean } {
    return { remove: true, putIfAbsent: this.#files.hasLinks };
  }

  async begin(create: boolean): Promise<void> {
    if (create) await this.#files.makeDirectories(this.#top || "/", `make ${this.location}`);
    else await this.#files.stat(this.#top || "/", `open ${this.location}`);
  }

  async put(key: ObjectKey, body: Body, { signal }: PutOptions = {}): Promise<"stored" | "there"> {
    const what = `store ${key}`, path = this.#pathOf(key), directory = path.slice(0, path.lastIndexOf("/"));
    const found = await this.head(key, signal);
    if (found !== undefined) return isThere(key, body, found);
    const temporary = `${directory}/${this.#temporaryName()}`;
    try {
      await this.#files.write(temporary, body, { what, signal, top: this.#top });
      const size = await this.#files.stat(temporary, what, signal);
      if (size?.size !== sizeOf(body)) throw new PlaceUnavailable(what, "not all of it arrived");
      if (await this.#files.publish(temporary, path, what, signal)) return "stored";
      return isThere(key, body, await this.head(key, signal) ?? 0);
    } finally {
      await this.#discard(temporary);
    }
  }

  async get(key: ObjectKey, options: GetOptions = {}): Promise<Uint8Array<ArrayBuffer>> {
    const what = `read ${key}`, { signal } = options;
    using file = await this.#files.open(this.#pathOf(key), what, signal);
    if (file === undefined) throw new MissingObject(key);
    const length = lengthIn(file.size, key, options), from = options.range?.from ?? 0;
    const bytes = new Uint8Array(length), read = await file.read(bytes, from, what, signal);
    if (read !== length) throw new ShortObject(key, from + length, from + read);
    return bytes;
  }

  async head(key: ObjectKey, signal?: AbortSignal): Promise<number | undefined> {
    return (await this.#files.stat(this.#pathOf(key), `look for ${key}`, signal))?.size;
  }

  async *list(kind: ObjectKind, signal?: AbortSignal): AsyncGenerator<ListedObject> {
    const what = `list ${kind}`;
    for await (const directory of this.#directoriesOf(kind, signal)) {
      for (const { filename, attrs } of await this.#files.list(directory, what, signal)) {
        const isHome = isObjectName(filename) &&
          this.#pathOf(`${kind}/${filename}` as ObjectKey) === `${directory}/${filename}`;
        if (isHome && attrs.isFile()) yield { name: filename, size: attrs.size };
      }
    }
  }

  async remove(key: ObjectKey, signal?: AbortSignal): Promise<void> {
    await this.#files.remove(this.#pathOf(key), `remove ${key}`, signal);
  }

  /** The time that the server's file system gives a new file, in whole seconds. */
  async now(): Promise<number> {
    const path = `${this.#top}/${this.#temporaryName()}`, what = "find out the server's time";
    try {
      await this.#files.write(path, new Uint8Array(0), { what, signal: undefined, top: this.#top });
      const stat = await this.#files.stat(path, what);
      if (stat === undefined) throw new PlaceUnavailable(what, "a file that was just made is not there");
      return stat.mtime * 1000;
    } finally {
      await this.#discard(path);
    }
  }

  async removeLeftovers(beforeMs: number): Promise<number> {
    const what = "look for leftovers", directories = [this.#top || "/"];
    let removed = 0;
    for (const kind of OBJECT_KINDS) directories.push(...await Array.fromAsync(this.#directoriesOf(kind)));
    for (const directory of directories) {
      for (const { filename, attrs } of await this.#files.list(directory, what)) {
        if (!filename.startsWith(TEMPORARY) || !attrs.isFile() || attrs.mtime * 1000 >= beforeMs) continue;
        if (await this.#files.remove(`${directory}/${filename}`, what)) removed++;
      }
    }
    return removed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#files[Symbol.asyncDispose]();
  }

  #pathOf(key: ObjectKey): string {
    return `${this.#top}/${pathOf(key, true)}`;
  }

  #temporaryName(): string {
    const digits = Array.from(this.#random(TEMPORARY_RANDOM_BYTES), (byte) => byte.toString(16).padStart(2, "0"));
    return TEMPORARY + digits.join("");
  }

  async *#directoriesOf(kind: ObjectKind, signal?: AbortSignal): AsyncGenerator<string> {
    const directory = `${this.#top}/${kind}`;
    if (kind !== "data") return yield directory;
    for (const { filename, attrs } of await this.#files.list(directory, `list ${kind}`, signal)) {
      if (attrs.isDirectory() && /^[0-9a-f]{2}$/.test(filename)) yield `${directory}/${filename}`;
    }
  }

  /**
   * Removes a temporary file. A failure is ignored: the file is then a leftover like others, and the original failure
   * matters more.
   */
  async #discard(path: string): Promise<void> {
    try {
      if (this.#files.isOpen) await this.#files.remove(path, "remove a leftover");
    } catch (error) {
      if (!(error instanceof Fault) || error instanceof Interrupted) throw error;
    }
  }
}
