/** What one account may have at once, and that it ends with the account. */
import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { rawOf } from "../../src/core/raw.ts";
import { type ShareLimits, Shares } from "../../src/server/exchange/shares.ts";
import { UserFile } from "../../src/server/accounts/user_file.ts";
import { ask, send, toEnd, tokenOf, type TOKENS, type WebServer, webServer } from "../support/web_server.ts";
import { TestClock, World } from "../support/world.ts";

type Name = typeof TOKENS[number];

function head(server: WebServer, target: string, name: Name): string {
  return `GET ${target} HTTP/1.1\r\nHost: 127.0.0.1:${server.port}\r\nAuthorization: Bearer ${tokenOf(name)}\r\n\r\n`;
}

/** A connection whose answer has begun, and of which no more is read. */
async function begun(server: WebServer, target: string, name: Name) {
  const connection = await Deno.connect({ hostname: "127.0.0.1", port: server.port });
  await send(connection, head(server, target, name));
  const into = new Uint8Array(1024), got = await connection.read(into) ?? 0;
  return { connection, status: Number(new TextDecoder().decode(into.subarray(0, got)).split(" ")[1]) };
}

const each = (most: ShareLimits["archive"]) => ({ archive: most, download: most, search: most });
const NOBODY = { ofAccount: 0, ofAll: 0 };

/** Larger than what lies in buffers on the way. */
const LARGE = 24 * 1024 * 1024;

async function withLargeFile(world: World): Promise<void> {
  Deno.writeFileSync(`${world.source}/large.bin`, new Uint8Array(LARGE));
  Deno.writeTextFileSync(`${world.source}/small.txt`, "small");
  await world.backup({ name: "photos" });
}

Deno.test("An account has so many downloads at once, others have theirs, and one that ends makes room", async () => {
  using world = new World({ inMemory: true });
  await withLargeFile(world);
  const most = { ofAccount: 2, ofAll: 3 };
  await using server = await webServer(world, { shares: { ...each(most), waiting: NOBODY } });
  using held = new DisposableStack();
  const begin = async (name: Name) => {
    const { connection, status } = await begun(server, "/content/latest/large.bin", name);
    held.use(connection);
    return { connection, status };
  };
  const first = await begin("read");
  deepStrictEqual([first.status, (await begin("read")).status], [200, 200]);
  const refused = await ask(server, "/content/latest/small.txt", { token: tokenOf("read") });
  deepStrictEqual([refused.status, refused.headers.get("retry-after")], [503, "5"]);
  strictEqual(JSON.parse(refused.text).code, "busy");
  // What needs no share of it goes on.
  strictEqual((await ask(server, "/api/v1/series", { token: tokenOf("read") })).status, 200);
  strictEqual((await ask(server, "/content/latest/small.txt", { token: tokenOf("read"), method: "HEAD" })).status, 200);
  strictEqual((await ask(server, "/content/latest/small.txt", { token: tokenOf("run") })).text, "small");
  strictEqual((await begin("run")).status, 200);
  strictEqual((await ask(server, "/content/latest/small.txt", { token: tokenOf("admin") })).status, 503, "all of them");
  first.connection.close();
  for (let status = 503; status !== 200;) {
    ({ status } = await ask(server, "/content/latest/small.txt", { token: tokenOf("read") }));
  }
});

Deno.test("Downloads beyond the limit wait their turn, however many files a file manager opens at once", async () => {
  using world = new World({ inMemory: true });
  await withLargeFile(world);
  const few = { ofAccount: 2, ofAll: 3 };
  await using server = await webServer(world, { shares: { ...each(few), waiting: { ofAccount: 40, ofAll: 40 } } });
  const [, series] = /<D:href>(\/dav\/[^<]+)</.exec(
    (await ask(server, "/dav/", { method: "PROPFIND", token: tokenOf("read"), headers: { depth: "1" } })).text,
  ) ?? [];
  const target = `${series}latest/small.txt`;
  const answers = await Promise.all(
    Array.from({ length: 40 }, (_, n) => ask(server, target, { token: tokenOf(n % 2 === 0 ? "read" : "run") })),
  );
  deepStrictEqual(new Set(answers.map(({ status, text }) => `${status} ${text}`)), new Set(["200 small"]));
});

/** Takes a share and notes it. */
class Taker {
  readonly entered: string[] = [];
  readonly #held = new Map<string, Disposable>();
  readonly shares: Shares;

