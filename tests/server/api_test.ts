/** The interface for programs: what is stored, through names, pages, ranges and archives. */
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import type { Policy } from "../../src/core/policy.ts";
import { appendHistory } from "../../src/jobs/state/history.ts";
import { setPolicy } from "../../src/operations/forget/policy.ts";
import { ask, type Asking, tokenOf, type TOKENS, type WebServer, webServer } from "../support/web_server.ts";
import { ROUTES } from "../../src/server/routes.ts";
import { World } from "../support/world.ts";

const READ: Asking = { token: tokenOf("read") };

async function json(server: WebServer, target: string, asking: Asking = READ) {
  const { status, text } = await ask(server, target, asking);
  strictEqual(status, 200, `${target}: ${text}`);
  return JSON.parse(text);
}

/** Two snapshots of photos, one of letters. */
async function filled(): Promise<World> {
  const world = new World({ inMemory: true });
  Deno.mkdirSync(`${world.source}/2025`);
  Deno.writeTextFileSync(`${world.source}/2025/a.txt`, "0123456789");
  Deno.writeTextFileSync(`${world.source}/2025/page.html`, "<script>alert(1)</script>");
  Deno.writeTextFileSync(`${world.source}/empty`, "");
  Deno.symlinkSync("/etc/passwd", `${world.source}/link`);
  await world.backup({ name: "photos" });
  Deno.writeTextFileSync(`${world.source}/2025/a.txt`, "other");
  Deno.writeTextFileSync(`${world.source}/secret.txt`, "of the second");
  await world.backup({ name: "photos" });
  await world.backup({ name: "letters" });
  return world;
}

Deno.test("Snapshots, series, directories, versions and findings come as JSON", async () => {
  using world = await filled();
  await using server = await webServer(world);
  const { items } = await json(server, "/api/v1/snapshots?name=photos");
  deepStrictEqual(items.map(({ name, host }: Record<string, string>) => `${host} ${name}`), [
    "testhost photos",
    "testhost photos",
  ]);
  const [first, second] = items;
  strictEqual((await json(server, `/api/v1/snapshots/${first.id.slice(0, 12)}`)).id, first.id);
  strictEqual((await json(server, "/api/v1/snapshots/photos:latest")).id, second.id);
  deepStrictEqual(
    (await json(server, "/api/v1/series")).map(({ name, snapshots }: Record<string, unknown>) => [name, snapshots]),
    [["letters", 1], ["photos", 2]],
  );
  strictEqual((await json(server, "/api/v1/series/testhost/photos")).snapshots.length, 2);
  const listed = await json(server, `/api/v1/snapshots/${first.id}/entries`);
  deepStrictEqual(listed.items.map(({ path }: Record<string, string>) => path), ["/2025", "/empty", "/link"]);
  const history = await json(server, "/api/v1/history/2025/a.txt?name=photos");
  deepStrictEqual(history.map(({ change }: Record<string, string>) => change), ["added", "content"]);
  const found = await json(server, "/api/v1/search?q=SECRET*&ignoreCase=1");
  deepStrictEqual(
    found.items.map(({ path, name }: Record<string, string>) => [path, name]),
    [["/secret.txt", "letters"], ["/secret.txt", "photos"]],
  );
  const stats = await json(server, "/api/v1/stats");
  strictEqual(stats.snapshots.length, 3);
});

