/** Routes: what each part of the server adds to the table in routes.ts. */
import type { ZodType } from "zod";
import type { Awaitable } from "../../core/awaitable.ts";
import type { Raw } from "../../core/raw.ts";
import type { Access, Account } from "../accounts/account.ts";
import type { Target } from "./target.ts";
import type { Share } from "./shares.ts";
import type { Site } from "./site.ts";

export type Method = "GET" | "HEAD" | "POST" | "PUT" | "DELETE" | "OPTIONS" | "PROPFIND";

/** A request whose sender, path and account have been checked. */
export interface Exchange {
  readonly method: Method;
  readonly target: Target;
  /** Values of the segments `{name}`. */
  readonly params: Readonly<Record<string, Raw>>;
  /** Segments of `{path...}`, as bytes. */
  readonly rest: readonly Raw[];
  readonly headers: Headers;
  /** Announced length of the body in bytes; undefined for a chunked one, 0 for none. */
  readonly bodyBytes: number | undefined;
  /** The body; it may be read once. @throws ClientGone */
  body(): AsyncIterable<Uint8Array<ArrayBuffer>>;
  /** Account of the sender; undefined only for open routes. */
  readonly account: Account | undefined;
  /** Id of a session, for signing out. */
  readonly session?: string;
  readonly isTls: boolean;
  /** Address of the client without port; "" for a Unix socket. */
  readonly address: string;
  /** Scheme and authority as the client knows them, such as `https://nas.local:8480`. */
  readonly origin: string;
  /** Aborted when the client disconnects or the server ends. */
  readonly signal: AbortSignal;
  readonly site: Site;
}

/** A reply. The front door adds the common headers, unless these override them. */
export interface Reply {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  /**
   * A text is sent as UTF-8. A stream is sent in chunks, or as `content-length` says; if it throws, the connection is
   * closed.
   */
  readonly body?: string | Uint8Array<ArrayBuffer> | AsyncIterable<Uint8Array<ArrayBuffer>>;
}

export interface Route {
  /** HEAD is answered by the handler of GET, without the body. */
  readonly methods: readonly Method[];
  /** `/api/v1/snapshots/{ref}/entries/{path...}`: `{name}` stands for one segment, `{name...}` at the end for any number. */
  readonly path: string;
  readonly access: Access;
  /** Realm of HTTP Basic, which is accepted only if this is set; such a route is for programs. */
  readonly basic?: "dav" | "objects";
  /** Largest body of a request in bytes (413 beyond). Default: 1 MiB. */
  readonly mostBytes?: number;
  /** The share of the server that a GET takes while its reply is made and sent. */
  readonly share?: Share;
  /** Description for the OpenAPI document; absent: not included. */
  readonly about?: RouteInfo;
  /** Handles a request. Faults become replies by their codes. */
  readonly handle: (exchange: Exchange) => Awaitable<Reply>;
}

export interface RouteInfo {
  readonly summary: string;
  /** The query parameters, by name: a description, if any text is accepted. */
  readonly query?: Readonly<Record<string, string | QueryParameter>>;
  /** JSON body of the request: its named schema, or what makes its JSON Schema. Absent: there is none. */
  readonly body?: ZodType | (() => object);
  /** Headers of the request that mean something here, by name: a description. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Replies other than problems, by status: their named schema, or null for no body. */
  readonly replies: Readonly<Record<number, ZodType | null>>;
  /** Media types of the reply. Default: application/json. */
  readonly type?: string | readonly string[];
}

export interface QueryParameter {
  readonly description: string;
  /** What is accepted, as JSON Schema. */
  readonly schema: object;
}
