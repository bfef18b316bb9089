import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { rawOf } from "../../../src/core/raw.ts";
import type { Stat } from "../../../src/core/stat.ts";
import { fileSystemFacts, machineFacts, storageFacts } from "../../../src/operations/doctor/doctor.ts";
import type { Fact } from "../../../src/operations/doctor/fact.ts";
import { probe } from "../../../src/operations/doctor/probe.ts";
import { DiskFault } from "../../../src/platform/disk.ts";
import { systemFacts } from "../../../src/platform/facts.ts";
import { openDisk } from "../../../src/platform/open_disk.ts";
import { openPortableDisk } from "../../../src/platform/portable_disk.ts";
import { openStorage } from "../../../src/storage/storage.ts";
import { runIn } from "../../cli/fake_world.ts";
import { ExpectedWorld } from "../../cli/expected_world.ts";
import { hookedDisk } from "../../support/hooked_disk.ts";
import { CAN_MOUNT, Mounts } from "../../support/mounts.ts";
import { run, TestMonitor, World } from "../../support/world.ts";
import { HAS_LINUX_DISK } from "../../support/needs.ts";

function valuesOf(facts: readonly Fact[]): Record<string, Fact["value"]> {
  return Object.fromEntries(facts.map(({ key, value }) => [key, value]));
}

function probed(disk = openDisk()): readonly Fact[] {
  using world = new World();
  using directory = disk.openDir(rawOf(world.base));
  const before = directory.list().names.toSorted();
  const facts = probe(directory, rawOf("probe"), disk);
  deepStrictEqual(directory.list().names.toSorted(), before, "nothing is left");
  return facts;
}

Deno.test(
  "probe() finds out what a Linux file system can, and leaves nothing",
  { ignore: !HAS_LINUX_DISK || Deno.build.os !== "linux" },
  () => {
    const facts = probed(), values = valuesOf(facts);
    for (
      const key of [
        "writes",
        "hardLinks",
        "symlinks",
        "locks",
        "modes",
        "caseSensitive",
        "colons",
        "longNames",
        "pipes",
      ]
    ) {
      strictEqual(values[key], true, key);
    }
    deepStrictEqual(facts.flatMap(({ concern }) => concern ?? []), []);
  },
);

Deno.test("probe() takes a failing call for an answer, and goes on", { ignore: !HAS_LINUX_DISK }, () => {
  const disk = hookedDisk(openDisk(), ({ operation, path }, go) => {
    if (["link", "tryLock", "setXattr"].includes(operation)) throw new DiskFault("EPERM", operation, rawOf(path));
    return go();
  });
  const facts = probed(disk), { hardLinks, locks, xattrs, symlinks } = valuesOf(facts);
  deepStrictEqual([hardLinks, locks, xattrs, symlinks], ["EPERM", "EPERM", "EPERM", true]);
  strictEqual(facts.flatMap(({ concern }) => concern ?? []).length, 2);
});

Deno.test("probe() works without the C library", () => {
  const { writes, xattrs } = valuesOf(probed(openPortableDisk()));
  deepStrictEqual([writes, xattrs], [true, false]);
});

Deno.test(
  "A file system tells the same as df, with the C library and without",
  { ignore: Deno.build.os !== "linux" },
  () => {
    using world = new World();
    const [size, inodes] = run("df", "--output=size,itotal", "-B1", world.base).trim().split("\n")[1]!.trim().split(
      / +/,
    );
    for (const disk of [openDisk(), openPortableDisk()]) {
      using directory = disk.openDir(rawOf(world.base));
      const values = valuesOf(fileSystemFacts(directory, disk));
      deepStrictEqual([values["totalBytes"], values["inodes"]], [Number(size), Number(inodes) || null]);
      ok(Number(values["freeBytes"]) <= Number(size));
    }
  },
);

Deno.test("storageFacts() writes nothing, names nothing, and sees snapshots from the future", async () => {
  using world = new World();
  world.write("f", "text");
  await world.backup();
  const state = () => run("find", world.storagePath, "-printf", "%p %T@ %s\n");
  const before = state();
  {
    using storage = world.open();
    const { facts } = storageFacts(storage, world.clock);
    deepStrictEqual([valuesOf(facts)["snapshots"], valuesOf(facts)["futureSnapshot"]], [1, false]);
    ok(!JSON.stringify(facts).includes(world.base));
    world.clock.ms -= 24 * 60 * 60_000;
    strictEqual(valuesOf(storageFacts(storage, world.clock).facts)["futureSnapshot"], true);
  }
  strictEqual(state(), before);
});

