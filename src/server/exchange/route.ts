/** A way to use the server: what each part of it adds to the one table in routes.ts. */
import type { Awaitable } from "../../core/awaitable.ts";
import type { Raw } from "../../core/raw.ts";
import type { Access, Account } from "../accounts/account.ts";
import type { Target } from "./target.ts";
import type { Share } from "./shares.ts";
import type { Site } from "./site.ts";

export type Method = "GET" | "HEAD" | "POST" | "PUT" | "DELETE" | "OPTIONS" | "PROPFIND";

/** One request whose sender, path and account have been looked at. */
export interface Exchange {
  readonly method: Method;
  readonly target: Target;
  /** What stood for `{name}`. */
  readonly params: Readonly<Record<string, Raw>>;
  /** What stood for `{path...}`: segments, as bytes. */
  readonly rest: readonly Raw[];
  readonly headers: Headers;
  /** Bytes that come, as far as was said; undefined if they come in chunks. 0: none. */
  readonly bodyBytes: number | undefined;
  /** May be gone through once. @throws ClientGone */
  body(): AsyncIterable<Uint8Array<ArrayBuffer>>;
  /** Of the one who asks; undefined only where a route is open. */
  readonly account: Account | undefined;
  /** Of whoever came by a cookie: for signing out. */
  readonly session?: string;
  readonly isTls: boolean;
  /** Address of the client, without a port; "" for a socket. */
  readonly address: string;
  /** Scheme and authority as the client knows them, such as `https://nas.local:8480`. */
  readonly origin: string;
  /** Aborted when the client has gone, or the server ends. */
  readonly signal: AbortSignal;
  readonly site: Site;
}

/** What is answered; the front door adds the headers that every answer has, unless these say otherwise. */
export interface Reply {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  /** Text is UTF-8. What comes bit by bit is sent in chunks, or as `content-length` says; if it throws, the connection is cut. */
  readonly body?: string | Uint8Array<ArrayBuffer> | AsyncIterable<Uint8Array<ArrayBuffer>>;
}

export interface Route {
  /** HEAD is answered by the handler of GET, without the body. */
  readonly methods: readonly Method[];
  /** `/api/v1/snapshots/{ref}/entries/{path...}`: `{name}` stands for one segment, `{name...}` at the end for any number. */
  readonly path: string;
  readonly access: Access;
  /** Realm of HTTP Basic, which is taken only where this is given; such a route is for programs, not for pages. */
  readonly basic?: "dav" | "objects";
  /** Bytes of a request's body at most (413 beyond). Default: 1 MiB. */
  readonly mostBytes?: number;
  /** What a GET takes of the server while it is made and sent. */
  readonly share?: Share;
  /** What it does, for the OpenAPI document; absent: not part of it. */
  readonly about?: RouteInfo;
  /** Faults become answers by their code. */
  readonly handle: (exchange: Exchange) => Awaitable<Reply>;
}

export interface RouteInfo {
  readonly summary: string;
  /** Names of query parameters with what they mean. */
  readonly query?: Readonly<Record<string, string>>;
  /** Media type of the answer. Default: application/json. */
  readonly type?: string;
}
