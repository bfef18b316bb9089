/** Starts the server: its listeners, routes and accounts. */
import { Activity } from "./exchange/activity.ts";
import { AlertFile } from "./exchange/alert_file.ts";
import { Accounts } from "./accounts/accounts.ts";
import { SETUP_MINUTES } from "./accounts/setup.ts";
import { altNames } from "./front/alt_names.ts";
import { canonicalAddress, isLoopback } from "./front/addresses.ts";
import {
  type CertificateFiles,
  type CertificateSource,
  CertificateWatch,
  logFingerprint,
  ofFiles,
} from "./front/certificates.ts";
import { Front } from "./front/front.ts";
import { hostNames } from "./front/hosts.ts";
import { HttpServer, type Limits } from "./front/http_server.ts";
import { ownCertificate } from "./front/own_certificate.ts";
import { type Certificate, derOf } from "./front/self_signed.ts";
import { RenewedListener } from "./front/renewed_listener.ts";
import { DAV_ROUTES } from "./dav/routes.ts";
import { KnownSnapshots } from "./exchange/known_snapshots.ts";
import { RequestCounts } from "./exchange/request_counts.ts";
import { errorPage } from "./pages/error_page.ts";
import { keptForm } from "./pages/kept_form.ts";
import { signInAgain } from "./pages/sign_in.ts";
import { ROUTES } from "./routes.ts";
import type { ShareLimits } from "./exchange/shares.ts";
import type { Site } from "./exchange/site.ts";
import { BadUsage, Fault } from "../core/fault.ts";
import { type Log, SETUP_EVENT } from "../jobs/log/log.ts";
import { type Raw, textOf } from "../core/raw.ts";
import { type Dir, makeDirectories } from "../platform/disk.ts";
import { saysUnusable } from "../snapshot/catalog_notice.ts";
import { listen, type ListenAddress, listenText } from "../platform/listener.ts";

export interface ServerOptions {
  /** Addresses to listen on; their `tls` is set from `tls` below. */
  readonly listen: readonly ListenAddress[];
  /** A certificate, which is read again when its files have changed; or one that this server creates. */
  readonly tls?: CertificateFiles | "self-signed";
  /** Name of this machine. */
  readonly host: string;
  /** Other names that the server answers to. */
  readonly hostNames: readonly string[];
  /** Address of a trusted proxy, or "unix". */
  readonly trustedProxy?: string;
  /** True if other machines may connect without TLS. */
  readonly plainHttp: boolean;
  /** Directory of the accounts; created if it is missing. */
  readonly directory: Raw;
  readonly site: Omit<Site, "accounts" | "activity" | "alerts" | "requests" | "snapshots">;
  /** True if each request is logged. */
  readonly logsRequests?: boolean;
  /** True if there is no WebDAV below /dav. */
  readonly withoutDav?: boolean;
  readonly limits?: Partial<Limits>;
  /** Limits for one account and for all together. */
  readonly shares?: ShareLimits;
}

export interface RunningServer extends AsyncDisposable {
  /** Addresses with the actual ports, such as `http://127.0.0.1:8480`. */
  readonly addresses: readonly string[];
}

const PRIVATE = 0o700;
/** Addresses of which a refusal is logged. */
const MOST_TOLD = 100;

/** Starts the server. @throws PortTaken, CannotListen, BadUsage, BadAccounts, DiskFault */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  assertPrivate(options);
  await using held = new AsyncDisposableStack();
  const { site: { disk, clock, random, log } } = options;
  const dir = held.use(makeDirectories(disk, options.directory, PRIVATE));
  dir.setSelfAttributes({ mode: PRIVATE });
  const accounts = held.use(new Accounts(dir, { clock, random, log }));
  accounts.file.users();
  const alerts = new AlertFile(dir, random), snapshots = new KnownSnapshots(options.site.reader);
  held.use(rememberRebuilt(options.site, alerts));
  const activity = new Activity(dir, clock), requests = new RequestCounts();
  const site = { ...options.site, accounts, activity, alerts, snapshots, requests };
  const names = hostNames(options.host, options.hostNames), tls = await secured(dir, names, options);
  const front = new Front({
    routes: options.withoutDav === true ? ROUTES.filter((route) => !DAV_ROUTES.includes(route)) : ROUTES,
    site,
    accounts,
    hosts: names,
    ...(options.trustedProxy !== undefined && {
      trustedProxy: canonicalAddress(options.trustedProxy) ?? options.trustedProxy,
    }),
    insistsOnTls: typeof options.tls === "object",
    isPlain: options.plainHttp,
    logsRequests: options.logsRequests === true,
    errorPage,
    signInAgain: async (sent) => {
      const kept = await keptForm(sent);
      return kept && signInAgain(sent, kept);
    },
    ...(options.shares !== undefined && { shares: options.shares }),
  });
  const onProblem = (error: unknown) =>
    log({ level: "error", event: "server-bug", message: error instanceof Error ? error.stack ?? error.message : "?" });
  const limits = options.limits === undefined ? {} : { limits: options.limits };
  const admits = onlyProxy(options), more = { ...limits, ...(admits !== undefined && { admits }) };
  const server = held.use(new HttpServer({ clock, answer: front.answer, onProblem, ...more }));
  const renewed: RenewedListener[] = [];
  const addresses = options.listen.map((address) => {
    if (address.kind === "unix" || tls === undefined) return begin(server, address);
    const listener = new RenewedListener(address, tls.certificate);
    renewed.push(listener);
    server.take(listener, true);
    return `https://${listenText({ ...address, port: listener.port })}`;
  });
  const renew = (certificate: Certificate) => {
    for (const name of altNames(derOf(certificate.cert))) names.add(name);
    for (const listener of renewed) listener.renew(certificate);
  };
  if (tls !== undefined) held.use(new CertificateWatch({ ...tls, clock, log, renew }));
  for (const address of addresses) {
    log({ level: "info", event: "listening", message: `Listening on ${address}`, fields: { address } });
  }
  beginSetup(accounts, addresses, log);
  const all = held.move();
  return { addresses, [Symbol.asyncDispose]: () => all.disposeAsync() };
}