Deno.test("machineFacts() tells what may be a trouble", () => {
  using world = new World();
  const system = systemFacts(openDisk()), { facts } = machineFacts(system, world.clock);
  ok(Number(valuesOf(facts)["cores"]) >= 1);
  const poor = machineFacts({ ...system, openFiles: 256, mounts: 0, hasLibrary: false }, {
    ...world.clock,
    zone: "UTC",
    nowMs: () => 0,
    offsetMinutes: () => 0,
  });
  deepStrictEqual(poor.facts.filter(({ concern }) => concern).map(({ key }) => key), [
    "cLibrary",
    "openFiles",
    "mounts",
    "time",
  ]);
});

Deno.test("doctor examines storages, vaults and directories, and tries them where that was asked for", async () => {
  using world = new ExpectedWorld("json");
  const told = async (...args: string[]) => {
    world.stdout.text = "";
    await runIn(world, "doctor", ...args, "--json");
    const { text } = world.stdout;
    ok(!text.includes(world.base) && !text.includes("testhost"), text);
    return JSON.parse(text.slice(text.indexOf("{")));
  };
  await world.transcript(["init", "-s", "st"]);
  const { storage, tried, error } = await told("-s", "st");
  deepStrictEqual([storage.algorithm, storage.snapshots, tried, error], ["sha256", 0, undefined, null]);
  deepStrictEqual((await told("-s", "st", "--try")).tried.hardLinks, true);
  deepStrictEqual([...Deno.readDirSync(`${world.base}/st/tmp`)], []);
  await world.transcript(["init", "-s", "plain", "--vault", "--unencrypted"]);
  const { vault } = await told("-s", "plain");
  deepStrictEqual([vault.kind, vault.encrypted, vault.canRemove], ["directory", false, true]);
  deepStrictEqual((await told("-s", "plain", "--try")).tried.symlinks, true);
  deepStrictEqual((await told("--try", ".")).tried.modes, true);
  deepStrictEqual([...Deno.readDirSync(world.base)].filter(({ name }) => name.includes("probe")), []);
});

/** What may be a trouble of the storage, by key. */
function concernsOf(world: World, isContainer: boolean, disk = openDisk()): Record<string, string> {
  using storage = openStorage({ ...world.machine, disk }, rawOf(world.storagePath), new TestMonitor());
  const { facts } = storageFacts(storage, world.clock, isContainer);
  const keys = ["rootFileSystem", "own", "oneVolume"];
  return Object.fromEntries(facts.flatMap(({ key, concern }) => keys.includes(key) && concern ? [[key, concern]] : []));
}

Deno.test("in a container storageFacts() tells of what is lost with it, or belongs to somebody else", () => {
  using world = new World();
  const place = (point: string, uid: number) =>
    hookedDisk(openDisk(), ({ operation, path }, go) => {
      if (operation === "mounts") return [{ id: "1", device: "0:1", root: "/", point: rawOf(point), shows: [] }];
      if (operation === "statSelf" && path === world.storagePath) return { ...go() as Stat, uid, gid: 5678 };
      return go();
    });
  const { uid } = openDisk(), own = place(world.base, uid);
  deepStrictEqual(concernsOf(world, true, own), {});
  deepStrictEqual(concernsOf(world, false, place("/", uid + 1)), {});
  deepStrictEqual(concernsOf(world, true, place("/", uid)), {
    rootFileSystem: "It is in the container itself, and is deleted with it: mount a volume there",
  });
  deepStrictEqual(concernsOf(world, true, place(world.base, 1234)), {
    own: `It belongs to user 1234 and group 5678, but this runs as user ${uid}: ` +
      "start the container with PUID=1234 and PGID=5678",
  });
});

Deno.test(
  "storageFacts() names the parts of a storage that are on other volumes",
  { ignore: !CAN_MOUNT },
  async () => {
    using world = new World();
    world.write("f", "text");
    await world.backup();
    deepStrictEqual(concernsOf(world, false), {});
    using mounts = new Mounts();
    mounts.bind(`${world.storagePath}/content`, `${world.storagePath}/content`);
    mounts.tmpfs(`${world.storagePath}/2026`);
    match(concernsOf(world, false)["oneVolume"] ?? "", /mounted on 2026, content: hard links .* one volume$/);
  },
);