  constructor(clock: TestClock, limits: ShareLimits) {
    this.shares = new Shares(clock, limits);
  }

  async take(account: string, name: string, gone = new AbortController().signal): Promise<void> {
    this.#held.set(name, await this.shares.take("download", account, gone));
    this.entered.push(name);
  }

  release(name: string): void {
    this.#held.get(name)?.[Symbol.dispose]();
  }
}

async function settled(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
}

Deno.test("Whoever has least comes first, then whoever came first; nobody waits for ever, and not too many", async () => {
  const clock = new TestClock(), waiting = { ofAccount: 3, ofAll: 4 };
  const taker = new Taker(clock, { ...each({ ofAccount: 3, ofAll: 3 }), waiting }), gone = new AbortController();
  for (const name of ["a1", "a2", "a3"]) await taker.take("a", name);
  const all = [taker.take("a", "a4"), taker.take("a", "a5"), taker.take("b", "b1", gone.signal), taker.take("b", "b2")];
  await rejects(taker.take("c", "c1"), { code: "busy" }, "too many wait");
  gone.abort();
  await rejects(all[2]!, { code: "busy" }, "it has gone");
  taker.release("a1");
  await settled();
  taker.release("a2");
  await settled();
  deepStrictEqual(taker.entered, ["a1", "a2", "a3", "b2", "a4"]);
  clock.ms += 24_000;
  const late = taker.take("b", "b3");
  clock.ms += 1000;
  await rejects(all[1]!, { code: "busy" }, "it has waited for long enough");
  taker.release("a3");
  await late;
  deepStrictEqual(taker.entered.at(-1), "b3");
});

Deno.test("What has been answered, or has failed, takes nothing any more", async () => {
  using world = new World({ inMemory: true });
  await withLargeFile(world);
  const one = { ofAccount: 1, ofAll: 1 };
  await using server = await webServer(world, { shares: { ...each(one), waiting: NOBODY } });
  for (const target of ["/content/latest/small.txt", "/content/latest/nothing", "/archive/latest/small.txt"]) {
    for (const method of ["GET", "HEAD", "GET"]) {
      const { status } = await ask(server, target, { token: tokenOf("read"), method });
      ok(status === 200 || status === 404, `${method} ${target}: ${status}`);
    }
  }
  for (let count = 0; count < 3; count++) {
    strictEqual((await ask(server, "/search?q=small", { token: tokenOf("read") })).status, 200);
    strictEqual((await ask(server, "/api/v1/search?q=[", { token: tokenOf("read") })).status < 500, true);
  }
});

/** What may become of an account while it is sent something. */
const CHANGES: Readonly<Record<string, (file: UserFile, world: World) => void>> = {
  "is removed": (file, { machine }) => void file.remove("read", machine.random),
  "has another role": (file, { machine }) => file.put({ ...file.user("read")!, role: "watch" }, machine.random),
  "may see some series only": (file, { machine }) =>
    file.put({ ...file.user("read")!, series: ["mail"] }, machine.random),
  "has its token revoked": (file, { machine }) => file.put({ ...file.user("read")!, tokens: [] }, machine.random),
};

for (const [name, change] of Object.entries(CHANGES)) {
  Deno.test(`Streams of an account end when it ${name}, and those of others go on`, async () => {
    using world = new World({ inMemory: true });
    await withLargeFile(world);
    await using server = await webServer(world);
    using events = (await begun(server, "/api/v1/events", "read")).connection;
    using download = (await begun(server, "/content/latest/large.bin", "read")).connection;
    using other = (await begun(server, "/content/latest/large.bin", "run")).connection;
    world.clock.ms += 1500;
    {
      using dir = world.machine.disk.openDir(rawOf(server.accounts));
      change(new UserFile(dir), world);
    }
    world.clock.ms += 1500;
    await toEnd(events);
    ok(await bytesOf(download) < LARGE, "it is cut off");
    ok(await bytesOf(other, LARGE - 2048) >= LARGE - 2048, "it is whole");
  });
}

/** Counts what comes until the end, or until it is enough. */
async function bytesOf(connection: Deno.Conn, enough = Infinity): Promise<number> {
  const into = new Uint8Array(256 * 1024);
  let bytes = 0;
  try {
    while (bytes < enough) {
      const got = await connection.read(into);
      if (got === null) return bytes;
      bytes += got;
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.ConnectionReset)) throw error;
  }
  return bytes;
}
