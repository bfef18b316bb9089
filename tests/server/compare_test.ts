/** What is different: between snapshots, and between versions of one file. */
import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { ask, tokenOf, webServer } from "../support/web_server.ts";
import { World } from "../support/world.ts";

async function scene() {
  const world = new World({ inMemory: true });
  world.write("list.txt", "milk\nbread\n<b>eggs</b>\n");
  world.write("gone", "1");
  world.write("photo.bin", "\0\x01");
  const first = (await world.backup({ name: "photos" })).snapshot;
  world.write("list.txt", "milk\nbutter\n<b>eggs</b>\n");
  world.write("photo.bin", "\0\x01\x02");
  Deno.removeSync(`${world.source}/gone`);
  world.write("sub/new", "22");
  const second = (await world.backup({ name: "photos" })).snapshot;
  const other = (await world.backup({ name: "other" })).snapshot;
  return { world, first, second, other };
}

Deno.test("The differences of two snapshots, of all or of a part, and never with a series that isn't shown", async () => {
  const { world, first, second, other } = await scene();
  using _ = world;
  await using server = await webServer(world);
  const get = (query: string, token = tokenOf("read")) => ask(server, `/api/v1/diff${query}`, { token });
  const { before, now, changes, summary } = JSON.parse((await get("?now=photos:latest")).text);
  deepStrictEqual([before.id, now.id], [first.id, second.id]);
  deepStrictEqual(changes.map(({ change, path }: { change: string; path: string }) => `${change} ${path}`).sort(), [
    "added /sub",
    "added /sub/new",
    "content /list.txt",
    "content /photo.bin",
    "removed /gone",
  ]);
  deepStrictEqual([summary.added, summary.removed, summary.content, summary.removedBytes > 0], [2, 1, 2, true]);
  const part = JSON.parse((await get("?now=photos:latest&below=/sub&limit=1")).text);
  strictEqual(part.changes.length, 1);
  strictEqual((await get(`?now=${first.id}`)).status, 404);
  strictEqual((await get("?now=photos:latest&below=/nothing")).status, 404);
  const limited = tokenOf("photos");
  strictEqual((await get("?now=photos:latest", limited)).status, 200);
  const hidden = await get(`?before=${other.id}&now=${second.id}`, limited);
  const unknown = await get(`?before=${"0".repeat(64)}f0&now=${second.id}`, limited);
  strictEqual(hidden.status, 404);
  strictEqual(hidden.text.replace(other.id, ""), unknown.text.replace(`${"0".repeat(64)}f0`, ""));
  const page = (await ask(server, "/changes?now=photos:latest", { token: tokenOf("read") })).text;
  match(page, /2 new, 1 gone, 2 changed/);
  ok(page.includes(`/compare/list.txt?before=${first.id}&amp;now=${second.id}`), page);
});

Deno.test("Two versions of a file: lines that came and went, as text; other contents only as different", async () => {
  const { world, first, second, other } = await scene();
  using _ = world;
  await using server = await webServer(world);
  const compare = (path: string, before: string, now: string, token = tokenOf("read")) =>
    ask(server, `/compare${path}?before=${before}&now=${now}`, { token });
  const { text } = await compare("/list.txt", first.id, second.id);
  match(text, /<del>-bread<\/del>/);
  match(text, /<ins>\+butter<\/ins>/);
  ok(text.includes(" &lt;b&gt;eggs&lt;/b&gt;"), text);
  match((await compare("/photo.bin", first.id, second.id)).text, /differs, and is no text/);
  match((await compare("/list.txt", second.id, other.id)).text, /It is the same/);
  strictEqual((await compare("/list.txt", second.id, other.id, tokenOf("photos"))).status, 404);
  strictEqual((await compare("/gone", first.id, second.id)).status, 404);
  strictEqual((await ask(server, "/compare/list.txt", { token: tokenOf("read") })).status, 400);
  const file = (await ask(server, `/browse/${second.id}/list.txt`, { token: tokenOf("read") })).text;
  ok(file.includes(`/compare/list.txt?before=${first.id}&amp;now=${second.id}`), file);
});
