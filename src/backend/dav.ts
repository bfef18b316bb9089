/**
 * WebDAV: Nextcloud, Apache, rclone and others. An object is uploaded under a temporary name. When it is complete, a
 * MOVE that must not overwrite gives it its own.
 */
import {
  type Backend,
  type Body,
  CONFIG,
  type GetOptions,
  isObjectName,
  type ListedObject,
  OBJECT_KINDS,
  type ObjectKey,
  type ObjectKind,
  type PutOptions,
  sizeOf,
} from "./backend.ts";
import type { Random } from "../core/clock.ts";
import { Fault, Interrupted } from "../core/fault.ts";
import { propfind } from "./dav_list.ts";
import { begun } from "./decorator.ts";
import { PlaceRefuses, PlaceUnavailable } from "./faults.ts";
import { Http, type HttpOptions } from "./http.ts";
import { lengthOf } from "./http_body.ts";
import type { WebPlace } from "./location.ts";
import { isThere } from "./rest.ts";
import { getObject, pathOf, timeOf, UNFIT } from "./web_objects.ts";
import { webLogin } from "./web_login.ts";

const TEMPORARY = ".tmp-", TEMPORARY_RANDOM_BYTES = 8;
const MISSING = 404, CONFLICT = 409, TAKEN = 412;

export interface DavOptions extends HttpOptions {
  readonly random: Random;
}

/** Opens a WebDAV place. @param create creates it if it is missing */
export async function openDav(place: WebPlace, options: DavOptions, create: boolean): Promise<Backend> {
  const backend = new DavBackend(place, options);
  return create ? await begun(backend, () => backend.create()) : backend;
}

class DavBackend implements Backend {
  readonly location: string;
  /** Two concurrent writers may both get "stored": some servers check first and move afterwards. */
  readonly can = { remove: true, putIfAbsent: false };
  readonly #url: URL;
  readonly #http: Http;
  readonly #random: Random;

  constructor({ url, user }: WebPlace, options: DavOptions) {
    this.#url = url;
    this.#random = options.random;
    this.location = `dav:${url.href}`;
    this.#http = new Http({ authorize: webLogin(options.credentials, user) }, options);
  }

  async create(): Promise<void> {
    await this.#makeCollection(this.#url, new URL("/", this.#url));
  }

  async put(key: ObjectKey, body: Body, { signal }: PutOptions = {}): Promise<"stored" | "there"> {
    const url = this.#urlOf(key), temporary = new URL(this.#temporaryName(), url), what = `store ${key}`;
    await this.#send(temporary, what, body, signal);
    try {
      const size = await this.#sizeAt(temporary, what, signal);
      if (size !== sizeOf(body)) throw new PlaceUnavailable(what, `only ${size ?? 0} of ${sizeOf(body)} bytes arrived`);
      const headers = { destination: url.href, overwrite: "F" };
      const expects = [200, 201, 204, TAKEN];
      const { status } = await this.#http.send({ method: "MOVE", url: temporary, what, headers, signal, expects });
      if (status !== TAKEN) return "stored";
      const found = await this.head(key, signal);
      // It was removed at this moment.
      if (found === undefined) throw new PlaceUnavailable(what, "the server says it is there, and it is not");
      const result = isThere(key, body, found);
      await this.#discard(temporary);
      return result;
    } catch (error) {
      if (!(error instanceof Interrupted)) await this.#discard(temporary);
      throw error;
    }
  }

