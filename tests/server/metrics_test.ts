import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { ask, tokenOf, webServer } from "../support/web_server.ts";
import { World } from "../support/world.ts";

Deno.test("Requests are counted by route, and what is no route as none", async () => {
  using world = new World({ inMemory: true });
  await using server = await webServer(world, { withoutDav: true });
  for (const target of ["/healthz", "/healthz", "/browse/feed/a", "/no/such/thing", "/dav/"]) {
    await ask(server, target, { token: tokenOf("admin") });
  }
  await ask(server, "/api/v1/series");
  const lines = (await ask(server, "/metrics", { token: tokenOf("watch") })).text.split("\n");
  deepStrictEqual(lines.filter((line) => line.startsWith("backup_tool_http_requests_total")).sort(), [
    'backup_tool_http_requests_total{route="/api/v1/series",code="401"} 1',
    'backup_tool_http_requests_total{route="/browse/{ref}/{path...}",code="404"} 1',
    'backup_tool_http_requests_total{route="/healthz",code="200"} 2',
    'backup_tool_http_requests_total{route="none",code="404"} 2',
  ]);
  ok(!(await ask(server, "/metrics", { token: tokenOf("photos") })).text.includes("http_requests"));
});

Deno.test("metrics are for those who may watch; whoever sees some series learns of these alone", async () => {
  using world = new World();
  world.write("a", "12345");
  await world.backup();
  await using server = await webServer(world);
  const read = async (token: Parameters<typeof tokenOf>[0]) => await ask(server, "/metrics", { token: tokenOf(token) });
  const all = await read("watch");
  strictEqual(all.headers.get("content-type"), "text/plain; version=0.0.4; charset=utf-8");
  ok(/^backup_tool_snapshot_bytes\{host="[^"]+",name="source"\} 5$/m.test(all.text), all.text);
  ok(/^backup_tool_storage_content_bytes 5$/m.test(all.text), all.text);
  const some = await read("photos");
  strictEqual(some.status, 200);
  ok(!some.text.includes("source") && !some.text.includes("storage_"), some.text);
  strictEqual((await ask(server, "/metrics")).status, 401);
  strictEqual((await read("objects")).status, 403);
});
