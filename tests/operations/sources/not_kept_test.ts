/** What another system's disk can't keep is named by a backup, not by the restore that misses it. */
import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { notKept } from "../../../src/operations/sources/not_kept.ts";
import type { DiskAbilities } from "../../../src/platform/disk.ts";
import { openPortableDisk } from "../../../src/platform/portable_disk.ts";
import { World } from "../../support/world.ts";

const EVERYTHING: DiskAbilities = {
  timeUnitNs: 1,
  rawNames: true,
  owners: true,
  xattrs: true,
  devices: true,
  inodes: true,
};

Deno.test("notKept() is silent where everything is kept, and names all that isn't", () => {
  strictEqual(notKept(EVERYTHING), undefined);
  strictEqual(notKept({ ...EVERYTHING, xattrs: false }), "Not backed up on this system: ACLs, extended attributes");
  strictEqual(
    notKept({ ...EVERYTHING, owners: false, xattrs: false, timeUnitNs: 1_000_000 }),
    "Not backed up on this system: owners, permissions, ACLs, extended attributes, file times finer than milliseconds",
  );
});

Deno.test("with the portable disk the first backup of a series names what it can't keep, the next ones do not", async () => {
  using world = new World({ disk: openPortableDisk() });
  world.write("a", "1");
  const expected = "Not backed up on this system: ACLs, extended attributes, file times finer than milliseconds; " +
    "pipes and devices can be restored on Linux only";
  deepStrictEqual((await world.backup()).monitor.notices, [expected]);
  deepStrictEqual((await world.backup()).monitor.notices, []);
  deepStrictEqual((await world.restore("latest")).monitor.notices, []);
});

Deno.test("with the portable disk times before 1970 are kept, those of symlinks to the second", async () => {
  using world = new World({ disk: openPortableDisk() });
  world.write("old", "1");
  Deno.symlinkSync("old", `${world.source}/link`);
  Deno.utimeSync(`${world.source}/old`, new Date(-1500), new Date(-1500));
  const { success } = await new Deno.Command("touch", {
    args: ["-h", "-d", "1969-12-31 23:59:58.5 UTC", `${world.source}/link`],
  }).output();
  strictEqual(success, true);
  await world.backup();
  const { target, monitor } = await world.restore("latest");
  deepStrictEqual(monitor.problems, []);
  strictEqual(Deno.lstatSync(`${target}/old`).mtime?.getTime(), -1500);
  strictEqual(Deno.lstatSync(`${target}/link`).mtime?.getTime(), -2000);
});