Deno.test("Pages of a list go on after the last name, and end", async () => {
  using world = new World({ inMemory: true });
  for (let i = 0; i < 25; i++) Deno.writeTextFileSync(`${world.source}/f${String(i).padStart(2, "0")}`, `${i}`);
  Deno.mkdirSync(`${world.source}/d`);
  Deno.writeTextFileSync(`${world.source}/d/below`, "x");
  await world.backup();
  await using server = await webServer(world);
  const names: string[] = [];
  for (let after = ""; after !== undefined;) {
    const { items, next } = await json(
      server,
      `/api/v1/snapshots/latest/entries?limit=10${after && `&after=${after}`}`,
    );
    ok(items.length <= 10);
    names.push(...items.map(({ path }: Record<string, string>) => path));
    after = next;
  }
  deepStrictEqual(names, ["/d", ...Array.from({ length: 25 }, (_, i) => `/f${String(i).padStart(2, "0")}`)]);
  const found: string[] = [];
  for (let after = ""; after !== undefined;) {
    const { items, next } = await json(
      server,
      `/api/v1/search?q=f*&limit=7${after && `&after=${encodeURIComponent(after)}`}`,
    );
    found.push(...items.map(({ path }: Record<string, string>) => path));
    after = next;
  }
  deepStrictEqual(found, names.slice(1));
});

const RANGES: readonly (readonly [string, number, string, string?])[] = [
  ["bytes=2-4", 206, "234", "bytes 2-4/10"],
  ["bytes=7-", 206, "789", "bytes 7-9/10"],
  ["bytes=-3", 206, "789", "bytes 7-9/10"],
  ["bytes=0-99", 206, "0123456789", "bytes 0-9/10"],
  ["bytes=10-", 416, "", "bytes */10"],
  ["bytes=-0", 416, "", "bytes */10"],
  ["bytes=4-2", 200, "0123456789"],
  ["bytes=0-1,3-4", 200, "0123456789"],
  ["lines=1-2", 200, "0123456789"],
];

Deno.test("Contents come whole, in part, or not at all if they are known", async () => {
  using world = await filled();
  await using server = await webServer(world);
  const [first] = (await json(server, "/api/v1/snapshots?name=photos")).items,
    target = `/content/${first.id}/2025/a.txt`;
  for (const [range, status, text, shown] of RANGES) {
    const answer = await ask(server, target, { ...READ, headers: { range } });
    deepStrictEqual([answer.status, answer.text, answer.isWhole], [status, text, true], range);
    strictEqual(answer.headers.get("content-range"), shown ?? null, range);
  }
  const whole = await ask(server, target, READ), etag = whole.headers.get("etag") ?? "";
  deepStrictEqual([whole.status, whole.text, whole.headers.get("content-type")], [
    200,
    "0123456789",
    "application/octet-stream",
  ]);
  strictEqual((await ask(server, target, { ...READ, headers: { "if-none-match": etag } })).status, 304);
  strictEqual((await ask(server, target, { headers: { "if-none-match": etag } })).status, 401);
  const other = { range: "bytes=2-4", "if-range": '"other"' };
  strictEqual((await ask(server, target, { ...READ, headers: other })).status, 200);
  strictEqual((await ask(server, target, { ...READ, headers: { ...other, "if-range": etag } })).text, "234");
  const head = await ask(server, target, { ...READ, method: "HEAD" });
  deepStrictEqual([head.status, head.headers.get("content-length"), head.bytes.length], [200, "10", 0]);
  strictEqual((await ask(server, `/content/${first.id}/empty`, READ)).text, "");
});

Deno.test("Nothing that is stored runs in a browser", async () => {
  using world = await filled();
  await using server = await webServer(world);
  const html = await ask(server, "/content/photos:latest/2025/page.html?inline", READ);
  strictEqual(html.headers.get("content-type"), "application/octet-stream");
  ok(html.headers.get("content-disposition")?.startsWith("attachment;"));
  strictEqual(html.headers.get("content-security-policy"), "default-src 'none'; sandbox");
  const text = await ask(server, "/content/photos:latest/2025/a.txt?inline", READ);
  strictEqual(text.headers.get("content-type"), "text/plain; charset=utf-8");
});

