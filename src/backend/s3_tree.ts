/** Objects of S3 as files; the parts of their keys before each slash become directories. */
import { PlaceUnavailable } from "./faults.ts";
import { Http, type HttpAnswer, type HttpOptions } from "./http.ts";
import type { S3Place } from "./location.ts";
import { MissingTree, type PieceRange, type RemoteEntry, type RemoteTree } from "./remote_tree.ts";
import { S3Kind } from "./s3.ts";
import { S3Address } from "./s3_address.ts";
import { verifyWeb, webPiece } from "./web_tree.ts";
import { childText, type Element, elementsNamed, parseXml } from "./xml.ts";

const META = "x-amz-meta-";

/** Opens a bucket as a source. @throws BadUsage */
export async function openS3Tree(place: S3Place, options: HttpOptions): Promise<RemoteTree> {
  return new S3Tree(new S3Address(place, (await options.credentials.get()).get("region")), options);
}

class S3Tree implements RemoteTree {
  readonly location: string;
  readonly #address: S3Address;
  readonly #http: Http;

  constructor(address: S3Address, options: HttpOptions) {
    this.#address = address;
    this.location = address.location;
    this.#http = new Http(new S3Kind(address, options), options);
  }

  async list(directory: string, signal?: AbortSignal): Promise<readonly RemoteEntry[]> {
    const under = directory === "" ? "" : `${directory}/`, what = `list ${this.location}${under}`;
    const found: RemoteEntry[] = [];
    let token: string | undefined, isThere = false;
    do {
      const url = this.#address.listUrl(under, token, "/");
      const top = listIn(await this.#http.send({ method: "GET", url, what, signal, expects: [200] }), what);
      isThere ||= top.children.some(({ name }) => name === "Contents" || name === "CommonPrefixes");
      found.push(...this.#entriesOf(top, under));
      const next = childText(top, "NextContinuationToken");
      token = childText(top, "IsTruncated") === "true" ? next : undefined;
      if (childText(top, "IsTruncated") === "true" && !next) {
        throw new PlaceUnavailable(what, "the list ends in the middle");
      }
    } while (token !== undefined);
    if (!isThere && directory === "") throw new MissingTree(this.location);
    return found;
  }

  async details(path: string, _entry: RemoteEntry, signal?: AbortSignal): Promise<Readonly<Record<string, string>>> {
    const url = this.#address.urlOf(path), what = `look at ${path}`, found: Record<string, string> = {};
    const { headers } = await this.#http.send({ method: "HEAD", url, what, signal, expects: [200, 404] });
    for (const [name, value] of headers) if (name.startsWith(META)) found[`user.${name}`] = value;
    const type = headers.get("content-type");
    return type === null ? found : { ...found, "user.mime_type": type };
  }

  piece(path: string, entry: RemoteEntry, range: PieceRange): Promise<Uint8Array<ArrayBuffer>> {
    return webPiece(this.#http, this.#address.urlOf(path), path, entry, range);
  }

  verify(path: string, entry: RemoteEntry, signal?: AbortSignal): Promise<void> {
    return verifyWeb(this.#http, this.#address.urlOf(path), path, entry, signal);
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#http[Symbol.dispose]();
    return Promise.resolve();
  }

  /** An object whose key ends with a slash stands for a directory: some tools make such. */
  #entriesOf(top: Element, under: string): RemoteEntry[] {
    const nameIn = (key: string | undefined) => this.#address.inner(key ?? "")?.slice(under.length) ?? "";
    const files = [...elementsNamed(top, "Contents")].map((element): RemoteEntry => ({
      name: nameIn(childText(element, "Key")),
      kind: "file",
      size: Number(childText(element, "Size")),
      mtimeMs: timeIn(childText(element, "LastModified")),
      ...(childText(element, "ETag") !== undefined && { etag: childText(element, "ETag")! }),
    }));
    const directories = [...elementsNamed(top, "CommonPrefixes")].map((element): RemoteEntry => ({
      name: nameIn(childText(element, "Prefix")).replace(/\/$/, ""),
      kind: "dir",
      size: 0,
      mtimeMs: undefined,
    }));
    return [...files.filter(({ name }) => name !== ""), ...directories];
  }
}

function listIn({ bytes }: HttpAnswer, what: string): Element {
  const top = parseXml(new TextDecoder().decode(bytes).trimStart());
  if (top?.name !== "ListBucketResult") throw new PlaceUnavailable(what, "the server's answer is no list");
  return top;
}

function timeIn(text: string | undefined): number | undefined {
  const time = Date.parse(text ?? "");
  return Number.isNaN(time) ? undefined : time;
}
