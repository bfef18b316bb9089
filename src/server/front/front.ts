/** The front door: leads from a received request to its handler, through all checks. */
import { forwardedAddress } from "./addresses.ts";
import { assertSameSite } from "./cross_site.ts";
import { assertHost } from "./hosts.ts";
import type { Asked } from "./http_server.ts";
import { lasting } from "./lasting.ts";
import { Matcher } from "./matching.ts";
import {
  BadRequest,
  NotAllowed,
  NotFound,
  NotSignedIn,
  problemOf,
  problemReply,
  TooLarge,
} from "../exchange/problem.ts";
import { isPrivate } from "../exchange/private.ts";
import { parseTarget, type Target } from "../exchange/target.ts";
import { type Account, isAllowed } from "../accounts/account.ts";
import type { Accounts } from "../accounts/accounts.ts";
import { TooManyFailures } from "../accounts/failures.ts";
import type { Exchange, Method, Reply, Route } from "../exchange/route.ts";
import { type ShareLimits, Shares } from "../exchange/shares.ts";
import type { Site } from "../exchange/site.ts";
import type { LogEvent } from "../../jobs/log/log.ts";
import { Fault, unlessFault } from "../../core/fault.ts";

const MOST_BODY = 1024 * 1024;
const DAY_SECONDS = 24 * 60 * 60;

export const CONTENT_SECURITY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; media-src 'self'; connect-src 'self'; " +
  "form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

export interface FrontOptions {
  readonly routes: readonly Route[];
  readonly site: Site;
  readonly accounts: Accounts;
  /** Names of this server, in lower case. */
  readonly hosts: ReadonlySet<string>;
  /** Address of a proxy that is trusted about the client and its scheme. */
  readonly trustedProxy?: string;
  /** True if the certificate is the user's own, so that browsers may insist on TLS. */
  readonly insistsOnTls: boolean;
  /** True if other machines connect without TLS. */
  readonly isPlain: boolean;
  readonly logsRequests?: boolean;
  /** Absent: the usual limits. */
  readonly shares?: ShareLimits;
  /** The page for a form that somebody sent who was signed out; undefined if it is none. */
  readonly signInAgain?: (sent: SentInVain) => Promise<Reply | undefined>;
  /** The page for an error. */
  readonly errorPage: (error: unknown, exchange: Partial<Exchange> & { readonly site: Site }) => Reply;
}

/** A request of somebody who isn't signed in any more. */
export type SentInVain = Pick<Exchange, "target" | "headers" | "body" | "site" | "isTls" | "address">;

/** What is known of the client, directly or from the proxy. */
interface Client {
  readonly address: string;
  readonly isTls: boolean;
  readonly origin: string;
}

export class Front {
  readonly #options: FrontOptions;
  readonly #matcher: Matcher;
  readonly #shares: Shares;

  constructor(options: FrontOptions) {
    this.#options = options;
    this.#matcher = new Matcher(options.routes);
    this.#shares = new Shares(options.site.clock, options.shares);
  }

  readonly answer = async (asked: Asked): Promise<Reply> => {
    const client = this.#clientOf(asked);
    let target: Target | undefined;
    try {
      target = parseTarget(asked.head.target);
      if (target === undefined) throw new BadRequest("The address can't be read");
      return this.#finished(await this.#exchange(asked, client, target), asked, client, target);
    } catch (error) {
      const again = await this.#signInAgain(error, asked, client, target);
      return this.#finished(again ?? this.#failure(error, asked, client, target), asked, client, target);
    }
  };

