/**
 * S3, of Amazon and of many others. An object is one PUT, conditional on the name being free. Because some servers
 * ignore the condition, `put` also checks first, unless nobody can have the name.
 */
import { Buffer } from "node:buffer";
import { createHash, hash } from "node:crypto";
import { AwsV4Signer } from "aws4fetch";
import {
  type Backend,
  type Body,
  type GetOptions,
  isObjectName,
  type ListedObject,
  type ObjectKey,
  type ObjectKind,
  partsOf,
  type PutOptions,
} from "./backend.ts";
import type { Clock } from "../core/clock.ts";
import type { Fault } from "../core/fault.ts";
import { begun } from "./decorator.ts";
import { PlaceRefuses, PlaceUnavailable } from "./faults.ts";
import { Http, type HttpAnswer, type HttpKind, type HttpOptions, type HttpRequest } from "./http.ts";
import { bodyPieces } from "./http_body.ts";
import type { S3Place } from "./location.ts";
import { isThere } from "./rest.ts";
import { S3Address } from "./s3_address.ts";
import { EXPIRED, faultOfS3, type S3Error, s3ErrorIn } from "./s3_faults.ts";
import { type Retention, retentionOf } from "./s3_retention.ts";
import { getObject, headObject, pathOf, timeOf } from "./web_objects.ts";
import { childText, elementsNamed, parseXml } from "./xml.ts";

const HASH_HEADER = "x-amz-content-sha256";
const NOTHING = hash("sha256", "");
/** The bytes that came are not those that were announced. */
const CHANGED = new Set(["XAmzContentSHA256Mismatch", "BadDigest", "InvalidDigest"]);
const NO_CREDENTIALS = "Give AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, a credentials file, or a credentials command";

/** Opens a bucket. @param create creates it if it is missing @throws BadUsage */
export async function openS3(place: S3Place, options: HttpOptions, create: boolean): Promise<Backend> {
  const secrets = await options.credentials.get();
  const backend = new S3Backend(place, new S3Address(place, secrets.get("region")), options);
  return create ? await begun(backend, () => backend.create()) : backend;
}

class S3Backend implements Backend {
  readonly location: string;
  /** Two concurrent writers may both get "stored" where the server doesn't support conditional writes. */
  readonly can = { remove: true, putIfAbsent: false };
  readonly #address: S3Address;
  readonly #kind: S3Kind;
  readonly #http: Http;
  readonly #storageClass: string | undefined;
  readonly #retention: Retention | undefined;
  readonly #clock: Clock;

  constructor({ settings }: S3Place, address: S3Address, options: HttpOptions) {
    this.#address = address;
    this.#clock = options.clock;
    this.location = address.location;
    this.#storageClass = settings.get("storage-class");
    this.#retention = retentionOf(settings, this.location);
    this.#kind = new S3Kind(address, options);
    this.#http = new Http(this.#kind, options);
  }