  async get(key: ObjectKey, options: GetOptions = {}): Promise<Uint8Array<ArrayBuffer>> {
    return await getObject(this.#http, this.#urlOf(key), key, options);
  }

  async head(key: ObjectKey, signal?: AbortSignal): Promise<number | undefined> {
    return await this.#sizeAt(this.#urlOf(key), `look for ${key}`, signal);
  }

  async *list(kind: ObjectKind, signal?: AbortSignal): AsyncGenerator<ListedObject> {
    const what = `list ${kind}`;
    for await (const url of this.#collectionsOf(kind, signal)) {
      const listing = await propfind(this.#http, url, { depth: 1, what, signal });
      for (const { name, isCollection, size } of listing?.members ?? []) {
        const isHome = isObjectName(name) &&
          this.#urlOf(`${kind}/${name}` as ObjectKey).href === new URL(name, url).href;
        if (isCollection || !isHome) continue;
        if (size === undefined) throw new PlaceRefuses(what, "the server's list has no sizes", UNFIT);
        yield { name, size };
      }
    }
  }

  async remove(key: ObjectKey, signal?: AbortSignal): Promise<void> {
    const expects = [200, 204, MISSING];
    await this.#http.send({ method: "DELETE", url: this.#urlOf(key), what: `remove ${key}`, signal, expects });
  }

  async now({ roughly = false } = {}): Promise<number> {
    const url = this.#urlOf(CONFIG), what = "find out the server's time";
    return (roughly ? this.#http.recentMs : undefined) ??
      timeOf(await this.#http.send({ method: "HEAD", url, what, expects: [200, MISSING] }));
  }

  async removeLeftovers(beforeMs: number): Promise<number> {
    const what = "look for leftovers";
    let removed = 0;
    const collections = [this.#url];
    for (const kind of OBJECT_KINDS) collections.push(...await Array.fromAsync(this.#collectionsOf(kind)));
    for (const url of collections) {
      const listing = await propfind(this.#http, url, { depth: 1, what });
      for (const { name, modifiedMs, isCollection } of listing?.members ?? []) {
        const isOld = modifiedMs !== undefined && modifiedMs < beforeMs;
        if (isCollection || !name.startsWith(TEMPORARY) || !isOld) continue;
        if (await this.#delete(new URL(encodeURIComponent(name), url))) removed++;
      }
    }
    return removed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#http[Symbol.dispose]();
    return Promise.resolve();
  }

  #urlOf(key: ObjectKey): URL {
    return new URL(pathOf(key, true), this.#url);
  }

  #temporaryName(): string {
    return TEMPORARY +
      Array.from(this.#random(TEMPORARY_RANDOM_BYTES), (byte) => byte.toString(16).padStart(2, "0")).join("");
  }

  /** Uploads a body, and first creates the collection if it is missing; servers report that in different ways. */
  async #send(url: URL, what: string, body: Body, signal: AbortSignal | undefined): Promise<void> {
    const headers = { "content-type": "application/octet-stream" };
    const put = async (expects: readonly number[]) =>
      (await this.#http.send({ method: "PUT", url, what, headers, body, signal, expects })).status;
    const status = await put([200, 201, 204, 403, MISSING, CONFLICT]);
    if (status < 300) return;
    await this.#makeCollection(new URL(".", url), this.#url, signal);
    await put([200, 201, 204]);
  }

  /** Makes what is missing below `top`, which is there. */
  async #makeCollection(url: URL, top: URL, signal?: AbortSignal): Promise<void> {
    if (url.pathname.length <= top.pathname.length) return;
    const what = `make ${url.origin}${url.pathname}`;
    const isThere = async () => await propfind(this.#http, url, { depth: 0, what, signal }) !== undefined;
    if (await isThere()) return;
    await this.#makeCollection(new URL("..", url), top, signal);
    try {
      await this.#http.send({ method: "MKCOL", url, what, signal, expects: [200, 201, 204, 405] });
    } catch (error) {
      // Another upload was first: servers say 405, but Apache 403 if that was in the same moment.
      if (!(error instanceof PlaceRefuses) || !await isThere()) throw error;
    }
  }

  async #sizeAt(url: URL, what: string, signal: AbortSignal | undefined): Promise<number | undefined> {
    const answer = await this.#http.send({ method: "HEAD", url, what, signal, expects: [200, MISSING] });
    if (answer.status === MISSING) return undefined;
    const size = lengthOf(answer.headers) ??
      (await propfind(this.#http, url, { depth: 0, what, signal }))?.resource?.size;
    if (size === undefined) throw new PlaceRefuses(what, "the server does not say how large it is", UNFIT);
    return size;
  }

  async *#collectionsOf(kind: ObjectKind, signal?: AbortSignal): AsyncGenerator<URL> {
    const url = new URL(`${kind}/`, this.#url);
    if (kind !== "data") return yield url;
    const listing = await propfind(this.#http, url, { depth: 1, what: `list ${kind}`, signal });
    for (const { name, isCollection } of listing?.members ?? []) {
      if (isCollection && /^[0-9a-f]{2}$/.test(name)) yield new URL(`${name}/`, url);
    }
  }

  /**
   * Removes a temporary file. A failure is ignored: the file is then a leftover like others, and the original failure
   * matters more.
   */
  async #discard(url: URL): Promise<void> {
    try {
      await this.#delete(url);
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
    }
  }

  async #delete(url: URL): Promise<boolean> {
    const expects = [200, 204, MISSING], what = "remove a leftover";
    return (await this.#http.send({ method: "DELETE", url, what, expects })).status !== MISSING;
  }
}
