/** Files go out with one question to the reader, are verified on the way, and follow what changes in the repository. */
import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { hash } from "node:crypto";
import { rawOf } from "../../src/core/raw.ts";
import { openPlainFile, PIECE_BYTES } from "../../src/platform/plain_file.ts";
import { RepositoryReader } from "../../src/server/reader/repository_reader.ts";
import { ASKS, type Reader, STREAMS } from "../../src/server/reader/reader.ts";
import { answerOf, ask, talk, tokenOf, type WebServer, webServer } from "../support/web_server.ts";
import { World } from "../support/world.ts";

const LARGE = 3 * PIECE_BYTES + 17, SMALL = "small";
const large = () => new Uint8Array(LARGE).map((_, at) => at % 253);

/** A server whose reader notes what it is asked. */
async function counted(world: World): Promise<AsyncDisposable & { server: WebServer; asked: string[] }> {
  await using held = new AsyncDisposableStack();
  const inner = held.use(new RepositoryReader(() => Promise.resolve(world.open()))), asked: string[] = [];
  const noting = [...ASKS, ...STREAMS].map((name) => [name, (...args: readonly unknown[]) => {
    asked.push(name);
    return Reflect.apply(inner[name], inner, args);
  }]);
  const reader = Object.fromEntries(noting) as Reader;
  const server = held.use(await webServer(world, {}, { reader })), all = held.move();
  return { server, asked, [Symbol.asyncDispose]: () => all.disposeAsync() };
}

async function filled(): Promise<World> {
  const world = new World({ inMemory: true });
  Deno.writeFileSync(`${world.source}/large`, large());
  world.write("small", SMALL);
  world.write("empty", "");
  Deno.mkdirSync(`${world.source}/directory`);
  await world.backup({ name: "docs" });
  return world;
}

const READ = { token: tokenOf("read") };

Deno.test("A file costs one question once the snapshots are known, by WebDAV and by the interface for programs", async () => {
  using world = await filled();
  await using running = await counted(world);
  const { server, asked } = running;
  await ask(server, "/dav/docs/latest/small", READ);
  const since = (from: number) => asked.slice(from);
  for (const top of ["/dav/docs/latest", "/content/docs:latest"]) {
    for (const name of ["small", "large", "empty"]) {
      const before = asked.length, { status, bytes, isWhole } = await ask(server, `${top}/${name}`, READ);
      deepStrictEqual([status, isWhole, since(before)], [200, true, ["file"]], `${top}/${name}`);
      const content = Deno.readFileSync(`${world.source}/${name}`);
      strictEqual(hash("sha256", bytes), hash("sha256", content), name);
    }
    const before = asked.length, { status, bytes } = await ask(server, `${top}/large`, { ...READ, method: "HEAD" });
    deepStrictEqual([status, bytes.length, since(before)], [200, 0, ["file"]]);
  }
});

Deno.test("What changes in the repository shows at once, and whoever is limited to a series never sees another", async () => {
  using world = await filled();
  await using running = await counted(world);
  const { server } = running, text = async (path: string) => (await ask(server, path, READ)).text;
  strictEqual(await text("/dav/docs/latest/small"), SMALL);
  world.write("small", "changed");
  await world.backup({ name: "docs" });
  strictEqual(await text("/dav/docs/latest/small"), "changed");
  strictEqual(await text("/content/docs:latest~1/small"), SMALL);
  world.write("small", "of photos");
  await world.backup({ name: "photos" });
  strictEqual(await text("/content/latest/small"), "of photos");
  const limited = async (path: string) => {
    const { status, text } = await ask(server, path, { token: tokenOf("photos") });
    return [status, status === 200 ? text : ""];
  };
  for (let times = 0; times < 2; times++) {
    deepStrictEqual(await limited("/dav/photos/latest/small"), [200, "of photos"]);
    deepStrictEqual(await limited("/content/latest/small"), [200, "of photos"]);
    deepStrictEqual(await limited("/dav/docs/latest/small"), [404, ""]);
    deepStrictEqual(await limited("/content/docs:latest/small"), [404, ""]);
    strictEqual(await text("/dav/docs/latest/small"), "changed");
  }
});

Deno.test("What is no file, or isn't there, is answered as that", async () => {
  using world = await filled();
  await using running = await counted(world);
  const { server } = running;
  for (
    const [path, expected] of [
      ["/dav/docs/latest/directory", 405],
      ["/dav/docs/latest", 405],
      ["/dav/docs", 405],
      ["/dav/docs/latest/nothing", 404],
      ["/dav/docs/latest/small/x", 404],
      ["/dav/docs/2001-01-01 00-00-00/small".replaceAll(" ", "%20"), 404],
      ["/dav/others/latest/small", 404],
      ["/content/latest/directory", 400],
      ["/content/latest", 400],
      ["/content/latest/nothing", 404],
      ["/content/nothing/small", 404],
    ] as const
  ) strictEqual((await ask(server, path, READ)).status, expected, path);
});