  async create(): Promise<void> {
    const what = `make ${this.location}`, url = this.#address.urlOf(), { region } = this.#address;
    const { status } = await this.#http.send({ method: "HEAD", url, what, expects: [200, 404] });
    if (status === 200) return;
    const hasRegion = region !== undefined && region !== "us-east-1";
    const body = new TextEncoder().encode(
      hasRegion
        ? `<CreateBucketConfiguration><LocationConstraint>${region}</LocationConstraint></CreateBucketConfiguration>`
        : "",
    );
    await this.#http.send({
      method: "PUT",
      url,
      what,
      body,
      headers: { [HASH_HEADER]: hash("sha256", body) },
      expects: [200, 409],
    });
  }

  async put(key: ObjectKey, body: Body, { isFresh, signal }: PutOptions = {}): Promise<"stored" | "there"> {
    const found = isFresh ? undefined : await this.#lookFirst(key, signal);
    if (found !== undefined) return isThere(key, body, found);
    const what = `store ${key}`, headers = { ...this.#headersFor(key, body), "if-none-match": "*" };
    const expects = [200, 201, 204, 400, 409, 412];
    const answer = await this.#http.send({
      method: "PUT",
      url: this.#urlOf(key),
      what,
      headers,
      body,
      signal,
      expects,
    });
    if (answer.status < 300) return "stored";
    return await this.#wasRefused(key, body, answer, signal);
  }

  async get(key: ObjectKey, options: GetOptions = {}): Promise<Uint8Array<ArrayBuffer>> {
    return await getObject(this.#http, this.#urlOf(key), key, options);
  }

  async head(key: ObjectKey, signal?: AbortSignal): Promise<number | undefined> {
    return await headObject(this.#http, this.#urlOf(key), key, signal);
  }

  async *list(kind: ObjectKind, signal?: AbortSignal): AsyncGenerator<ListedObject> {
    const what = `list ${kind}`;
    let token: string | undefined;
    do {
      const url = this.#address.listUrl(`${kind}/`, token);
      const answer = await this.#http.send({ method: "GET", url, what, signal, expects: [200] });
      const page = pageOf(answer, what);
      for (const { key, size } of page.entries) {
        const inner = this.#address.inner(key), name = inner?.split("/").at(-1) ?? "";
        if (isObjectName(name) && inner === pathOf(`${kind}/${name}` as ObjectKey, true)) yield { name, size };
      }
      token = page.next;
    } while (token !== undefined);
  }

  async remove(key: ObjectKey, signal?: AbortSignal): Promise<void> {
    const url = this.#urlOf(key);
    await this.#http.send({ method: "DELETE", url, what: `remove ${key}`, signal, expects: [200, 204, 404] });
  }

  async now({ roughly = false } = {}): Promise<number> {
    const url = this.#address.urlOf(), what = "find out the server's time";
    return (roughly ? this.#http.recentMs : undefined) ??
      timeOf(await this.#http.send({ method: "HEAD", url, what, expects: [200, 403, 404] }));
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
    return this.#address.urlOf(pathOf(key, true));
  }

  /** Credentials that may only store objects may not list them. */
  async #lookFirst(key: ObjectKey, signal: AbortSignal | undefined): Promise<number | undefined> {
    try {
      return await this.head(key, signal);
    } catch (error) {
      if (!(error instanceof PlaceRefuses)) throw error;
      return undefined;
    }
  }

  #headersFor(key: ObjectKey, body: Body): Record<string, string> {
    const parts = partsOf(key), kind = parts?.kind;
    const headers: Record<string, string> = {
      "content-type": "application/octet-stream",
      // Names are hashes of the bytes: the server reports a mismatch.
      [HASH_HEADER]: parts?.name ?? digestOf("sha256", body).toString("hex"),
    };
    // What every command reads has to be at hand.
    if (this.#storageClass !== undefined && kind === "data") headers["x-amz-storage-class"] = this.#storageClass;
    if (this.#retention !== undefined && kind !== "locks") {
      headers["content-md5"] = digestOf("md5", body).toString("base64");
      headers["x-amz-object-lock-mode"] = this.#retention.mode;
      headers["x-amz-object-lock-retain-until-date"] = new Date(this.#clock.nowMs() + this.#retention.ms).toISOString();
    }
    return headers;
  }

  async #wasRefused(
    key: ObjectKey,
    body: Body,
    answer: HttpAnswer,
    signal: AbortSignal | undefined,
  ): Promise<"there"> {
    const what = `store ${key}`, error = s3ErrorIn(answer), code = error?.code ?? "";
    const found = answer.status === 412 || CHANGED.has(code) ? await this.head(key, signal) : undefined;
    if (found !== undefined) return isThere(key, body, found);
    if (CHANGED.has(code)) throw new PlaceUnavailable(what, "the bytes were changed on their way");
    // Somebody stores the same at this moment.
    if (answer.status !== 400) throw new PlaceUnavailable(what, `the server answers ${answer.status}`);
    throw this.#kind.hidden(answer, { what, url: this.#urlOf(key) }) ??
      new PlaceRefuses(what, `the server answers ${answer.status}`);
  }
}

function digestOf(algorithm: string, body: Body): Buffer {
  const digest = createHash(algorithm);
  for (const piece of bodyPieces(body)) digest.update(piece);
  return digest.digest();
}

interface Page {
  readonly entries: readonly { readonly key: string; readonly size: number }[];
  readonly next: string | undefined;
}

function pageOf({ bytes }: HttpAnswer, what: string): Page {
  const top = parseXml(new TextDecoder().decode(bytes).trimStart());
  if (top?.name !== "ListBucketResult") throw new PlaceUnavailable(what, "the server's answer is no list");
  const entries = [...elementsNamed(top, "Contents")].map((element) => ({
    key: childText(element, "Key") ?? "",
    size: Number(childText(element, "Size") ?? NaN),
  }));
  if (entries.some(({ size }) => !Number.isSafeInteger(size))) {
    throw new PlaceRefuses(what, "the server's list has no sizes");
  }
  const next = childText(top, "NextContinuationToken");
  const isCut = childText(top, "IsTruncated") === "true";
  if (isCut && !next) throw new PlaceUnavailable(what, "the server's list ends in the middle");
  return { entries, next: isCut ? next : undefined };
}

/** Signs requests, and reads errors. */
export class S3Kind implements HttpKind {
  readonly #address: S3Address;
  readonly #options: HttpOptions;

  constructor(address: S3Address, options: HttpOptions) {
    this.#address = address;
    this.#options = options;
  }

  async authorize({ method, url, headers = {} }: HttpRequest): Promise<Readonly<Record<string, string>>> {
    const secrets = await this.#options.credentials.get(), sessionToken = secrets.get("session-token");
    const accessKeyId = secrets.get("access-key-id"), secretAccessKey = secrets.get("secret-access-key");
    if (accessKeyId === undefined || secretAccessKey === undefined) {
      throw new PlaceRefuses(`use ${this.#address.location}`, "there are no keys for it", NO_CREDENTIALS);
    }
    const signer = new AwsV4Signer({
      method,
      url: url.href,
      headers: { [HASH_HEADER]: NOTHING, ...headers },
      accessKeyId,
      secretAccessKey,
      ...(sessionToken === undefined ? {} : { sessionToken }),
      service: "s3",
      region: this.#address.signedRegion,
      datetime: new Date(this.#options.clock.nowMs()).toISOString().replace(/[:-]|\.\d{3}/g, ""),
    });
    const signed = await signer.sign();
    return Object.fromEntries([...signed.headers].filter(([name]) => name !== "host"));
  }

  hidden(answer: HttpAnswer, { what, url }: Pick<HttpRequest, "what" | "url">): Fault | undefined {
    const error = s3ErrorIn(answer);
    return error && faultOfS3({ what, host: url.host, aheadMs: this.#aheadMs(answer) }, this.#cleaned(error), answer);
  }

  isStale(answer: HttpAnswer): boolean {
    const error = s3ErrorIn(answer);
    return answer.status === 401 ||
      (error !== undefined && (EXPIRED.has(error.code) || error.code === "InvalidAccessKeyId"));
  }

  /** A redirection to the bucket's region, which the server knows best. */
  elsewhere(answer: HttpAnswer, asked: URL): URL | undefined {
    const region = s3ErrorIn(answer)?.region, old = this.#address.signedRegion;
    if (region === undefined || region === old || !/^[a-z0-9-]{1,40}$/.test(region)) return undefined;
    this.#address.region = region;
    const url = new URL(asked);
    url.hostname = url.hostname.replace(/(^|\.)s3(?:\.[a-z0-9-]+)?\.amazonaws\.com$/, `$1s3.${region}.amazonaws.com`);
    return url;
  }

  /** Servers have been seen to send back what they were sent. */
  #cleaned({ code, message, region }: S3Error): S3Error {
    const { credentials } = this.#options;
    return { code: credentials.hide(code), message: credentials.hide(message), region };
  }

  #aheadMs({ headers }: HttpAnswer): number {
    const there = Date.parse(headers.get("date") ?? "");
    return Number.isNaN(there) ? 0 : this.#options.clock.nowMs() - there;
  }
}
