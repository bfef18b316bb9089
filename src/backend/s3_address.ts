/** URLs of a bucket and its objects in an S3 service. */
import { BadUsage } from "../core/fault.ts";
import type { S3Place } from "./location.ts";

const AMAZON = /(^|\.)amazonaws\.com(\.cn)?$/;
const NO_REGION = "us-east-1";

export class S3Address {
  readonly #place: S3Place;
  readonly #isInHost: boolean;
  /** Undefined: the one that the host name contains, else the default. */
  region: string | undefined;

  /** @throws BadUsage */
  constructor(place: S3Place, region: string | undefined) {
    this.#place = place;
    this.region = place.settings.get("region") ?? region;
    const { hostname, protocol } = place.endpoint, style = place.settings.get("style");
    if (style !== undefined && style !== "path" && style !== "host") {
      throw new BadUsage(`Cannot use the style ${JSON.stringify(style)} of ${this.location}`, "Give `path` or `host`");
    }
    // A certificate for *.host is none for a.b.host.
    const fits = protocol === "http:" || !place.bucket.includes(".");
    this.#isInHost = style === "host" || (style === undefined && AMAZON.test(hostname) && fits);
  }

  /** The location, for messages. */
  get location(): string {
    const { endpoint, bucket, prefix } = this.#place;
    return `s3:${endpoint.origin}/${bucket}/${prefix}`;
  }

  /** The region for which requests are signed. */
  get signedRegion(): string {
    const fromHost = /(?:^|\.)s3[.-]([a-z0-9-]+)\./.exec(this.#place.endpoint.hostname)?.[1];
    const isName = fromHost !== undefined && fromHost !== "amazonaws" && fromHost.includes("-");
    return this.region ?? (isName ? fromHost : NO_REGION);
  }

  /** URL of an object, or of the bucket itself. @param key without the prefix; undefined: the bucket */
  urlOf(key?: string): URL {
    const { endpoint, bucket, prefix } = this.#place;
    const path = key === undefined ? "" : `${prefix}${key}`.split("/").map(encodeStrictly).join("/");
    const url = new URL(endpoint);
    if (this.region !== undefined && url.hostname === "s3.amazonaws.com") {
      url.hostname = `s3.${this.region}.amazonaws.com`;
    }
    if (this.#isInHost) url.hostname = `${bucket}.${url.hostname}`;
    url.pathname = this.#isInHost ? `/${path}` : `/${encodeStrictly(bucket)}${key === undefined ? "" : `/${path}`}`;
    return url;
  }

  /** URL of a page of a listing. @param under without the prefix */
  listUrl(under: string, token: string | undefined, delimiter = ""): URL {
    const url = this.urlOf();
    const query = [["list-type", "2"], ["encoding-type", "url"], ["prefix", this.#place.prefix + under]];
    if (delimiter !== "") query.push(["delimiter", delimiter]);
    if (token !== undefined) query.push(["continuation-token", token]);
    // As they are signed: `%20` for a space, and not `+`.
    url.search = query.map(([name = "", value = ""]) => `${name}=${encodeStrictly(value)}`).sort().join("&");
    return url;
  }

  /** Removes the prefix from a listed key; undefined if the key has another prefix. */
  inner(listed: string): string | undefined {
    const key = decodeURIComponent(listed.replaceAll("+", " ")), { prefix } = this.#place;
    return key.startsWith(prefix) ? key.slice(prefix.length) : undefined;
  }
}

/** All but what RFC 3986 leaves alone. */
function encodeStrictly(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);
}
