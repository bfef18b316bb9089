/** Options of `serve` about listening. */
import { type Command, Option } from "commander";
import { collected, reading } from "./options.ts";
import { absolutePath, readNamedFile } from "./paths.ts";
import type { World } from "../world.ts";
import { BadUsage } from "../../core/fault.ts";
import { textOf } from "../../core/raw.ts";
import { parseSize } from "../../core/size_text.ts";
import type { ListenAddress } from "../../platform/listener.ts";
import { canonicalAddress } from "../../server/front/addresses.ts";
import type { CertificateFiles } from "../../server/front/certificates.ts";
import type { ServerOptions } from "../../server/serve.ts";

export interface ListenOptions {
  readonly listen?: readonly string[];
  readonly tls?: "self-signed";
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly hostName?: readonly string[];
  readonly trustProxy?: string;
  readonly plainHttp?: boolean;
  readonly objects?: string;
  readonly appendOnly?: boolean;
  readonly maxSize?: number;
  /** False with `--no-dav`. */
  readonly dav?: boolean;
  readonly restoreBelow?: readonly string[];
  readonly sourcesBelow?: readonly string[];
  readonly webRemove?: boolean;
  readonly logRequests?: boolean;
  /** Only in the configuration. */
  readonly warn?: { readonly unverifiedDays?: number; readonly freePercent?: number };
}

export const USUAL_ADDRESS = "127.0.0.1:8480";
const MOST_PEM_BYTES = 1024 * 1024;

export function addListenOptions(command: Command): Command {
  return command
    .addOption(
      new Option("--listen [ADDRESS]", `serve pages and an interface for programs there: HOST:PORT, or unix:/path`)
        .preset(USUAL_ADDRESS).argParser(checkedAddress),
    )
    .addOption(new Option("--tls <HOW>", "encrypt, with a certificate that is made here").choices(["self-signed"]))
    .option("--tls-cert <FILE>", "encrypt, with this certificate (PEM) ...")
    .option("--tls-key <FILE>", "... and its key")
    .option("--host-name <NAME>", "also answer to this name; repeatable", collected)
    .option("--trust-proxy <ADDRESS>", "believe the proxy at this address who asks, and how; or `unix`")
    .option("--plain-http", "let others connect without encryption: who listens gets passwords and files")
    .option("--no-dav", "no WebDAV below /dav")
    .option("--restore-below <DIR>", "let accounts restore into directories below this one; repeatable", collected)
    .option(
      "--sources-below <DIR>",
      "let admins make jobs that back up directories below this one; repeatable",
      collected,
    )
    .option("--web-remove", "let admins forget snapshots, and remove recurring jobs, by the page")
    .option("--log-requests", "log each request: who asked, what for, and how it was answered")
    .option("--objects <DIR>", "also keep repositories of other machines, below /objects, in this directory")
    .option("--append-only", "let nobody remove anything from them but locks")
    .addOption(new Option("--max-size <SIZE>", "what they may hold together: 500G").argParser(reading(parseSize)));
}

function checkedAddress(text: string, before: readonly string[] = []): readonly string[] {
  return reading(() => {
    listenAddress(text);
    return collected(text, before);
  })(text);
}

/** Parses an address. @throws BadUsage */
export function listenAddress(
  text: string,
): { readonly hostname: string; readonly port: number } | { readonly socket: string } {
  if (text.startsWith("unix:")) return { socket: text.slice("unix:".length) };
  const [, bracketed, plain = "", port] = /^(?:\[([0-9a-fA-F:.]+)\]|([A-Za-z0-9.-]*)):(\d{1,5})$/.exec(text) ?? [];
  if (port === undefined || Number(port) > 65_535) {
    throw new BadUsage(
      `Cannot listen on ${JSON.stringify(text)}`,
      `Write it as ${USUAL_ADDRESS}, [::1]:8480 or unix:/path`,
    );
  }
  return { hostname: bracketed ?? (plain === "" ? "0.0.0.0" : plain), port: Number(port) };
}

type Listening = Pick<
  ServerOptions,
  "listen" | "tls" | "hostNames" | "trustedProxy" | "plainHttp" | "withoutDav" | "logsRequests"
>;

/** Addresses and certificate from the options. @throws BadUsage */
export function listeningOf(options: ListenOptions, world: World): Listening {
  const { listen = [], tls, tlsCert, tlsKey, hostName = [], trustProxy, plainHttp = false, dav } = options;
  const addresses = listen.map((text): ListenAddress => {
    const address = listenAddress(text);
    if ("socket" in address) return { kind: "unix", path: absolutePath(world, address.socket) };
    return { kind: "tcp", ...address };
  });
  if (trustProxy !== undefined && trustProxy !== "unix" && canonicalAddress(trustProxy) === undefined) {
    throw new BadUsage(
      `Cannot trust the proxy ${JSON.stringify(trustProxy)}: that is no address`,
      "Give the address that it connects from, as 192.168.1.2; `unix` for one that connects to a socket",
    );
  }
  const own = certificateOf(world, tlsCert, tlsKey);
  if (own !== undefined && tls !== undefined) {
    throw new BadUsage("Two certificates were given", "Omit `--tls`, or `--tls-cert` and `--tls-key`");
  }
  const certificate = own ?? tls;
  return {
    listen: addresses,
    ...(certificate !== undefined && { tls: certificate }),
    hostNames: hostName,
    ...(trustProxy !== undefined && { trustedProxy: trustProxy }),
    plainHttp,
    withoutDav: dav === false,
    logsRequests: options.logRequests === true,
  };
}

function certificateOf(
  world: World,
  cert: string | undefined,
  key: string | undefined,
): CertificateFiles | undefined {
  if (cert === undefined && key === undefined) return undefined;
  if (cert === undefined || key === undefined) {
    throw new BadUsage("A certificate needs its key", "Give both `--tls-cert` and `--tls-key`");
  }
  const paths = [absolutePath(world, cert), absolutePath(world, key)];
  return {
    paths,
    read: () => ({
      cert: readNamedFile(world, cert, MOST_PEM_BYTES),
      key: world.readSecret(textOf(absolutePath(world, key)), MOST_PEM_BYTES),
    }),
  };
}