/** Listens without TLS. @returns the address, with the actual port */
function begin(server: HttpServer, address: ListenAddress): string {
  const listener = listen(address);
  server.take(listener, false);
  if (address.kind === "unix") return listenText(address);
  return `http://${listenText({ ...address, port: listener.port ?? address.port })}`;
}

interface Secured {
  readonly source: CertificateSource;
  readonly certificate: Certificate;
  /** The stamp from before it was read. */
  readonly stamp: string;
}

/** The certificate, where there is one. @param names of this server; those of the certificate are added */
async function secured(dir: Dir, names: Set<string>, options: ServerOptions): Promise<Secured | undefined> {
  const { tls, listen, site: { disk, clock, random, log } } = options;
  if (tls === undefined) return undefined;
  const addresses = listen.flatMap((one) => one.kind === "tcp" ? [one.hostname] : []);
  const own = [...new Set([...names, "localhost", "127.0.0.1", "::1", ...addresses])];
  const source = tls === "self-signed" ? ownCertificate({ dir, names: own, clock, random }) : ofFiles(disk, tls);
  const stamp = source.stamp(), certificate = await source.read();
  if (tls === "self-signed") await logFingerprint(certificate, log);
  for (const name of altNames(derOf(certificate.cert))) names.add(name);
  return { source, certificate, stamp };
}

/** Where only a proxy makes the connections private: whether an address may connect. */
function onlyProxy({ tls, plainHttp, trustedProxy, site: { log } }: ServerOptions) {
  if (tls !== undefined || plainHttp || trustedProxy === undefined) return undefined;
  const proxy = canonicalAddress(trustedProxy), told = new Set<string>();
  return (address: string): boolean => {
    if (address === "" || address === proxy || isLoopback(address)) return true;
    if (told.size < MOST_TOLD && !told.has(address)) {
      const message = `${address} may not connect: without TLS, only the proxy may, ${trustedProxy}`;
      log({ level: "warning", event: "not-the-proxy", message, fields: { address } });
    }
    told.add(address);
    if (told.size > MOST_TOLD) told.delete(address);
    return false;
  };
}

/** Remembers that a job has rebuilt the catalog: it may be a sign of a failing disk. */
function rememberRebuilt({ jobs, clock, log }: ServerOptions["site"], alerts: AlertFile): Disposable {
  return jobs?.listen(({ event, message }) => {
    if (event !== "notice" || !saysUnusable(message)) return;
    try {
      alerts.noteRebuilt(new Date(clock.nowMs()).toISOString());
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      log({ level: "warning", event: "not-remembered", message: error.message });
    }
  }) ?? new DisposableStack();
}

/** Where there are no accounts yet, prints the token for making the first one on the page. */
function beginSetup({ setup }: Accounts, addresses: readonly string[], log: Log): void {
  const token = setup.begin(), path = textOf(setup.path);
  if (token === undefined) return;
  const page = `${addresses.find((one) => one.startsWith("http")) ?? ""}/setup`;
  const message = `There are no accounts yet: make the first one at ${page} within ${SETUP_MINUTES} minutes; ` +
    `its token, also in ${path}, is ${token}`;
  log({ level: "warning", event: SETUP_EVENT, message, fields: { path, token } });
}

/** Refuses to send passwords over a network unencrypted, unless the user has allowed it. @throws BadUsage */
function assertPrivate({ listen, tls, plainHttp, trustedProxy }: ServerOptions): void {
  if (tls !== undefined || plainHttp || trustedProxy !== undefined) return;
  for (const address of listen) {
    if (address.kind === "unix" || isLoopback(address.hostname)) continue;
    throw new BadUsage(
      `Without TLS, everybody on the way could read what goes to and from ${listenText(address)}`,
      "Add `--tls self-signed`, or `--tls-cert` and `--tls-key`; `--plain-http` if that is all right",
    );
  }
}
