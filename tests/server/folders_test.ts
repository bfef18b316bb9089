/** Directories to choose from: below those of the command line alone, without links, and none of the program's own. */
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { rawOf } from "../../src/core/raw.ts";
import { folders } from "../../src/operations/folders.ts";
import { ask, tokenOf, type WebServer, webServer } from "../support/web_server.ts";
import { World } from "../support/world.ts";

const API = "/api/v1/folders", FORM = { "content-type": "application/x-www-form-urlencoded" };

interface Place {
  readonly world: World;
  readonly share: string;
}

/** A share with directories, a file, and links that lead out of it. */
function filled(world: World): Place {
  const share = `${world.base}/share`;
  for (const name of ["b/inner", "a", "ä ö"]) Deno.mkdirSync(`${share}/${name}`, { recursive: true });
  Deno.writeTextFileSync(`${share}/file`, "");
  Deno.symlinkSync("/etc", `${share}/out`);
  Deno.symlinkSync("../..", `${share}/b/up`);
  return { world, share };
}

async function serving({ world, share }: Place): Promise<WebServer> {
  world.write("x", "x");
  await world.backup({ name: "photos" });
  return await webServer(world, {}, { restoreBelow: [rawOf(share)], sourcesBelow: [rawOf(world.base)] });
}

async function listed(server: WebServer, query: string, name: "run" | "admin" = "run") {
  const { status, text } = await ask(server, `${API}${query}`, { token: tokenOf(name) });
  return status === 200 ? JSON.parse(text).folders.map((one: { name: string }) => one.name) : status;
}

Deno.test("Directories are listed by name, down from those of the command line", async () => {
  using world = new World({ inMemory: true });
  const place = filled(world), { share } = place, of = (path: string) => `?below=${encodeURIComponent(path)}`;
  await using server = await serving(place);
  deepStrictEqual(await listed(server, ""), [share]);
  deepStrictEqual(await listed(server, of(share)), ["a", "b", "ä ö"]);
  deepStrictEqual(await listed(server, of(`${share}/b`)), ["inner"]);
  const { text } = await ask(server, `${API}${of(`${share}/b`)}`, { token: tokenOf("run") });
  deepStrictEqual(JSON.parse(text), {
    path: `${share}/b`,
    folders: [{ name: "inner", path: `${share}/b/inner` }],
    isWhole: true,
  });
  // What is elsewhere, not there, no directory, or reached by a link.
  for (const path of ["/etc", "/", share.slice(0, -1), `${share}/..`, `${share}/a/../b`, "share", "."]) {
    strictEqual(await listed(server, of(path)), 403, path);
  }
  for (const path of [`${share}/none`, `${share}/file`, `${share}/out`, `${share}/b/up`, `${share}/out/ssl`]) {
    strictEqual(await listed(server, of(path)), 404, path);
  }
  strictEqual(await listed(server, "?for=everything"), 400);
});

Deno.test("Sources are for admins, and the storage and the jobs are never shown", async () => {
  using world = new World({ inMemory: true });
  const place = filled(world);
  await using server = await serving(place);
  strictEqual(await listed(server, "?for=backup"), 403);
  const below = `?for=backup&below=${encodeURIComponent(world.base)}`;
  const shown = await listed(server, below, "admin");
  ok(shown.includes("share") && shown.includes("source"), shown.join());
  ok(Deno.statSync(world.storagePath).isDirectory && Deno.statSync(server.jobs).isDirectory);
  ok(!shown.some((name: string) => [world.storagePath, server.jobs].includes(`${world.base}/${name}`)), shown.join());
  for (const path of [world.storagePath, `${world.storagePath}/content`, server.jobs]) {
    strictEqual(await listed(server, `?for=backup&below=${encodeURIComponent(path)}`, "admin"), 404, path);
  }
});

Deno.test("At most a thousand are listed, and that there are more is said", () => {
  using world = new World({ inMemory: true });
  const top = `${world.base}/many`;
  Deno.mkdirSync(top);
  for (let i = 0; i < 1001; i++) Deno.mkdirSync(`${top}/${String(i).padStart(4, "0")}`);
  const request = { tops: [rawOf(top)], path: rawOf(top), hidden: [] };
  const found = folders(world.machine.disk, request);
  deepStrictEqual([found?.names.length, found?.names[0], found?.isWhole], [1000, "0000", false]);
  Deno.removeSync(`${top}/0000`);
  deepStrictEqual(folders(world.machine.disk, request)?.isWhole, true);
});

Deno.test("The forms choose a directory by their buttons, and keep what was typed", async () => {
  using world = new World({ inMemory: true });
  const place = filled(world), { share } = place;
  await using server = await serving(place);
  const send = async (target: string, fields: Record<string, string>) => {
    const body = new URLSearchParams(fields).toString();
    const { text, status } = await ask(server, target, {
      method: "POST",
      token: tokenOf("admin"),
      headers: FORM,
      body,
    });
    strictEqual(status, 200, text);
    return text;
  };
  const restore = "/restore/photos:latest/", typed = { place: "new", name: "here", base: share };
  const opened = await send(restore, { ...typed, "open-folder": share });
  ok(opened.includes(`value="${share}/b"`) && opened.includes('value="here"') && !opened.includes("/out"), opened);
  const chosen = await send(restore, { ...typed, "choose-folder": `${share}/b` });
  ok(chosen.includes(`name="base" value="${share}/b"`), chosen);
  ok((await send(restore, { ...typed, "open-folder": "/etc" })).includes('role="alert"'));
  const job = await send("/jobs/new/backup", { sources: "/one", name: "nightly", "choose-folder": `${share}/a` });
  ok(job.includes(`/one\n${share}/a</textarea>`) && job.includes('value="nightly"'), job);
  strictEqual(server.desk.waiting().length, 0);
});
