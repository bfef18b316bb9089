/** Vaults of the configuration on a page: what they lack, what was copied last, and why one can't be looked into. */
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { copiedSeries } from "../../src/operations/copied/vault_status.ts";
import { RepositoryReader } from "../../src/server/reader/repository_reader.ts";
import { ask, tokenOf, type WebServer, webServer } from "../support/web_server.ts";
import { twoVaults } from "../support/two_vaults.ts";
import { World } from "../support/world.ts";

const API = "/api/v1/vaults";

/** A storage with two snapshots, the first of them in the vault "far"; "lost" can't be opened. */
async function filled(world: World, looks: string[] = []) {
  world.write("a.txt", "first");
  await world.backup({ name: "photos" });
  const vaults = await twoVaults(world, looks);
  world.clock.pass(60);
  world.write("a.txt", "second");
  await world.backup({ name: "photos" });
  return vaults;
}

async function json(server: WebServer, target: string, name: "read" | "admin" = "read") {
  const { status, text } = await ask(server, target, { token: tokenOf(name) });
  strictEqual(status, 200, text);
  return JSON.parse(text);
}

Deno.test("A vault is shown with what is newer here, and one that can't be opened with the reason, for admins", async () => {
  using world = new World({ inMemory: true });
  const { reader, desk } = await filled(world);
  await using _ = reader;
  await using server = await webServer(world, {}, { vaults: desk });
  const before = await json(server, API);
  deepStrictEqual(before.map(({ name, lookedAt }: never) => [name, lookedAt]), [["far", null], ["lost", null]]);
  strictEqual((await json(server, API, "admin"))[0].location, "s3:https://far.example/photos");
  ok(!("location" in before[0]));
  const far = await json(server, `${API}/far`), [series] = far.series;
  deepStrictEqual([far.missing, far.snapshots.length, series.name, series.behind], [1, 1, "photos", 1]);
  ok(far.packedBytes > 0 && series.there < series.here);
  deepStrictEqual([far.verification.never.contents, far.drills.length, far.drills[0].proven], [1, 1, null]);
  deepStrictEqual((await json(server, `${API}/lost`)).fault.message, "It could not be looked into");
  ok((await json(server, `${API}/lost`, "admin")).fault.message.includes("/mnt/lost"));
  strictEqual((await ask(server, `${API}/nothing`, { token: tokenOf("read") })).status, 404);
  strictEqual((await ask(server, API, { token: tokenOf("photos") })).status, 403);
});

Deno.test("Pages of vaults say the same, and no place to those who are no admins", async () => {
  using world = new World({ inMemory: true });
  const looks: string[] = [], { reader, desk } = await filled(world, looks);
  await using _ = reader;
  await using server = await webServer(world, {}, { vaults: desk });
  const shown = async (path: string, name: "read" | "admin") => {
    const { status, text } = await ask(server, path, { token: tokenOf(name) });
    strictEqual(status, 200, text);
    return text;
  };
  const overview = await shown("/vaults", "read");
  ok(overview.includes("1 snapshot") && !overview.includes("far.example") && !overview.includes("/mnt/lost"), overview);
  ok((await shown("/vaults", "admin")).includes("far.example"));
  const far = await shown("/vaults/far", "read");
  for (const words of ["Newest there", "photos", "1 snapshot"]) ok(far.includes(words), words);
  ok((await shown("/vaults/lost", "admin")).includes("secret place"));
  deepStrictEqual(looks.toSorted(), ["far", "lost"], "each was looked into once");
  world.clock.pass(11);
  await shown("/vaults/far", "read");
  strictEqual(looks.length, 3, "and again after ten minutes");
});

Deno.test("The last copy to a vault is that of the job history", async () => {
  using world = new World({ inMemory: true });
  const { desk } = await filled(world);
  const run = (name: string, job: object, outcome: "done" | "failed") => ({
    run: name,
    name,
    kind: "copy",
    outcome,
    start: "2026-11-20T20:00:00.000Z",
    end: "2026-11-20T20:05:00.000Z",
    text: JSON.stringify({ kind: "copy", ...job }),
    counts: {},
    problems: [],
    problemCount: 0,
  });
  const reader = new RepositoryReader(() => Promise.resolve(world.open()));
  await using _ = reader;
  reader.jobHistory = () =>
    Promise.resolve([
      run("1", { to: "far" }, "done"),
      run("2", { to: "/mnt/lost" }, "failed"),
      run("3", { to: "x" }, "done"),
    ]);
  await using server = await webServer(world, {}, { vaults: desk, reader });
  const [far, lost] = await json(server, API);
  deepStrictEqual([far.lastCopy, lost.lastCopy.outcome], [
    { outcome: "done", end: "2026-11-20T20:05:00.000Z" },
    "failed",
  ]);
});

Deno.test("A series is behind by what is newer here than the newest copy, whatever a policy left out", () => {
  const at = (hour: number, name = "a") => ({ host: "h", name, time: `2026-11-20T${hour}:00:00.000Z` });
  deepStrictEqual(
    copiedSeries([at(10), at(11), at(12), at(13), at(10, "b")], [at(11), at(12), at(10, "gone")]).map((
      { name, behind, there },
    ) => [name, behind, there]),
    [["a", 1, at(12).time], ["b", 1, null], ["gone", 0, at(10).time]],
  );
});
