import { ok, strictEqual } from "node:assert/strict";
import { ask, tokenOf, webServer } from "../support/web_server.ts";
import { World } from "../support/world.ts";

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
