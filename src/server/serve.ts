/** Starts the server: its listeners, routes and accounts. */
import { AlertFile } from "./exchange/alert_file.ts";
import { Accounts } from "./accounts/accounts.ts";
import { SETUP_MINUTES } from "./accounts/setup.ts";
import { Front } from "./front/front.ts";
import { hostNames } from "./front/hosts.ts";
import { HttpServer, type Limits } from "./front/http_server.ts";
import { type Certificate, fingerprint, selfSigned, VALID_DAYS } from "./front/self_signed.ts";
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
import { type Raw, rawOf, rawOfBytes, textOf } from "../core/raw.ts";
import { type Dir, makeDirectories } from "../platform/disk.ts";
import { saysUnusable } from "../snapshot/catalog_notice.ts";
import { listen, type ListenAddress, listenText } from "../platform/listener.ts";
import { openFileIfThere } from "../platform/open_optional.ts";
import { replaceFile } from "../platform/private_file.ts";

export interface ServerOptions {
  /** Addresses to listen on; their `tls` is set from `tls` below. */
  readonly listen: readonly ListenAddress[];
  /** A certificate and its key in PEM, or one that this server creates. */
  readonly tls?: Certificate | "self-signed";
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
  readonly site: Omit<Site, "accounts" | "alerts" | "requests" | "snapshots">;
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
const CERT = rawOf("tls.pem"), KEY = rawOf("tls.key"), DAY_MS = 24 * 60 * 60 * 1000;

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
  const site = { ...options.site, accounts, alerts, snapshots, requests: new RequestCounts() };
  const tls = options.tls === "self-signed" ? await ownCertificate(dir, options) : options.tls;
  const front = new Front({
    routes: options.withoutDav === true ? ROUTES.filter((route) => !DAV_ROUTES.includes(route)) : ROUTES,
    site,
    accounts,
    hosts: hostNames(options.host, options.hostNames),
    ...(options.trustedProxy !== undefined && { trustedProxy: options.trustedProxy }),
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
  const server = held.use(new HttpServer({ clock, answer: front.answer, onProblem, ...limits }));
  const addresses = options.listen.map((address) => {
    const secured = address.kind === "tcp" && tls !== undefined ? { ...address, tls } : address;
    const listener = listen(secured);
    server.take(listener, tls !== undefined && address.kind === "tcp");
    const actual = address.kind === "tcp" ? { ...address, port: listener.port ?? address.port } : address;
    const scheme = address.kind === "unix" ? "" : tls === undefined ? "http://" : "https://";
    return `${scheme}${listenText(actual)}`;
  });
  for (const address of addresses) {
    log({ level: "info", event: "listening", message: `Listening on ${address}`, fields: { address } });
  }
  beginSetup(accounts, addresses, log);
  const all = held.move();
  return { addresses, [Symbol.asyncDispose]: () => all.disposeAsync() };
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

function isLoopback(hostname: string): boolean {
  return hostname === "localhost" || hostname === "::1" || /^127\.\d+\.\d+\.\d+$/.test(hostname);
}

/**
 * The self-signed certificate of an earlier start, or a new one if that expires within a month or is for other names.
 */
async function ownCertificate(dir: Dir, { site, host, hostNames: more, listen }: ServerOptions): Promise<Certificate> {
  const { clock, random, log } = site, nowMs = clock.nowMs();
  const addresses = listen.flatMap((one) => one.kind === "tcp" ? [one.hostname] : []);
  const names = [...new Set([...hostNames(host, more), "localhost", "127.0.0.1", "::1", ...addresses])];
  const note = `# ${names.join(" ")} ${Math.floor(nowMs / DAY_MS)}\n`;
  const cert = textIn(dir, CERT), key = textIn(dir, KEY);
  const [, known, day] = /^# (.*) (\d+)\n/.exec(cert ?? "") ?? [];
  const isGood = known === names.join(" ") && nowMs / DAY_MS - Number(day) < VALID_DAYS - 30;
  const whole = cert !== undefined && key !== undefined && isGood
    ? { cert, key }
    : await selfSigned(names, nowMs, random);
  if (whole.cert !== cert) {
    replaceFile(dir, KEY, whole.key, random);
    replaceFile(dir, CERT, note + whole.cert, random);
  }
  const print = await fingerprint(whole.cert);
  log({ level: "info", event: "certificate", message: `SHA-256 fingerprint of the certificate: ${print}` });
  return whole;
}

function textIn(dir: Dir, name: Raw): string | undefined {
  using file = openFileIfThere(dir, name);
  if (file === undefined) return undefined;
  const bytes = new Uint8Array(file.stat().size), got = file.read(bytes, 0);
  return textOf(rawOfBytes(bytes.subarray(0, got)));
}