Deno.test("A damaged content never ends a transfer well", async () => {
  using world = new World({ inMemory: true });
  Deno.writeFileSync(`${world.source}/large`, new Uint8Array(3_000_000).fill(7));
  await world.backup();
  await using server = await webServer(world);
  strictEqual((await ask(server, "/content/latest/large", READ)).isWhole, true);
  const path = filesBelow(`${world.storagePath}/content`).find((one) => Deno.statSync(one).size === 3_000_000) ?? "";
  Deno.chmodSync(path, 0o600);
  {
    using file = Deno.openSync(path, { write: true });
    file.writeSync(Uint8Array.of(8));
  }
  const { bytes, isWhole } = await ask(server, "/content/latest/large", READ);
  ok(!isWhole && bytes.length < 3_000_000, `${bytes.length}`);
});

function filesBelow(directory: string): string[] {
  return [...Deno.readDirSync(directory)].flatMap(({ name, isDirectory }) =>
    isDirectory ? filesBelow(`${directory}/${name}`) : [`${directory}/${name}`]
  );
}

Deno.test("An archive is a whole ZIP file without links, or a tar file with all that there is", async () => {
  using world = await filled();
  await using server = await webServer(world);
  const zip = await ask(server, "/archive/photos:latest", READ);
  deepStrictEqual([zip.status, zip.isWhole], [200, true]);
  const path = `${world.base}/all.zip`, into = `${world.base}/unpacked`;
  Deno.writeFileSync(path, zip.bytes);
  const names = namesInZip(zip.bytes);
  deepStrictEqual(names, ["2025/", "2025/a.txt", "2025/page.html", "empty", "secret.txt", "backup-errors.txt"]);
  const tar = await ask(server, "/archive/photos:latest?format=tar", READ);
  Deno.mkdirSync(into);
  Deno.writeFileSync(`${world.base}/all.tar`, tar.bytes);
  const { success } = await new Deno.Command("tar", { args: ["-xf", `${world.base}/all.tar`, "-C", into] }).output();
  ok(success);
  strictEqual(Deno.readTextFileSync(`${into}/2025/a.txt`), "other");
  strictEqual(Deno.readLinkSync(`${into}/link`), "/etc/passwd");
});

/** From the directory at the end. */
function namesInZip(bytes: Uint8Array<ArrayBuffer>): string[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset), names: string[] = [];
  let at = view.getUint32(bytes.length - 22 + 16, true);
  while (view.getUint32(at, true) === 0x02014b50) {
    const length = view.getUint16(at + 28, true), extra = view.getUint16(at + 30, true);
    names.push(new TextDecoder().decode(bytes.subarray(at + 46, at + 46 + length)));
    at += 46 + length + extra + view.getUint16(at + 32, true);
  }
  return names;
}

Deno.test("An archive of what is chosen has that, and nothing beside it", async () => {
  using world = new World({ inMemory: true });
  for (const name of ["a.txt", "b.txt", "sub/c.txt", "sub/d.txt", "sub-e.txt", "sub/deep/f.txt"]) {
    world.write(name, name);
  }
  await world.backup({ name: "photos" });
  await using server = await webServer(world);
  const of = async (query: string, below = "") => {
    const { bytes, isWhole, status } = await ask(server, `/archive/latest${below}?${query}`, READ);
    deepStrictEqual([status, isWhole], [200, true], query);
    return namesInZip(bytes).sort();
  };
  deepStrictEqual(await of("only=b.txt&only=sub"), [
    "b.txt",
    "sub/",
    "sub/c.txt",
    "sub/d.txt",
    "sub/deep/",
    "sub/deep/f.txt",
  ]);
  deepStrictEqual(await of("only=sub/c.txt&only=sub/c.txt&only=sub/deep/f.txt"), ["sub/c.txt", "sub/deep/f.txt"]);
  deepStrictEqual(await of("only=sub&only=sub/c.txt").then((names) => names.length), 5);
  deepStrictEqual(await of("only=c.txt", "/sub"), ["sub/c.txt"]);
  strictEqual((await of("only=")).length, 8);
  strictEqual((await ask(server, "/archive/latest?only=a.txt&only=none", READ)).status, 404);
  strictEqual((await ask(server, "/archive/latest/sub?only=../a.txt", READ)).status, 400);
  strictEqual((await ask(server, "/archive/latest/a.txt?only=x", READ)).status, 400);
});