  #finished(reply: Reply, { head }: Asked, client: Client, target: Target | undefined): Reply {
    const found = target === undefined ? undefined : this.#matcher.find(head.method, target.segments);
    const route = found !== undefined && "route" in found ? found.route.path : undefined;
    const { site, logsRequests } = this.#options;
    site.requests.add(route, reply.status);
    if (logsRequests === true) site.log(requestEvent(head, client, reply.status));
    return this.#withHeaders(reply, client);
  }

  async #exchange(asked: Asked, client: Client, target: Target): Promise<Reply> {
    const { head } = asked, { site } = this.#options;
    assertHost(head.authority, this.#options.hosts);
    const found = this.#matcher.find(head.method, target.segments);
    if (found !== undefined && !("route" in found)) return noSuchMethod(found);
    const credentials = credentialsOf(head.headers, cookieName(client));
    const byItself = credentials.bearer !== undefined ||
      credentials.basic !== undefined && found?.route.basic === "objects";
    // Whoever shows nothing is asked for it, wherever the request comes from.
    if (isAnonymous(credentials) && found?.route.access !== "open") throw new NotSignedIn();
    assertSameSite({ method: head.method, headers: head.headers, origin: client.origin, byItself });
    const account = await this.#accountOf(credentials, client, found?.route);
    if (found === undefined) throw account === undefined ? new NotSignedIn() : new NotFound();
    const { route, params, rest } = found;
    if (!isAllowed(account, route.access)) {
      throw account === undefined ? new NotSignedIn() : new NotAllowed("This account may not do that");
    }
    const { method, body } = { method: head.method as Method, body: head.body };
    const bodyBytes = body.kind === "length" ? body.bytes : undefined, most = route.mostBytes ?? MOST_BODY;
    if ((bodyBytes ?? 0) > most) throw new TooLarge(most);
    const exchange = {
      method,
      target,
      params,
      rest,
      headers: head.headers,
      bodyBytes,
      body: () => limited(asked.body(most === Infinity), most),
      account,
      ...(credentials.session !== undefined && { session: credentials.session }),
      ...client,
      site,
    };
    return await this.#handled(route, exchange, asked.signal);
  }

  /** @param gone aborted when the client disconnects */
  async #handled(route: Route, exchange: Omit<Exchange, "signal">, gone: AbortSignal): Promise<Reply> {
    const { account, method, site } = exchange, stop = new AbortController();
    const stamp = this.#stampOf(account), isCurrent = () => this.#stampOf(account) === stamp;
    using held = new DisposableStack();
    // To a search it makes no difference that nobody wants its result.
    if (route.share !== undefined && (method === "GET" || method === "HEAD" && route.share === "search")) {
      held.use(await this.#shares.take(route.share, account?.name ?? "", gone));
      // It may have changed during the wait.
      if (!isCurrent()) throw new NotSignedIn();
    }
    const reply = await route.handle({ ...exchange, signal: AbortSignal.any([gone, stop.signal]) });
    return lasting(reply, method === "HEAD", { share: held.move(), isCurrent, stop, gone, clock: site.clock });
  }

  /** The account's present stamp. While accounts can't be read, nobody is admitted, and nobody stays. */
  #stampOf(account: Account | undefined): string | undefined {
    if (account === undefined) return "";
    return unlessFault(() => this.#options.accounts.stampOf(account), undefined);
  }

  async #accountOf(given: Credentials, client: Client, route: Route | undefined): Promise<Account | undefined> {
    const { accounts } = this.#options;
    if (given.bearer !== undefined) return accounts.byToken(given.bearer);
    if (given.session !== undefined) {
      const account = accounts.bySession(given.session);
      if (account !== undefined) return account;
    }
    if (given.basic === undefined || route?.basic === undefined || given.session !== undefined) return undefined;
    const { name, password } = given.basic, isOpen = this.#options.isPlain && !client.isTls;
    const tokensOnly = isOpen || !isPrivate(client);
    return await accounts.byBasic(name, password, client.address, tokensOnly);
  }

  /** Keeps what somebody of this site has written in a form whose session has ended. */
  async #signInAgain(error: unknown, asked: Asked, client: Client, target: Target | undefined) {
    const { head } = asked, { site, signInAgain } = this.#options;
    if (!(error instanceof NotSignedIn) || head.method !== "POST" || target === undefined) return undefined;
    const found = this.#matcher.find(head.method, target.segments), isThere = found !== undefined && "route" in found;
    if (!isThere || !isForPeople(head.headers, target, found.route)) return undefined;
    const body = () => limited(asked.body(false), found.route.mostBytes ?? MOST_BODY);
    try {
      assertSameSite({ method: head.method, headers: head.headers, origin: client.origin, byItself: false });
      return await signInAgain?.({ target, headers: head.headers, body, site, ...client });
    } catch (failed) {
      if (failed instanceof Fault) return undefined;
      throw failed;
    }
  }

  /** @param target undefined if it couldn't be parsed */
  #failure(error: unknown, asked: Asked, client: Client, target: Target | undefined): Reply {
    const { site, errorPage } = this.#options, { head } = asked;
    if (!(error instanceof Fault)) {
      const text = error instanceof Error ? error.stack ?? error.message : String(error);
      site.log({ level: "error", event: "server-bug", message: text });
    }
    const found = target === undefined ? undefined : this.#matcher.find(head.method, target.segments);
    const route = found !== undefined && "route" in found ? found.route : undefined;
    const headers = failureHeaders(error, route), isPage = isForPeople(head.headers, target, route);
    const problem = problemOf(error);
    if (!isPage || target === undefined) return problemReply(problem, headers);
    const page = errorPage(error, { target, site, method: head.method as Method, ...client });
    return { ...page, headers: { ...page.headers, ...headers } };
  }

  #clientOf({ head, address, isTls }: Asked): Client {
    const proxy = this.#options.trustedProxy, { headers, authority } = head;
    const isProxied = proxy !== undefined && (address === proxy || proxy === "unix" && address === "");
    const scheme = headers.get("x-forwarded-proto")?.split(",").at(-1)?.trim();
    const secure = isProxied ? scheme === "https" : isTls;
    return {
      address: isProxied ? forwardedAddress(headers.get("x-forwarded-for")) ?? address : address,
      isTls: secure,
      origin: `${secure ? "https" : "http"}://${authority}`,
    };
  }

  #withHeaders(reply: Reply, { isTls }: Client): Reply {
    const headers = {
      "content-security-policy": CONTENT_SECURITY,
      "x-content-type-options": "nosniff",
      "referrer-policy": "same-origin",
      "cross-origin-opener-policy": "same-origin",
      "cross-origin-resource-policy": "same-origin",
      "x-frame-options": "DENY",
      "cache-control": "no-store",
      ...(isTls && this.#options.insistsOnTls && { "strict-transport-security": `max-age=${180 * DAY_SECONDS}` }),
      ...reply.headers,
    };
    return { ...reply, headers };
  }
}