/** Changes the bytes of the stored content that has this size. */
function damage(world: World, size: number, change: (bytes: Uint8Array<ArrayBuffer>) => Uint8Array<ArrayBuffer>): void {
  for (const { name } of Deno.readDirSync(`${world.storagePath}/content`)) {
    for (const item of Deno.readDirSync(`${world.storagePath}/content/${name}`)) {
      const path = `${world.storagePath}/content/${name}/${item.name}`;
      if (Deno.statSync(path).size !== size) continue;
      Deno.chmodSync(path, 0o600);
      Deno.writeFileSync(path, change(Deno.readFileSync(path)));
    }
  }
}

const flipped = (at: number) => (bytes: Uint8Array<ArrayBuffer>) => {
  bytes[at] = bytes[at]! ^ 1;
  return bytes;
};

Deno.test("A damaged file never ends well, wherever its damage is; a small one isn't begun", async () => {
  const damages = {
    "first byte": flipped(0),
    "last byte": flipped(LARGE - 1),
    "shorter": (bytes: Uint8Array<ArrayBuffer>) => bytes.slice(0, -1),
    "shorter by a piece": (bytes: Uint8Array<ArrayBuffer>) => bytes.slice(0, 2 * PIECE_BYTES),
    "other": () => large().reverse(),
  };
  for (const [how, change] of Object.entries(damages)) {
    using world = await filled();
    damage(world, LARGE, change);
    damage(world, SMALL.length, flipped(2));
    await using running = await counted(world);
    for (const top of ["/dav/docs/latest", "/content/latest"]) {
      const { status, isWhole, bytes } = await ask(running.server, `${top}/large`, READ);
      deepStrictEqual([status === 200 && isWhole, bytes.length < LARGE], [false, true], how);
      const small = await ask(running.server, `${top}/small`, READ);
      deepStrictEqual([small.status, small.text.includes(SMALL)], [500, false], how);
    }
  }
});

Deno.test("A part from within a file is right wherever it begins and ends", async () => {
  using world = await filled();
  await using running = await counted(world);
  const all = large(),
    of = async (from: number, to: number) =>
      (await ask(running.server, "/content/latest/large", { ...READ, headers: { range: `bytes=${from}-${to - 1}` } }))
        .bytes;
  const edges = [0, 1, PIECE_BYTES - 1, PIECE_BYTES, PIECE_BYTES + 1, 2 * PIECE_BYTES, LARGE - 1, LARGE];
  for (const from of edges) {
    for (const to of edges.filter((edge) => edge > from)) {
      strictEqual(hash("sha256", await of(from, to)), hash("sha256", all.subarray(from, to)), `${from} to ${to}`);
    }
  }
});

Deno.test("A part that goes on to the end of a damaged file never ends well, wherever it begins", async () => {
  const other = (bytes: Uint8Array) => new Uint8Array([...bytes].reverse().concat(1, 2, 3));
  for (const change of [flipped(0), other]) {
    using world = await filled();
    damage(world, LARGE, change);
    await using running = await counted(world);
    for (const range of [`bytes=${PIECE_BYTES}-`, "bytes=-17", `bytes=1-${LARGE - 1}`]) {
      const headers = `Host: localhost\r\nAuthorization: Bearer ${READ.token}\r\nRange: ${range}\r\n`;
      const sent = `GET /content/latest/large HTTP/1.1\r\n${headers}Connection: close\r\n\r\n`;
      // Without any answer, where the damage shows before the first byte.
      const { status, isWhole } = answerOf(await talk(running.server.port, sent));
      strictEqual(status === 206 && isWhole, false, range);
    }
  }
});

Deno.test("More bytes than there should be are never sent", async () => {
  using world = await filled();
  damage(world, LARGE, (bytes) => new Uint8Array([...bytes, 1, 2, 3]));
  await using running = await counted(world);
  const { bytes } = await ask(running.server, "/content/latest/large", READ);
  strictEqual(bytes.length <= LARGE, true);
});

Deno.test("A plain file is read in pieces, and closed wherever its reader stops", async () => {
  using world = await filled();
  const path = rawOf(`${world.source}/large`), lengths: number[] = [];
  {
    using file = await openPlainFile(path);
    for await (const { length } of file!.pieces()) lengths.push(length);
  }
  deepStrictEqual(lengths, [PIECE_BYTES, PIECE_BYTES, PIECE_BYTES, 17]);
  {
    using file = await openPlainFile(path);
    for await (const _ of file!.pieces()) break;
  }
  strictEqual(await openPlainFile(rawOf(`${world.source}/nothing`)), undefined);
});