Deno.test("Lists come from the last name on, and as lines, whole", async () => {
  using world = new World({ inMemory: true });
  for (let i = 0; i < 25; i++) world.write(`f${String(i).padStart(2, "0")}`, `${i}`);
  world.write("f07d/below", "x");
  await world.backup({ name: "photos" });
  await using server = await webServer(world);
  const names = ({ items }: { items: readonly { path: string }[] }) => items.map(({ path }) => path);
  const forward = names(await json(server, "/api/v1/snapshots/latest/entries"));
  const backward: string[] = [];
  for (let after = ""; after !== undefined;) {
    const page = await json(
      server,
      `/api/v1/snapshots/latest/entries?order=reverse&limit=4${after && `&after=${after}`}`,
    );
    ok(page.items.length <= 4);
    backward.push(...names(page));
    after = page.next;
  }
  deepStrictEqual(backward, forward.toReversed());
  const asLines = { ...READ, headers: { accept: "application/x-ndjson" } };
  const lines = async (target: string) => {
    const { status, headers, text, isWhole } = await ask(server, target, asLines);
    deepStrictEqual([status, headers.get("content-type"), isWhole], [200, "application/x-ndjson", true]);
    return text.trimEnd().split("\n").map((line) => JSON.parse(line));
  };
  const { items } = await json(server, "/api/v1/snapshots/latest/entries");
  deepStrictEqual(await lines("/api/v1/snapshots/latest/entries"), items);
  deepStrictEqual(names({ items: await lines("/api/v1/snapshots/latest/entries?order=reverse") }), backward);
  deepStrictEqual(names({ items: await lines("/api/v1/snapshots/latest/entries/f03") }), ["/f03"]);
  world.write("f03", "other");
  world.write("new", "n");
  await world.backup({ name: "photos" });
  const { changes, summary } = await json(server, "/api/v1/diff");
  deepStrictEqual(await lines("/api/v1/diff"), [...changes, { summary }]);
});

Deno.test("Who may see one series learns nothing of others: all answers are those of a storage without them", async () => {
  using world = new World({ inMemory: true });
  Deno.writeTextFileSync(`${world.source}/both.txt`, "both");
  await world.backup({ name: "photos" });
  await using server = await webServer(world);
  const asking = { token: tokenOf("photos") }, answers: unknown[][] = [[], []];
  const hidden = { id: "" };
  for (const round of [0, 1]) {
    if (round === 1) {
      Deno.writeTextFileSync(`${world.source}/secret.txt`, "secret");
      const before = world.clock.ms;
      hidden.id = (await world.backup({ name: "letters" })).snapshot.id;
      world.clock.ms = before;
    }
    for (
      const target of [
        "/api/v1/status",
        "/api/v1/series",
        "/api/v1/snapshots",
        "/api/v1/snapshots/latest",
        "/api/v1/search?q=*&limit=1",
        "/api/v1/search?q=secret*",
        "/api/v1/history/both.txt",
        "/api/v1/history/secret.txt",
        "/api/v1/stats",
        "/content/latest/both.txt",
        "/content/latest/secret.txt",
        `/api/v1/snapshots/${hidden.id || "f".repeat(64)}`,
        "/api/v1/series/testhost/letters",
        "/files",
        "/",
      ]
    ) {
      const { status, text } = await ask(server, target, asking);
      answers[round]?.push([
        target.replace(/[0-9a-f]{64}(?:f0)?/, "ID"),
        status,
        text.replaceAll(/[0-9a-f]{64}(?:f0)?/g, "ID"),
      ]);
    }
  }
  deepStrictEqual(answers[1], answers[0]);
  strictEqual((await ask(server, `/api/v1/snapshots/${hidden.id}`, READ)).status, 200);
});

