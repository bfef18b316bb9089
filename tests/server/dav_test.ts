/** Snapshots as a read-only WebDAV share. */
import { deepStrictEqual, ok, strictEqual, throws } from "node:assert/strict";
import { parsePropfind } from "../../src/server/dav/propfind.ts";
import { has } from "../support/needs.ts";
import { type Answer, ask, type Asking, tokenOf, type WebServer, webServer } from "../support/web_server.ts";
import { run, World } from "../support/world.ts";

const PROP = (inner: string) =>
  `<?xml version="1.0"?><D:propfind xmlns:D="DAV:"><D:prop>${inner}</D:prop></D:propfind>`;

async function propfind(server: WebServer, target: string, more: Asking & { depth?: string } = {}): Promise<Answer> {
  const { depth = "1", headers = {}, ...asking } = more;
  const all = { ...headers, ...(depth !== "" && { depth }) };
  return await ask(server, target, { method: "PROPFIND", token: tokenOf("read"), ...asking, headers: all });
}

const hrefs = ({ text }: Answer) => [...text.matchAll(/<D:href>([^<]*)<\/D:href>/g)].map(([, href]) => href);

async function filled(world: World): Promise<void> {
  world.write("docs/letter.txt", "some text");
  world.write("docs/b&<c>.txt", "marked up");
  world.write("docs/.DS_Store", "litter");
  Deno.symlinkSync("letter.txt", `${world.source}/docs/link`);
  await world.backup();
  world.clock.pass(60);
  world.write("docs/letter.txt", "other text");
  await world.backup();
}

Deno.test("series, times and files lie below /dav, newest first, with latest", async () => {
  using world = new World();
  await filled(world);
  await using server = await webServer(world);
  const [root, series] = hrefs(await propfind(server, "/dav/"));
  deepStrictEqual([root, series?.startsWith("/dav/")], ["/dav/", true]);
  const times = hrefs(await propfind(server, series ?? ""));
  strictEqual(times.length, 4);
  deepStrictEqual([times[0], times[1]], [series, `${series}latest/`]);
  ok(/\/2026-11-2\d%20\d\d-0\d-11\/$/.test(times[2] ?? ""), times[2]);
  const old = `${times[3]}docs/`, files = hrefs(await propfind(server, old));
  deepStrictEqual(files, [old, `${old}b%26%3Cc%3E.txt`, `${old}letter.txt`], "links and litter are left out");
  const read = async (path: string) => (await ask(server, path, { token: tokenOf("read") })).text;
  deepStrictEqual(
    [await read(`${old}letter.txt`), await read(`${series}latest/docs/letter.txt`)],
    ["some text", "other text"],
  );
});

Deno.test("properties are those that are asked for; what isn't known is 404", async () => {
  using world = new World();
  await filled(world);
  await using server = await webServer(world);
  const [, series = ""] = hrefs(await propfind(server, "/dav/")), file = `${series}latest/docs/letter.txt`;
  const body = PROP('<D:getcontentlength/><D:getetag/><D:lockdiscovery/><z:x xmlns:z="urn:&amp;z"/>');
  const { status, text, headers } = await propfind(server, file, { depth: "0", body });
  deepStrictEqual([status, headers.get("content-type")], [207, "application/xml; charset=utf-8"]);
  ok(text.includes('<D:multistatus xmlns:D="DAV:" xmlns:x0="urn:&amp;z">'), text);
  ok(text.includes("<D:getcontentlength>10</D:getcontentlength>"), text);
  ok(text.includes("<D:prop><D:lockdiscovery/><x0:x/></D:prop><D:status>HTTP/1.1 404"), text);
  const all = await propfind(server, file.slice(0, -"letter.txt".length - 1));
  strictEqual(all.status, 207, "a directory without its slash");
  ok(all.text.includes("<D:resourcetype><D:collection/></D:resourcetype>"), all.text);
  ok(all.text.includes("<D:displayname>b&amp;&lt;c&gt;.txt</D:displayname>"), all.text);
});

