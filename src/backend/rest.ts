/**
 * The protocol of restic's REST servers: rest-server, `rclone serve restic`. Names are hashes there, too. Some servers
 * overwrite existing objects, so `put` checks first, unless nobody can have the name.
 */
import { fieldsOf, parseJson } from "../core/json.ts";
import {
  type Backend,
  type Body,
  CONFIG,
  type GetOptions,
  isObjectName,
  type ListedObject,
  type ObjectKey,
  type ObjectKind,
  type PutOptions,
  README,
  sizeOf,
} from "./backend.ts";
import { Interrupted } from "../core/fault.ts";
import { begun } from "./decorator.ts";
import { ObjectTaken, PlaceRefuses, PlaceUnavailable } from "./faults.ts";
import { Http, type HttpAnswer, type HttpOptions } from "./http.ts";
import type { WebPlace } from "./location.ts";
import { getObject, headObject, pathOf, timeOf } from "./web_objects.ts";
import { webLogin } from "./web_login.ts";

const LIST_TYPE = "application/vnd.x.restic.rest.v2";
const NO_SERVER = "Check the address: it must be that of a server for restic's REST protocol";

/** Opens a place on a REST server. @param create creates it if it is missing */
export async function openRest(place: WebPlace, options: HttpOptions, create: boolean): Promise<Backend> {
  const backend = new RestBackend(place, options);
  return create ? await begun(backend, () => backend.create()) : backend;
}

class RestBackend implements Backend {
  readonly location: string;
  /** Two concurrent writers may both get "stored": not every server checks. */
  readonly can = { remove: true, putIfAbsent: false };
  readonly #url: URL;
  readonly #http: Http;

  constructor({ url, user }: WebPlace, options: HttpOptions) {
    this.#url = url;
    this.location = `rest:${url.href}`;
    this.#http = new Http({ authorize: webLogin(options.credentials, user) }, options);
  }

  async create(): Promise<void> {
    const url = new URL(this.#url);
    url.searchParams.set("create", "true");
    await this.#http.send({ method: "POST", url, what: `make ${this.location}`, expects: [200, 201, 204] });
  }

  async put(key: ObjectKey, body: Body, { isFresh, signal }: PutOptions = {}): Promise<"stored" | "there"> {
    const what = `store ${key}`;
    // The servers take objects of known kinds only.
    if (key === README) throw new PlaceRefuses(what, "servers of this kind take no other files");
    const found = isFresh ? undefined : await this.head(key, signal);
    if (found !== undefined) return isThere(key, body, found);
    const headers = { "content-type": "application/octet-stream" };
    const expects = [200, 201, 204, 400, 403];
    const answer = await this.#http.send({
      method: "POST",
      url: this.#urlOf(key),
      what,
      headers,
      body,
      signal,
      expects,
    });
    // The name is the hash of the bytes, which rest-server checks.
    if (answer.status === 400) throw new PlaceUnavailable(what, "the server got other bytes than were sent (400)");
    if (answer.status === 403) return await this.#wasTaken(key, body, answer, signal);
    if (isPage(answer)) throw new PlaceUnavailable(what, "what answers is no such server");
    return "stored";
  }

  async get(key: ObjectKey, options: GetOptions = {}): Promise<Uint8Array<ArrayBuffer>> {
    return await getObject(this.#http, this.#urlOf(key), key, options);
  }

  async head(key: ObjectKey, signal?: AbortSignal): Promise<number | undefined> {
    if (key !== README) return await headObject(this.#http, this.#urlOf(key), key, signal);
    if (signal?.aborted === true) throw new Interrupted();
    return undefined;
  }

  async *list(kind: ObjectKind, signal?: AbortSignal): AsyncGenerator<ListedObject> {
    const what = `list ${kind}`, url = new URL(`${kind}/`, this.#url), headers = { accept: LIST_TYPE };
    const answer = await this.#http.send({ method: "GET", url, what, headers, signal, expects: [200, 404] });
    if (answer.status === 404) return; // nothing of that kind has come yet
    for (const item of listIn(answer, what)) {
      const { name, size } = fieldsOf(item);
      if (typeof name === "string" && isObjectName(name) && typeof size === "number") yield { name, size };
    }
  }

  async remove(key: ObjectKey, signal?: AbortSignal): Promise<void> {
    const url = this.#urlOf(key);
    await this.#http.send({ method: "DELETE", url, what: `remove ${key}`, signal, expects: [200, 204, 404] });
  }

  async now({ roughly = false } = {}): Promise<number> {
    const url = this.#urlOf(CONFIG), what = "find out the server's time";
    return (roughly ? this.#http.recentMs : undefined) ??
      timeOf(await this.#http.send({ method: "HEAD", url, what, expects: [200, 404] }));
  }

  /** Does nothing: servers show only complete objects. */
  removeLeftovers(): Promise<number> {
    return Promise.resolve(0);
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#http[Symbol.dispose]();
    return Promise.resolve();
  }

  #urlOf(key: ObjectKey): URL {
    return new URL(pathOf(key, false), this.#url);
  }

  /** "Forbidden" may mean that it is there, or that we may not. */
  async #wasTaken(
    key: ObjectKey,
    body: Body,
    { status }: HttpAnswer,
    signal: AbortSignal | undefined,
  ): Promise<"there"> {
    const found = await this.head(key, signal);
    if (found === undefined) throw new PlaceRefuses(`store ${key}`, `the server answers ${status}`);
    return isThere(key, body, found);
  }
}

export function isThere(key: ObjectKey, body: Body, found: number): "there" {
  if (found !== sizeOf(body)) throw new ObjectTaken(key, sizeOf(body), found);
  return "there";
}

/** A page for people, as from a login page that stands before the network. */
function isPage({ headers }: HttpAnswer): boolean {
  return /^text\/html/i.test(headers.get("content-type") ?? "");
}

function listIn(answer: HttpAnswer, what: string): readonly unknown[] {
  if (isPage(answer)) throw new PlaceUnavailable(what, "what answers is no such server");
  const list = jsonOf(answer.bytes);
  if (!Array.isArray(list)) throw new PlaceRefuses(what, "the server's answer is no list", NO_SERVER);
  return list;
}

function jsonOf(bytes: Uint8Array): unknown {
  try {
    return parseJson(new TextDecoder().decode(bytes));
  } catch {
    return undefined; // no such server
  }
}
