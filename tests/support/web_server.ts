/** A server over a small storage, in this process, on a port of its own; and a client that sends exactly what it is told. */
import { rawOf } from "../../src/core/raw.ts";
import type { LogEvent } from "../../src/jobs/log/log.ts";
import type { Account } from "../../src/server/accounts/account.ts";
import { sha256 } from "../../src/server/accounts/passwords.ts";
import { UserFile } from "../../src/server/accounts/user_file.ts";
import { LiveDesk } from "../../src/server/jobs/live_desk.ts";
import { RepositoryReader } from "../../src/server/reader/repository_reader.ts";
import { type RunningServer, type ServerOptions, startServer } from "../../src/server/serve.ts";
import { assertDescribed } from "./described.ts";
import type { World } from "./world.ts";

export interface WebServer extends AsyncDisposable {
  readonly port: number;
  readonly log: readonly LogEvent[];
  readonly desk: LiveDesk;
  /** Path of the directory of accounts. */
  readonly accounts: string;
  /** Path of the directory of jobs. */
  readonly jobs: string;
}

/** Accounts by the names of their roles, each with the token `bt_ROLE`; `photos` reads the series of that name only. */
export const TOKENS = ["watch", "read", "run", "admin", "objects", "photos"] as const;

export function tokenOf(name: typeof TOKENS[number]): string {
  return `bt_${name}`;
}

export function addAccounts(world: World, directory: string): void {
  Deno.mkdirSync(directory, { recursive: true });
  using dir = world.machine.disk.openDir(rawOf(directory));
  const file = new UserFile(dir);
  for (const name of TOKENS) {
    const role: Account["role"] = name === "photos" ? "read" : name, created = "2026-11-20T22:00:00.000Z";
    file.put({
      name,
      role,
      tokens: [{ name: "test", role, hash: sha256(tokenOf(name)), created }],
      ...(name === "photos" && { series: ["photos"] }),
    }, world.machine.random);
  }
}

/** @param site what the site has besides */
export async function webServer(
  world: World,
  changes: Partial<ServerOptions> = {},
  site: Partial<ServerOptions["site"]> = {},
): Promise<WebServer> {
  const { disk, clock, random } = world.machine, log: LogEvent[] = [];
  const accounts = `${world.base}/web`, jobs = `${world.base}/jobs`;
  Deno.mkdirSync(jobs, { recursive: true });
  addAccounts(world, accounts);
  const reader = new RepositoryReader(() => Promise.resolve(world.open()));
  const desk = new LiveDesk({ disk, clock }, rawOf(jobs));
  const server: RunningServer = await startServer({
    listen: [{ kind: "tcp", hostname: "127.0.0.1", port: 0 }],
    host: "testhost",
    hostNames: [],
    plainHttp: false,
    directory: rawOf(accounts),
    site: {
      disk,
      clock,
      random,
      log: (event) => log.push(event),
      reader,
      location: world.storagePath,
      jobs: desk,
      restoreBelow: [],
      sourcesBelow: [],
      own: [rawOf(world.storagePath), rawOf(jobs)],
      mayRemove: false,
      host: "testhost",
      ...site,
    },
    ...changes,
  });
  return {
    port: Number(/:(\d+)$/.exec(server.addresses[0] ?? "")?.[1]),
    log,
    desk,
    accounts,
    jobs,
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      await reader[Symbol.asyncDispose]();
    },
  };
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly text: string;
  /** The body came to its end as it was announced. */
  readonly isWhole: boolean;
}

export interface Asking {
  readonly method?: string;
  readonly token?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** One request on a connection of its own. Its answer must be as the OpenAPI document says. @param target as it goes over the wire */
export async function ask({ port }: Pick<WebServer, "port">, target: string, asking: Asking = {}): Promise<Answer> {
  const { method = "GET", token, headers = {}, body } = asking;
  const all = {
    host: `127.0.0.1:${port}`,
    connection: "close",
    ...(token !== undefined && { authorization: `Bearer ${token}` }),
    ...(body !== undefined && { "content-length": String(new TextEncoder().encode(body).length) }),
    ...headers,
  };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`).join("");
  const sent = await talk(port, `${method} ${target} HTTP/1.1\r\n${lines}\r\n${body ?? ""}`);
  const answer = answerOf(sent, method === "HEAD");
  assertDescribed(method, target, answer);
  return answer;
}

/** Sends something, and gives all that comes until the server closes. @param sent one character a byte */
export async function talk(port: number, sent: string): Promise<Uint8Array<ArrayBuffer>> {
  using connection = await Deno.connect({ hostname: "127.0.0.1", port });
  await send(connection, sent);
  return await toEnd(connection);
}

export async function send(connection: Deno.Conn, text: string): Promise<void> {
  const bytes = Uint8Array.from(text, (character) => character.charCodeAt(0));
  for (let at = 0; at < bytes.length;) at += await connection.write(bytes.subarray(at));
}

export async function toEnd(connection: Deno.Conn): Promise<Uint8Array<ArrayBuffer>> {
  const parts: Uint8Array<ArrayBuffer>[] = [], into = new Uint8Array(64 * 1024);
  try {
    for (let got = await connection.read(into); got !== null; got = await connection.read(into)) {
      parts.push(into.slice(0, got));
    }
  } catch (error) {
    // What was not read by the other side makes it a reset.
    if (!(error instanceof Deno.errors.ConnectionReset)) throw error;
  }
  return joined(parts);
}

function joined(parts: readonly Uint8Array<ArrayBuffer>[]): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

const latin1 = new TextDecoder("latin1");

/** @param isHead there is no body, whatever the head announces */
export function answerOf(all: Uint8Array<ArrayBuffer>, isHead = false): Answer {
  const text = latin1.decode(all), end = text.indexOf("\r\n\r\n");
  const [first = "", ...lines] = text.slice(0, end).split("\r\n"), headers = new Headers();
  for (const line of lines) headers.append(line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 1).trim());
  const rest = all.subarray(end + 4), length = headers.get("content-length");
  const { bytes, isWhole } = headers.get("transfer-encoding") === "chunked"
    ? unchunked(rest)
    : { bytes: rest, isWhole: isHead || length === null || Number(length) === rest.length };
  const status = Number(first.split(" ")[1] ?? 0);
  return { status, headers, bytes, text: new TextDecoder().decode(bytes), isWhole };
}

function unchunked(all: Uint8Array<ArrayBuffer>): { bytes: Uint8Array<ArrayBuffer>; isWhole: boolean } {
  const parts: Uint8Array<ArrayBuffer>[] = [];
  for (let at = 0;;) {
    const end = all.indexOf(0x0a, at);
    if (end < 0) return { bytes: joined(parts), isWhole: false };
    const size = parseInt(latin1.decode(all.subarray(at, end)), 16);
    if (size === 0) return { bytes: joined(parts), isWhole: true };
    parts.push(all.subarray(end + 1, end + 1 + size));
    at = end + 1 + size + 2;
  }
}
