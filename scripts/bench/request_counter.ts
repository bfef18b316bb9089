/**
 * Something between a client and a server that counts requests, and makes the way as long as it would be:
 *
 *   deno run -A scripts/bench/request_counter.ts PORT LATENCY_MS FILE
 *
 * It listens on a port of its own, and keeps that and the counts in the file.
 */

const NEWLINES = new TextEncoder().encode("\r\n\r\n");
const WRITE_MS = 50;

export interface Counted {
  /** That clients connect to. */
  readonly port: number;
  /** Requests so far, by method. */
  readonly counts: Readonly<Record<string, number>>;
}

/** @param latencyMs of a way there and back */
async function serve(target: number, latencyMs: number, file: string): Promise<void> {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const counts: Record<string, number> = {}, { port } = listener.addr;
  let written = "";
  const write = () => {
    const text = JSON.stringify({ port, counts } satisfies Counted);
    if (text === written) return;
    Deno.writeTextFileSync(`${file}.new`, text);
    Deno.renameSync(`${file}.new`, file);
    written = text;
  };
  write();
  setInterval(write, WRITE_MS);
  const onRequest = (method: string) => counts[method] = (counts[method] ?? 0) + 1;
  for await (const client of listener) connect(client, target, latencyMs / 2, onRequest).catch(() => {});
}

async function connect(
  client: Deno.TcpConn,
  port: number,
  delayMs: number,
  onRequest: (method: string) => void,
): Promise<void> {
  const server = await Deno.connect({ hostname: "127.0.0.1", port }), requests = new RequestReader(onRequest);
  for (const each of [client, server]) each.setNoDelay();
  await Promise.all([
    pass(client, server, delayMs, (bytes) => requests.read(bytes)),
    pass(server, client, delayMs, () => {}),
  ]);
}

/** What comes goes on after a while, in its order; meanwhile more may come. */
async function pass(
  from: Deno.TcpConn,
  to: Deno.TcpConn,
  delayMs: number,
  onBytes: (bytes: Uint8Array) => void,
): Promise<void> {
  const buffer = new Uint8Array(64 * 1024);
  let last: Promise<unknown> = Promise.resolve();
  try {
    for (let got = await from.read(buffer); got !== null; got = await from.read(buffer)) {
      const bytes = buffer.slice(0, got), due = delayMs === 0 ? undefined : after(delayMs), before = last;
      onBytes(bytes);
      last = (async () => {
        await due;
        await before;
        await writeAll(to, bytes);
      })();
      // Without a delay nothing is kept back, else as much as is on its way.
      if (delayMs === 0) await last;
      else last.catch(() => {});
    }
    await last;
  } finally {
    close(to);
  }
}

function after(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

async function writeAll(to: Deno.TcpConn, bytes: Uint8Array): Promise<void> {
  for (let done = 0; done < bytes.length;) done += await to.write(bytes.subarray(done));
}

function close(connection: Deno.TcpConn): void {
  try {
    connection.close();
  } catch (error) {
    if (!(error instanceof Deno.errors.BadResource)) throw error; // the other side was first
  }
}

/** Finds the beginnings of requests of HTTP/1.1 in what a client sends. */
export class RequestReader {
  readonly #onRequest: (method: string) => void;
  #head: number[] = [];
  /** Of a body that has begun. */
  #left = 0;

  constructor(onRequest: (method: string) => void) {
    this.#onRequest = onRequest;
  }

  read(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length;) {
      const skipped = Math.min(this.#left, bytes.length - at);
      this.#left -= skipped;
      at += skipped;
      while (this.#left === 0 && at < bytes.length && !this.#endsWith(bytes[at++]!));
    }
  }

  /** @returns true if a body follows */
  #endsWith(byte: number): boolean {
    this.#head.push(byte);
    if (byte !== NEWLINES.at(-1) || !NEWLINES.every((each, i) => this.#head.at(i - NEWLINES.length) === each)) {
      return false;
    }
    const text = String.fromCharCode(...this.#head);
    this.#head = [];
    this.#onRequest(text.slice(0, text.indexOf(" ")));
    this.#left = Number(/^content-length: *(\d+)/im.exec(text)?.[1] ?? 0);
    return this.#left > 0;
  }
}

if (import.meta.main) {
  const [target, latencyMs, file = ""] = Deno.args;
  await serve(Number(target), Number(latencyMs), file);
}