Deno.test("Failures are problems with the tool's codes", async () => {
  using world = await filled();
  await using server = await webServer(world);
  const codes: unknown[] = [];
  for (
    const target of [
      "/api/v1/snapshots/nothing",
      "/api/v1/snapshots/latest/entries/nothing",
      "/content/photos:latest/2025",
      "/api/v1/search?q=a&limit=0",
      "/api/v1/search?min=much",
      "/api/v1/history/nothing",
    ]
  ) {
    const { text, headers } = await ask(server, target, READ), { status, code } = JSON.parse(text);
    strictEqual(headers.get("content-type"), "application/problem+json");
    codes.push([status, code]);
  }
  deepStrictEqual(codes, [
    [404, "no-snapshot"],
    [404, "not-in-snapshot"],
    [400, "bad-request"],
    [400, "bad-request"],
    [400, "bad-usage"],
    [404, "never-backed-up"],
  ]);
  const { status, headers } = await ask(server, "/api/v1/stats", {
    ...READ,
    method: "DELETE",
    headers: { origin: `http://127.0.0.1:${server.port}` },
  });
  deepStrictEqual([status, headers.get("allow")], [405, "GET, HEAD"]);
});

Deno.test("The document of the interface describes every route that programs use, with all bodies", async () => {
  using world = new World({ inMemory: true });
  await using server = await webServer(world);
  const document = await json(server, "/openapi.json", { token: tokenOf("watch") }), { openapi, paths } = document;
  strictEqual(openapi, "3.1.0");
  ok("/api/v1/snapshots/{ref}/entries/{path}" in paths);
  const lacking: string[] = [];
  for (const { path, methods, about, basic } of ROUTES) {
    if (!path.startsWith("/api/") && about === undefined) continue;
    for (const method of methods) {
      const operation = paths[path.replaceAll("...}", "}")]?.[method.toLowerCase()], name = `${method} ${path}`;
      if (basic === undefined && Object.keys(operation?.responses ?? {}).length < 2) lacking.push(name);
      const takesBody = ["PUT", "POST"].includes(method) && !/\/(?:start|resume|test|dismissal)$/.test(path);
      strictEqual(operation?.requestBody !== undefined, takesBody, name);
    }
  }
  deepStrictEqual(lacking, []);
  const { components: { schemas } } = document;
  for (const [, reference = ""] of JSON.stringify(paths).matchAll(/"\$ref":"([^"]*)"/g)) {
    ok(reference.replace("#/components/schemas/", "") in schemas, reference);
  }
  for (const name of ["Snapshot", "Entry", "Problem"]) ok("properties" in schemas[name], name);
});

Deno.test("The document has the keys of jobs that the server takes, and no others", async () => {
  using world = new World({ inMemory: true });
  await using server = await webServer(world);
  const { paths } = await json(server, "/openapi.json", { token: tokenOf("watch") });
  const { anyOf } = paths["/api/v1/jobs"].post.requestBody.content["application/json"].schema;
  const backup = anyOf.find(({ properties }: Record<string, { kind?: { const: string } }>) =>
    properties?.kind?.const === "backup"
  );
  const keys = Object.keys(backup.properties);
  for (const key of ["sources", "exclude", "keep"]) ok(keys.includes(key), key);
  for (const key of ["lock", "excludeFrom", "storage", "by", "limits"]) ok(!keys.includes(key), key);
});

