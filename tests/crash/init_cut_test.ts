/** Making a storage that is cut off before any change of the disk, or fails there: the same command makes it. */
import { deepStrictEqual, ok, strictEqual, throws } from "node:assert/strict";
import { rawOf } from "../../src/core/raw.ts";
import { DiskFault } from "../../src/platform/disk.ts";
import { openDisk } from "../../src/platform/open_disk.ts";
import { StorageExists } from "../../src/storage/layout/faults.ts";
import { initStorage } from "../../src/storage/layout/init.ts";
import { stride } from "../support/effort.ts";
import { CuttingDisk, PowerCut } from "../support/cutting_disk.ts";
import { hookedDisk } from "../support/hooked_disk.ts";
import { run, World } from "../support/world.ts";

const OTHER_SETTINGS = { algorithm: "sha1", hexSplit: [1, 1] } as const;
/** Changes at the beginning and end that are all cut; of those in between, every n-th is, and with SLOW=1 each. */
const EDGE = 12, STRIDE = stride(17);
const SETTINGS = { algorithm: "sha256", hexSplit: [2] } as const;

/** A world without a storage. */
function emptyWorld(): World {
  const world = new World({ inMemory: true });
  Deno.removeSync(world.storagePath, { recursive: true });
  return world;
}

function isStorage(world: World): boolean {
  return run("sh", "-c", `ls ${world.storagePath}/db 2>&1 || true`).includes("main");
}

function leaves(world: World): string[] {
  return run("sh", "-c", `cd ${world.storagePath}/content && find . -mindepth 1 | sort`).trim().split("\n");
}

/** Makes one with other settings, until change number `cut`. */
function cutInit(world: World, cut: number): { changes: number; finished: boolean } {
  const cutting = new CuttingDisk(openDisk(), cut);
  try {
    initStorage({ ...world.machine, disk: cutting.disk }, rawOf(world.storagePath), OTHER_SETTINGS);
    return { changes: cutting.changes, finished: true };
  } catch (error) {
    ok(error instanceof PowerCut, String(error));
    return { changes: cutting.changes, finished: false };
  }
}

Deno.test("init cut before any change is done by the next init, with the settings of that", () => {
  using whole = emptyWorld();
  const { changes } = cutInit(whole, Infinity);
  let begun = 0;
  for (let cut = 0; cut < changes; cut += cut < EDGE || changes - cut <= EDGE ? 1 : STRIDE) {
    using world = emptyWorld();
    strictEqual(cutInit(world, cut).finished, false, `cut ${cut}`);
    if (isStorage(world)) continue;
    begun++;
    initStorage(world.machine, rawOf(world.storagePath), SETTINGS);
    const expected = Array.from({ length: 256 }, (_, n) => `./${n.toString(16).padStart(2, "0")}`);
    deepStrictEqual(leaves(world), expected, `cut ${cut}`);
    deepStrictEqual(world.open().settings.hexSplit, [2]);
    deepStrictEqual([...Deno.readDirSync(`${world.storagePath}/tmp`)], []);
  }
  ok(begun > EDGE, `${begun} cuts left something unfinished`);
});

Deno.test("init that ran out of descriptors or space is done by the next init", () => {
  for (const errno of ["EMFILE", "ENOSPC"]) {
    for (const operation of ["mkdir", "create", "openDir", "openOrCreate", "rename"]) {
      for (const at of [1, 2, 3, 5]) {
        using world = emptyWorld();
        let calls = 0;
        const disk = hookedDisk(openDisk(), ({ operation: now, path }, proceed) => {
          if (now === operation && ++calls === at) throw new DiskFault(errno, operation, rawOf(path));
          return proceed();
        });
        try {
          initStorage({ ...world.machine, disk }, rawOf(world.storagePath), OTHER_SETTINGS);
          continue;
        } catch (error) {
          ok(error instanceof DiskFault && error.errno === errno, String(error));
        }
        initStorage(world.machine, rawOf(world.storagePath), SETTINGS);
        strictEqual(leaves(world).length, 256);
      }
    }
  }
});

Deno.test("init takes nothing for its own but empty directories with its names", () => {
  const foreign = [
    "mkdir db; echo x >db/main",
    "mkdir db; mkdir db/main",
    "mkdir db; echo x >db/other",
    "mkdir db; ln -s /etc/passwd db/lock",
    "mkdir -p elsewhere; rmdir elsewhere; ln -s /tmp db",
    "mkdir db; echo x >notes",
    "mkdir photos",
    "echo x >db",
    "mkdir -p db content/ab; echo x >content/ab/x",
    "mkdir -p db content/ab/cd/ef",
    "mkdir -p db content/holidays",
    "mkdir -p db content; echo x >content/ab",
    "mkdir -p db content tmp; echo x >tmp/letter",
    "mkdir -p db content tmp; head -c 70000 /dev/zero >tmp/main",
    "mkdir -p db content tmp/main",
    "mkdir -p db content tmp latest",
  ];
  for (const line of foreign) {
    using world = emptyWorld();
    Deno.mkdirSync(world.storagePath);
    run("sh", "-c", `cd ${world.storagePath} && ${line}`);
    const before = run("sh", "-c", `cd ${world.storagePath} && find . | sort`);
    throws(() => initStorage(world.machine, rawOf(world.storagePath), SETTINGS), StorageExists, line);
    strictEqual(run("sh", "-c", `cd ${world.storagePath} && find . | sort`), before, line);
  }
});

Deno.test("a second init waits for nobody and takes nothing over from the first", () => {
  using world = emptyWorld();
  const second: unknown[] = [];
  const disk = hookedDisk(openDisk(), ({ operation, args }, proceed) => {
    if (operation === "mkdir" && args[0] === "7f") {
      try {
        initStorage(world.machine, rawOf(world.storagePath), OTHER_SETTINGS);
      } catch (error) {
        second.push((error as { code?: string }).code);
      }
    }
    return proceed();
  });
  initStorage({ ...world.machine, disk }, rawOf(world.storagePath), SETTINGS);
  deepStrictEqual(second, ["locked"]);
  deepStrictEqual(world.open().settings.hexSplit, [2]);
});
