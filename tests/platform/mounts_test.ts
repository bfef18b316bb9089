import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { rawOf } from "../../src/core/raw.ts";
import { mountAround, parseMounts } from "../../src/platform/mounts.ts";

const TABLE = rawOf(String.raw`22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
30 22 8:1 /vol/backup /mnt/my\040disk rw shared:1 - ext4 /dev/sda1 rw
31 22 0:40 / /mnt rw - fuse.bindfs /vol rw
32 22 0:41 / /mnt rw - tmpfs none rw
33 22 0:42 / /pool rw - fuse.mergerfs /disk1:/disk\0402 rw,user_id=0
34 22 0:43 / /union rw - overlay overlay rw,lowerdir=/low:/lower,upperdir=/up,workdir=/work
broken
`);

Deno.test("parseMounts() reads whole lines, and names with spaces", () => {
  const mounts = parseMounts(TABLE);
  strictEqual(mounts.length, 6);
  deepStrictEqual(mounts[1], {
    id: "30",
    device: "8:1",
    root: "/vol/backup",
    point: "/mnt/my disk",
    shows: ["/dev/sda1"],
  });
  deepStrictEqual(mounts.slice(2).map(({ shows }) => shows), [
    ["/vol"],
    [],
    ["/disk1:/disk 2", "/disk1", "/disk 2"],
    ["/low:/lower", "/low", "/lower", "/up", "/work"],
  ]);
});

Deno.test("mountAround() takes the nearest, and of several in one place the last", () => {
  const around = (path: string) => mountAround(parseMounts(TABLE), rawOf(path))?.id;
  deepStrictEqual(
    ["/", "/mntx", "/mnt", "/mnt/other", "/mnt/my disk", "/mnt/my disk/a"].map(around),
    ["22", "22", "32", "32", "30", "30"],
  );
  strictEqual(mountAround([], rawOf("/")), undefined);
});