Deno.test("Status and series say how runs ended; a snapshot says what is in it, and why it stays", async () => {
  using world = await filled();
  {
    using storage = world.open();
    const [first, second] = storage.snapshots();
    const run = (name: string, outcome: "done" | "failed", more: object, hour: number) =>
      appendHistory(storage.dir, {
        run: name,
        name: `photos.jsonc.20261120T0${hour}0000Z.json`,
        kind: "backup",
        outcome,
        start: `2026-11-20T0${hour}:00:00.000Z`,
        end: `2026-11-20T0${hour}:05:00.000Z`,
        text: "{}",
        counts: {},
        problems: [],
        problemCount: 0,
        ...more,
      }, false);
    run("zero", "done", { snapshot: "0".repeat(64) }, 0);
    run("one", "done", { snapshot: first?.id }, 1);
    run("two", "done", { snapshot: second?.id }, 2);
    run("three", "failed", { error: { code: "x", message: "no disk", hint: "plug it in" } }, 3);
  }
  await setPolicyIn(world, { last: 1 });
  await using server = await webServer(world);
  Deno.mkdirSync(`${server.jobs}/recurring`);
  const job = { kind: "backup", name: "photos", sources: ["/p"], every: "0 3 * * *" };
  Deno.writeTextFileSync(`${server.jobs}/recurring/photos.jsonc`, JSON.stringify(job));
  const { storage, series } = await json(server, "/api/v1/status");
  ok(/^[0-9a-f-]{36}$/.test(storage.id), storage.id);
  const seen = (all: { name: string; state: string; runs: { run?: string; outcome: string }[] }[]) =>
    all.map(({ name, state, runs }) => [name, state, runs.map(({ run, outcome }) => `${run} ${outcome}`)]);
  const photos = ["photos", "failed", ["three failed", "two done", "one done", "zero done"]];
  deepStrictEqual(seen(series), [["letters", "ok", []], photos]);
  deepStrictEqual(seen(await json(server, "/api/v1/series")), [["letters", "ok", []], photos]);
  strictEqual((await json(server, "/api/v1/series/testhost/photos")).recurring, "photos.jsonc");
  const limited = (await json(server, "/api/v1/status", { token: tokenOf("photos") })).series;
  deepStrictEqual(limited[0].runs[0], {
    outcome: "failed",
    start: "2026-11-20T03:00:00.000Z",
    end: "2026-11-20T03:05:00.000Z",
  });
  const reasons = async (ref: string) => (await json(server, `/api/v1/snapshots/${ref}`)).retention;
  deepStrictEqual(await reasons("photos:latest"), { keep: true, reasons: ["last 1"] });
  deepStrictEqual(await reasons("photos:latest~1"), { keep: false, reasons: [] });
  const { totals } = await json(server, "/api/v1/snapshots/photos:latest~1");
  deepStrictEqual([totals.files, totals.dirs, totals.problems], [3, 2, 0]);
  const verified = await json(server, "/api/v1/verification");
  strictEqual(verified.all.contents, (await json(server, "/api/v1/stats")).verification.all.contents);
  const page = (target: string, name: typeof TOKENS[number]) =>
    ask(server, target, { token: tokenOf(name), headers: { accept: "text/html" } }).then(({ text }) => text);
  ok((await page("/", "read")).includes('href="/jobs/run/three"'));
  ok((await page("/storage", "read")).includes("<code>--keep-last 1</code>"));
  ok((await page("/series/testhost/photos", "read")).includes("goes next"));
  const { id } = await json(server, "/api/v1/snapshots/photos:latest");
  const whole = await page(`/browse/${id}`, "admin");
  ok(
    whole.includes("last 1") && whole.includes(`/jobs/new/tag?snapshots=${id}`) && !whole.includes("/jobs/new/forget"),
  );
  ok(!(await page(`/browse/${id}`, "run")).includes("/jobs/new/tag"));
});

async function setPolicyIn(world: World, policy: Policy): Promise<void> {
  using storage = world.open();
  await setPolicy(storage, policy);
}

Deno.test("Without a policy nothing says why a snapshot stays", async () => {
  using world = await filled();
  await using server = await webServer(world);
  strictEqual((await json(server, "/api/v1/snapshots/photos:latest")).retention, null);
  const { text } = await ask(server, "/storage", { ...READ, headers: { accept: "text/html" } });
  ok(text.includes("There is no policy"), text);
});