/** Without the query, which may hold what somebody searches for. */
function requestEvent({ method, target }: Asked["head"], { address }: Client, status: number): LogEvent {
  const path = (target.split("?")[0] ?? "").replace(/[^!-~]/g, "?");
  const message = `${address || "socket"} ${method} ${path} ${status}`;
  return { level: "info", event: "request", message, fields: { address, method, path, status } };
}

function noSuchMethod(methods: readonly Method[]): Reply {
  const allow = [...methods, ...(methods.includes("GET") && !methods.includes("HEAD") ? ["HEAD"] : [])].join(", ");
  const detail = "This address can't be used that way";
  return problemReply({
    type: "about:blank#no-such-method",
    title: "no-such-method",
    status: 405,
    code: "no-such-method",
    detail,
    hint: `Use one of ${allow}`,
  }, { allow });
}

function failureHeaders(error: unknown, route: Route | undefined): Record<string, string> {
  if (error instanceof TooManyFailures) return { "retry-after": String(error.seconds) };
  if (error instanceof Fault && error.code === "busy") return { "retry-after": "5" };
  if (!(error instanceof NotSignedIn)) return {};
  return {
    "www-authenticate": route?.basic === undefined ? "Bearer" : `Basic realm="${route.basic}", charset="UTF-8"`,
  };
}

/** True if a person will see the reply, so that failures are pages. */
function isForPeople(headers: Headers, target: Target | undefined, route: Route | undefined): boolean {
  const isForPrograms = target?.segments[0] === "api" || route?.basic !== undefined;
  return !isForPrograms && (headers.get("accept") ?? "").includes("text/html");
}

interface Credentials {
  readonly bearer?: string;
  readonly basic?: { readonly name: string; readonly password: string };
  readonly session?: string;
}

/** Name of the cookie; with TLS, one that only this host may set. */
export function cookieName({ isTls, origin }: { readonly isTls: boolean; readonly origin: string }): string {
  return isTls ? "__Host-backup-tool" : `backup-tool-${/:(\d+)$/.exec(origin)?.[1] ?? "80"}`;
}

function isAnonymous({ bearer, basic, session }: Credentials): boolean {
  return bearer === undefined && basic === undefined && session === undefined;
}

function credentialsOf(headers: Headers, cookie: string): Credentials {
  const authorization = headers.get("authorization") ?? "";
  const [, bearer] = /^bearer ([!-~]+)$/i.exec(authorization) ?? [];
  const [, basic] = /^basic ([A-Za-z0-9+/=]+)$/i.exec(authorization) ?? [];
  const cookies = (headers.get("cookie") ?? "").split(";").map((one) => one.trim());
  const session = cookies.find((one) => one.startsWith(`${cookie}=`))?.slice(cookie.length + 1);
  return {
    ...(bearer !== undefined && { bearer }),
    ...(basic !== undefined && basicOf(basic)),
    ...(session !== undefined && session !== "" && { session }),
  };
}

function basicOf(encoded: string): Pick<Credentials, "basic"> {
  try {
    const bytes = Uint8Array.from(atob(encoded), (one) => one.charCodeAt(0));
    const text = new TextDecoder().decode(bytes), colon = text.indexOf(":");
    return colon < 0 ? {} : { basic: { name: text.slice(0, colon), password: text.slice(colon + 1) } };
  } catch {
    return {};
  }
}

async function* limited(
  body: AsyncIterable<Uint8Array<ArrayBuffer>>,
  most: number,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  let bytes = 0;
  for await (const part of body) {
    bytes += part.length;
    if (bytes > most) throw new TooLarge(most);
    yield part;
  }
}
