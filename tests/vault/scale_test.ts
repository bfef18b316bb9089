/** Very many items: by how few requests, and with how much memory, an index is read and a prune planned. */
import { deepStrictEqual, ok } from "node:assert/strict";
import { V8_FLAGS } from "../../scripts/build.ts";
import { IS_SLOW } from "../support/effort.ts";
import { type HugeVault, hugeVault, loadAndPlan, type Planned } from "../support/huge_vault.ts";
import { IS_LINUX } from "../support/needs.ts";
import { World } from "../support/world.ts";

const ORDINARY = IS_SLOW ? 200_000 : 60_000;
/** Of a million items: mostly objects of the index that are being read, which are no larger in larger vaults. */
const PEAK_MB = 420;

/** Each object of the index once, each hunk at most once, and some lists. */
function assertFewRequests({ indexObjects, hunks, counts }: HugeVault, isKnown: boolean): void {
  const { "GET data": frames = 0, "HEAD config": _, "GET config": config = 0, ...others } = counts();
  deepStrictEqual(others, {
    "LIST keys": 1,
    "GET keys": 1,
    "LIST index": 2,
    ...(!isKnown && { "GET index": indexObjects, "GET snapshots": 1 }),
    "LIST data": 1,
    "LIST snapshots": 2,
  });
  ok(config <= 1 && frames <= hunks, `${frames} frames, ${hunks} hunks`);
}

function assertPlanned(items: number, { needed, hunks }: HugeVault, planned: Planned): void {
  deepStrictEqual([planned.unneeded, planned.needed], [items - needed, needed + hunks]);
}

Deno.test("an index of many items is read, and a prune planned, by few requests; the next run fetches no index", async () => {
  using world = new World({ inMemory: true });
  await using vault = await hugeVault(world, ORDINARY, 1);
  for (const isKnown of [false, true]) {
    assertPlanned(ORDINARY, vault, await loadAndPlan(vault.location, `${world.base}/state`));
    assertFewRequests(vault, isKnown);
  }
});

for (const items of [1_000_000, 10_000_000]) {
  Deno.test({
    name: `${items} items take little memory, and requests as few (SLOW)`,
    ignore: !IS_SLOW || !IS_LINUX,
    async fn() {
      using world = new World({ inMemory: true });
      await using vault = await hugeVault(world, items, 30);
      for (const isKnown of [false, true]) {
        const planned = await inProcess(vault.location, `${world.base}/state`);
        assertPlanned(items, vault, planned);
        assertFewRequests(vault, isKnown);
        if (items === 1_000_000) ok(planned.peakMb <= PEAK_MB, `${planned.peakMb} MB`);
        console.error(`${items} items, ${isKnown ? "known" : "new"}: ${JSON.stringify(planned)}`);
      }
    },
  });
}

async function inProcess(location: string, state: string): Promise<Planned & { readonly peakMb: number }> {
  const child = new URL("scale_child.ts", import.meta.url).pathname;
  const args = ["run", "-A", "--no-check", "--quiet", `--v8-flags=${V8_FLAGS}`, child, location, state];
  const { stdout } = await new Deno.Command(Deno.execPath(), { args, stderr: "inherit" }).output();
  return JSON.parse(new TextDecoder().decode(stdout));
}