Deno.test("what is asked for is read strictly", () => {
  deepStrictEqual(parsePropfind(" "), "all");
  deepStrictEqual(parsePropfind('<propfind xmlns="DAV:"><allprop/></propfind>'), "all");
  deepStrictEqual(parsePropfind('<a:propfind xmlns:a="DAV:"><a:propname/></a:propfind>'), "names");
  deepStrictEqual(parsePropfind(PROP("<D:a/><b xmlns='urn:b'></b>")), [
    { namespace: "DAV:", name: "a" },
    { namespace: "urn:b", name: "b" },
  ]);
  for (
    const bad of [
      "x",
      "<D:propfind/>",
      '<!DOCTYPE x [<!ENTITY e "e">]><D:propfind xmlns:D="DAV:"><D:allprop/></D:propfind>',
      PROP("<X:a/>"),
      PROP("<D:a>"),
      PROP("<D:a/>".repeat(300)),
      PROP("<D:a>".repeat(40) + "</D:a>".repeat(40)),
      `${PROP("<D:a/>")}<b/>`,
      '<D:propfind xmlns:D="DAV:" x=y><D:allprop/></D:propfind>',
      "<".repeat(10_000),
    ]
  ) throws(() => parsePropfind(bad), { code: "bad-request" }, bad.slice(0, 80));
});

Deno.test("nothing can be changed, and nobody may ask for everything at once", async () => {
  using world = new World();
  await filled(world);
  await using server = await webServer(world);
  for (const depth of ["", "infinity"]) {
    const { status, text } = await propfind(server, "/dav/", { depth });
    deepStrictEqual([status, text.includes("<D:propfind-finite-depth/>")], [403, true]);
  }
  const [, series = ""] = hrefs(await propfind(server, "/dav/"));
  const status = async (method: string, path: string) =>
    (await ask(server, path, {
      method,
      token: tokenOf("admin"),
      headers: { origin: `http://127.0.0.1:${server.port}` },
    }))
      .status;
  for (const method of ["PUT", "DELETE", "POST"]) {
    strictEqual(await status(method, `${series}latest/docs/letter.txt`), 405, method);
  }
  for (const method of ["MKCOL", "MOVE", "LOCK", "PROPPATCH"]) {
    ok([405, 501].includes(await status(method, `${series}latest/x`)), method);
  }
  strictEqual(await status("GET", series), 405, "a directory has no contents");
  for (const path of ["/", "/dav/"]) {
    const { status, headers } = await ask(server, path, { method: "OPTIONS" });
    deepStrictEqual([status, headers.get("dav"), headers.get("allow")], [200, "1", "OPTIONS, GET, HEAD, PROPFIND"]);
  }
});

Deno.test("whoever may not see a series finds nothing of it, and nobody without a name anything", async () => {
  using world = new World();
  await filled(world);
  await using server = await webServer(world);
  const [, series = ""] = hrefs(await propfind(server, "/dav/"));
  deepStrictEqual(hrefs(await propfind(server, "/dav/", { token: tokenOf("photos") })), ["/dav/"]);
  for (const path of [series, `${series}latest/`, `${series}latest/docs/letter.txt`]) {
    strictEqual((await propfind(server, path, { token: tokenOf("photos") })).status, 404, path);
  }
  strictEqual((await propfind(server, "/dav/", { token: tokenOf("watch") })).status, 403);
  const anybody = await ask(server, "/dav/", { method: "PROPFIND", headers: { depth: "1" } });
  deepStrictEqual([anybody.status, anybody.headers.get("www-authenticate")], [
    401,
    'Basic realm="dav", charset="UTF-8"',
  ]);
  const basic = `Basic ${btoa(`read:${tokenOf("read")}`)}`;
  const signedIn = await ask(server, "/dav/", { method: "PROPFIND", headers: { depth: "1", authorization: basic } });
  strictEqual(signedIn.status, 207);
});

Deno.test({
  name: "rclone copies a snapshot as it was",
  ignore: !has("rclone"),
  fn: async () => {
    using world = new World();
    for (let n = 0; n < 60; n++) world.write(`many/${n} ü.txt`, `file ${n}`);
    world.write("empty/none", "");
    await world.backup();
    await using server = await webServer(world);
    const [, series = ""] = hrefs(await propfind(server, "/dav/"));
    const url = `http://127.0.0.1:${server.port}${series}latest/`, out = `${world.base}/out`;
    const args = ["copy", `:webdav,url='${url}',bearer_token=${tokenOf("read")}:`, out, "--config", "/dev/null"];
    const { success, stderr } = await new Deno.Command("rclone", { args: [...args, "--transfers", "8"] }).output();
    ok(success, new TextDecoder().decode(stderr));
    strictEqual(run("diff", "-r", world.source, out), "");
  },
});
