/** What networks do to connections, on purpose: a proxy that delays, cuts, resets and repeats what goes through it. */

export type Mishap =
  /** Nobody is there. */
  | { readonly kind: "refuse" }
  /** Broken off when so many bytes have gone to the server: some of what was sent has come, and some has not. */
  | { readonly kind: "cut-up"; readonly bytes: number }
  /** The same on the way back: it was done, and the answer ends in the middle. */
  | { readonly kind: "cut-down"; readonly bytes: number }
  /** Everything goes through late. */
  | { readonly kind: "delay"; readonly ms: number }
  /** Nothing goes through, and nobody hangs up. */
  | { readonly kind: "stall" }
  /** Of HTTP: a request comes twice, and the answer to the second one is given. */
  | { readonly kind: "repeat-request" }
  /** Of HTTP: an answer comes twice. */
  | { readonly kind: "repeat-answer" };

export const TCP_MISHAPS = ["refuse", "cut-up", "cut-down", "cut-up", "cut-down", "delay"] as const;
export const HTTP_MISHAPS = [...TCP_MISHAPS, "repeat-request", "repeat-answer", "stall"] as const;

/** Small numbers that are the same in each run. */
function dice(seed: number): (sides: number) => number {
  let state = seed * 2_654_435_761 >>> 0;
  return (sides) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor(state / 2 ** 32 * sides);
  };
}

/** @param kinds what may happen to a connection, at a rate of one in `rarity` */
export function mishaps(
  seed: number,
  kinds: readonly Mishap["kind"][],
  rarity: number,
): (connection: number) => Mishap | undefined {
  const roll = dice(seed);
  return () => {
    const kind = kinds[roll(kinds.length * rarity)];
    switch (kind) {
      case undefined:
        return undefined;
      case "cut-up":
      case "cut-down":
        return { kind, bytes: 1 + roll(roll(2) === 0 ? 400 : 60_000) };
      case "delay":
        return { kind, ms: 1 + roll(5) };
      default:
        return { kind };
    }
  };
}

export class ChaosProxy implements AsyncDisposable {
  readonly port: number;
  /** Connections that came. */
  connections = 0;
  /** Called when one comes. */
  onConnection = (): void => {};
  readonly #listener: Deno.TcpListener;
  readonly #target: number;
  readonly #plan: (connection: number) => Mishap | undefined;
  readonly #open = new Set<Deno.TcpConn>();
  readonly #running: Promise<void>[] = [];

  /** @param target port of the server @param plan what is to become of connection 0, 1, 2 ...; undefined: nothing bad */
  constructor(target: number, plan: (connection: number) => Mishap | undefined) {
    this.#listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    this.port = this.#listener.addr.port;
    this.#target = target;
    this.#plan = plan;
    this.#running.push(this.#accept());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    for (const connection of this.#open) this.#close(connection);
    await Promise.all(this.#running);
  }

  async #accept(): Promise<void> {
    try {
      for await (const client of this.#listener) {
        this.#open.add(client);
        this.onConnection();
        this.#running.push(this.#serve(client, this.#plan(this.connections++)).catch(() => {}));
      }
    } catch {
      // It was closed.
    }
  }

  async #serve(client: Deno.TcpConn, mishap: Mishap | undefined): Promise<void> {
    try {
      if (mishap?.kind === "refuse") return;
      if (mishap?.kind === "stall") return await drain(client);
      if (mishap?.kind === "repeat-request" || mishap?.kind === "repeat-answer") {
        return await this.#repeat(client, mishap);
      }
      const server = await this.#connect();
      const up = mishap?.kind === "cut-up" ? mishap.bytes : Infinity;
      const down = mishap?.kind === "cut-down" ? mishap.bytes : Infinity, ms = mishap?.kind === "delay" ? mishap.ms : 0;
      // Whichever ends first ends both.
      const pumps = [pump(client, server, up, ms), pump(server, client, down, ms)];
      await Promise.race(pumps).catch(() => {});
      this.#close(server);
      this.#close(client);
      await Promise.allSettled(pumps);
    } finally {
      this.#close(client);
    }
  }

  async #repeat(client: Deno.TcpConn, { kind }: Mishap): Promise<void> {
    const request = await readRequest(client);
    if (request === undefined) return;
    const answers: Uint8Array[] = [];
    for (let time = 0; time < (kind === "repeat-request" ? 2 : 1); time++) {
      const server = await this.#connect();
      await writeAll(server, request);
      answers.push(await readToEnd(server));
      this.#close(server);
    }
    const answer = answers.at(-1) ?? new Uint8Array();
    await writeAll(client, answer);
    if (kind === "repeat-answer") await writeAll(client, answer);
  }

  async #connect(): Promise<Deno.TcpConn> {
    const server = await Deno.connect({ hostname: "127.0.0.1", port: this.#target });
    this.#open.add(server);
    return server;
  }

  #close(connection: Deno.TcpConn): void {
    this.#open.delete(connection);
    try {
      connection.close();
    } catch {
      // It is closed.
    }
  }
}

async function pump(from: Deno.TcpConn, to: Deno.TcpConn, mostBytes: number, delayMs: number): Promise<void> {
  const buffer = new Uint8Array(16 * 1024);
  for (let left = mostBytes; left > 0;) {
    const got = await from.read(buffer);
    if (got === null) return;
    if (delayMs > 0) await new Promise((resolve) => setTimeout(resolve, delayMs));
    await writeAll(to, buffer.subarray(0, Math.min(got, left)));
    left -= got;
  }
}

async function drain(from: Deno.TcpConn): Promise<void> {
  const buffer = new Uint8Array(16 * 1024);
  while (await from.read(buffer) !== null);
}

/** Whole, and asking the server to hang up after its answer. */
async function readRequest(client: Deno.TcpConn): Promise<Uint8Array | undefined> {
  const buffer = new Uint8Array(64 * 1024);
  let text = "";
  for (;;) {
    const got = await client.read(buffer);
    if (got === null) return undefined;
    text += latin1(buffer.subarray(0, got));
    const end = text.indexOf("\r\n\r\n"), length = Number(/^content-length: (\d+)/im.exec(text)?.[1] ?? 0);
    if (end < 0 || text.length < end + 4 + length) continue;
    return Uint8Array.from(text.replace("\r\n", "\r\nconnection: close\r\n"), (char) => char.charCodeAt(0));
  }
}

function latin1(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
}

async function readToEnd(from: Deno.TcpConn): Promise<Uint8Array> {
  const parts: Uint8Array[] = [], buffer = new Uint8Array(64 * 1024);
  for (;;) {
    const got = await from.read(buffer);
    if (got === null) return new Uint8Array(await new Blob(parts.map((part) => part.slice())).arrayBuffer());
    parts.push(buffer.slice(0, got));
  }
}

async function writeAll(to: Deno.TcpConn, bytes: Uint8Array): Promise<void> {
  for (let done = 0; done < bytes.length;) done += await to.write(bytes.subarray(done));
}
