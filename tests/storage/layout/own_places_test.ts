import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { rawOf, textOf } from "../../../src/core/raw.ts";
import { removeRecursively } from "../../../src/platform/remove_recursively.ts";
import { CAN_BINDFS, CAN_MOUNT, CAN_OVERLAY, Mounts } from "../../support/mounts.ts";
import { differences, run, World } from "../../support/world.ts";

/** A storage with two trees, and what shows parts of it at other places. */
class Shown implements Disposable {
  readonly world = new World();
  readonly mounts = new Mounts();
  readonly #work: string;

  constructor() {
    this.world.write("a", "1");
    this.#work = `${this.world.base}/work`;
    Deno.mkdirSync(this.#work);
  }

  [Symbol.dispose](): void {
    this.mounts[Symbol.dispose]();
    this.world[Symbol.dispose]();
  }

  async backUpTwice(): Promise<void> {
    for (let n = 0; n < 2; n++) await this.world.backup();
  }

  /** @param part path in the storage, or above it */
  show(kind: string, part: string, at: string): void {
    const shown = `${this.world.storagePath}/${part}`;
    Deno.mkdirSync(at, { recursive: true });
    if (kind === "bind") return this.mounts.bind(shown, at);
    if (kind === "bindfs") return this.mounts.bindfs(shown, at);
    // The upper layer needs a file system of its own kind.
    this.mounts.tmpfs(this.#work);
    for (const name of ["upper", "work"]) Deno.mkdirSync(`${this.#work}/${name}`);
    this.mounts.overlay(shown, `${this.#work}/upper`, `${this.#work}/work`, at);
  }
}

const VIEWS: readonly (readonly [kind: string, part: string, isPossible: boolean])[] = [
  ...["", "content", "tmp", "2026", "db", "content/ab", "2026/11-20T23:06"].map((part) =>
    ["bind", part, CAN_MOUNT] as const
  ),
  ...["", "content", "tmp", "2026", "db", "content/ab", "2026/11-20T23:06"].map((part) =>
    ["bindfs", part, CAN_BINDFS] as const
  ),
  ["overlay", "", CAN_OVERLAY],
];

for (const [kind, part, isPossible] of VIEWS) {
  Deno.test({
    name: `a ${kind} view of the storage's ${
      part || "top"
    } is left out of a backup, refused as a source and as a target`,
    ignore: !isPossible,
    async fn() {
      using shown = new Shown();
      const { world } = shown;
      await shown.backUpTwice();
      const at = `${world.source}/sub/view`;
      shown.show(kind, part, at);
      for (let n = 0; n < 2; n++) {
        const { snapshot, monitor } = await world.backup();
        strictEqual(snapshot.files, 1);
        deepStrictEqual(monitor.problems, []);
        strictEqual(monitor.notices.filter((text) => text.startsWith(`Skipped ${at}: it is `)).length, 1);
      }
      const before = world.items().size;
      await rejects(world.backup({ sources: [rawOf(at)] }), { code: "source-in-storage" });
      for (const target of [at, `${at}/new/deep`]) {
        const destination = { kind: "directory", path: rawOf(target), strip: 0 } as const;
        await rejects(world.restore("latest", { destination, overwrite: "always" }), { code: "target-in-storage" });
        await rejects(world.restore("latest", { destination, delete: true }), { code: "target-in-storage" });
      }
      strictEqual(world.items().size, before);
      strictEqual((await world.check()).damaged, 0);
    },
  });
}

for (const [kind, isPossible] of [["bind", CAN_MOUNT], ["bindfs", CAN_BINDFS], ["overlay", CAN_OVERLAY]] as const) {
  Deno.test({
    name: `a source that shows the directory above the storage through ${kind} is backed up without the storage`,
    ignore: !isPossible,
    async fn() {
      using pools = new DisposableStack();
      const pool = Deno.makeTempDirSync({ prefix: "backup-tool-test-pool-" });
      pools.defer(() => Deno.removeSync(pool));
      using shown = new Shown();
      const { world } = shown;
      await shown.backUpTwice();
      shown.show(kind, "..", pool);
      for (let n = 0; n < 2; n++) {
        const { snapshot, monitor } = await world.backup({ sources: [rawOf(pool)], name: "pool" });
        strictEqual(snapshot.files, 1);
        ok(monitor.notices.some((text) => text.startsWith(`Skipped ${pool}/storage: it is the storage itself`)));
      }
      const source = rawOf(`${pool}/storage/content`);
      await rejects(world.backup({ sources: [source] }), { code: "source-in-storage" });
      strictEqual((await world.check()).damaged, 0);
    },
  });
}

Deno.test({
  name: "a storage that is used through another file system is known where it really lies",
  ignore: !CAN_BINDFS,
  async fn() {
    using shown = new Shown();
    const { world, mounts } = shown;
    await shown.backUpTwice();
    const real = `${world.base}/real`;
    Deno.renameSync(world.storagePath, real);
    Deno.mkdirSync(world.storagePath);
    mounts.bindfs(real, world.storagePath);
    const views = ["2026", "content", "content/ab", "tmp", "2026/11-20T23:06"];
    for (const [n, part] of views.entries()) {
      Deno.mkdirSync(`${world.source}/${n}`);
      mounts.bind(`${real}/${part}`, `${world.source}/${n}`);
      await rejects(world.backup({ sources: [rawOf(`${world.source}/${n}`)] }), { code: "source-in-storage" });
      await rejects(world.backup({ sources: [rawOf(`${real}/${part}`)] }), { code: "source-in-storage" });
      await rejects(world.restore("latest", { target: rawOf(`${real}/${part}/x`) }), { code: "target-in-storage" });
    }
    const { snapshot } = await world.backup();
    strictEqual(snapshot.files, 1);
    const { snapshot: whole } = await world.backup({ sources: [rawOf(world.base)], name: "whole" });
    strictEqual(whole.files, 1);
  },
});

Deno.test("a tree that is being made is never entered, whoever makes it, and by whatever path", async () => {
  using world = new World();
  world.write("a", "1");
  world.write("other/tmp/backup-tool-tree-0123456789abcdef/grows", "1");
  const { snapshot, monitor } = await world.backup();
  strictEqual(snapshot.files, 1);
  strictEqual(monitor.notices.filter((text) => text.endsWith("a tree is being made there")).length, 1);
});

Deno.test("the state of this program is never backed up: that of services, and what the machine names", async () => {
  using world = new World();
  for (const path of ["a", "jobs/b.json", "jobs/.backup-tool/lock", "state/locks/secret"]) world.write(path, "1");
  using storage = world.open();
  const machine = { ...storage.machine, state: [rawOf(`${world.source}/state/locks`), rawOf("/not/there")] };
  Object.assign(world, { machine });
  const { snapshot, monitor } = await world.backup();
  strictEqual(snapshot.files, 2);
  deepStrictEqual(monitor.notices.sort(), [
    `Skipped ${world.source}/jobs/.backup-tool: the state of this program is kept there`,
    `Skipped ${world.source}/state/locks: the state of this program is kept there`,
  ]);
  await rejects(world.backup({ sources: [rawOf(`${world.source}/state/locks`)] }), { code: "source-in-storage" });
});

Deno.test("a copy of a source that stands still may lie beside the notes on it, and is backed up without the storage", async () => {
  using world = new World();
  const state = `${world.base}/locks`, copy = `${state}/mounts/backup-tool-1`;
  Deno.mkdirSync(`${copy}/storage/content`, { recursive: true });
  for (const path of [`${copy}/storage/content/x`, `${copy}/a`]) Deno.writeTextFileSync(path, "1");
  using storage = world.open();
  Object.assign(world, { machine: { ...storage.machine, state: [rawOf(state)] } });
  const { snapshot } = await world.backup({ sources: [{ path: rawOf(world.base), readFrom: rawOf(copy) }] });
  strictEqual(snapshot.files, 1);
  await rejects(
    world.backup({ sources: [{ path: rawOf(world.source), readFrom: rawOf(`${world.storagePath}/content`) }] }),
    { code: "source-in-storage" },
  );
});

Deno.test("another storage is taken for ordinary files, and told of; a copy of this one is not", async () => {
  using world = new World();
  using other = new World();
  world.write("a", "1");
  await world.backup();
  run("cp", "-a", other.storagePath, `${world.source}/other`);
  run("sed", "-i", 's/"id": "[^"]*"/"id": "another"/', `${world.source}/other/db/main`);
  run("cp", "-a", world.storagePath, `${world.source}/copy`);
  const { snapshot, monitor } = await world.backup();
  strictEqual(snapshot.files, 3); // and db/main and db/lock of the other one
  deepStrictEqual(monitor.notices, [
    `Skipped ${world.source}/copy: it is the storage itself, by another way, or a copy of it`,
    `${world.source}/other is another storage, and is taken for ordinary files`,
  ]);
});

Deno.test("whatever is called db/main and is none of a storage is backed up", async () => {
  using world = new World();
  for (const [name, text] of Object.entries({ a: "no JSON", b: "null", c: '{"id":1}', d: "[".repeat(100_000) })) {
    world.write(`${name}/db/main`, text);
  }
  world.write("e/db", "a file");
  Deno.mkdirSync(`${world.source}/f/db/main`, { recursive: true });
  Deno.mkdirSync(`${world.source}/g`);
  Deno.symlinkSync("nowhere", `${world.source}/g/db`);
  const { snapshot, monitor } = await world.backup();
  strictEqual(snapshot.files, 5);
  deepStrictEqual([monitor.problems, monitor.notices], [[], []]);
});

Deno.test("a directory that gets the inode of a former part of the storage is not taken for it", () => {
  using world = new World();
  using storage = world.open();
  Deno.mkdirSync(`${world.storagePath}/2025`);
  const own = storage.ownPlaces([], storage.monitor);
  using year = storage.dir.openDir(rawOf("2025"));
  const stat = year.statSelf(), name = rawOf("2025");
  strictEqual(own.whyNotFound(rawOf("/elsewhere/2025"), name, stat), "it is a part of the storage");
  Deno.removeSync(`${world.storagePath}/2025`);
  strictEqual(own.whyNotFound(rawOf("/elsewhere/2025"), name, stat), undefined);
});

Deno.test("what lies in the archive of the storage may be backed up", async () => {
  using world = new World();
  for (const directory of ["", "/x"]) {
    Deno.mkdirSync(`${world.storagePath}/archive${directory}`, { recursive: true });
    const { snapshot } = await world.backup({ sources: [rawOf(`${world.storagePath}/archive${directory}`)] });
    strictEqual(snapshot.complete, true);
  }
});

for (const [kind, isPossible] of [["bind", CAN_MOUNT], ["bindfs", CAN_BINDFS]] as const) {
  Deno.test({
    name: `nothing is restored into the storage where it is seen below the target through ${kind}`,
    ignore: !isPossible,
    async fn() {
      using shown = new Shown();
      const { world } = shown;
      world.write("d/content/new", "x");
      world.write("d/tmp/new", "x");
      await world.backup();
      const target = `${world.base}/target`;
      if (kind === "bind") shown.show(kind, "", `${target}/d`);
      else {
        // The target is the view: below it nothing is mounted.
        Deno.mkdirSync(`${world.base}/around`);
        Deno.mkdirSync(target);
        Deno.renameSync(world.storagePath, `${world.base}/around/d`);
        Deno.symlinkSync("around/d", world.storagePath);
        shown.mounts.bindfs(`${world.base}/around`, target);
      }
      const names = () => run("find", `${world.storagePath}/`, "-not", "-path", "*/db/*");
      const before = names();
      const { monitor } = await world.restore("latest", { target: rawOf(target), overwrite: "always" });
      ok(monitor.problems.length > 0);
      ok(monitor.problems.every((fault) => (fault as Error & { code: string }).code === "target-in-storage"));
      strictEqual(names(), before);
      strictEqual(Deno.readTextFileSync(`${target}/a`), "1");
    },
  });
}

/** A target that equals the source, with other things mounted in it at various depths. */
async function withMounts(test: (world: World, precious: string) => Promise<void>): Promise<void> {
  using shown = new Shown();
  const { world, mounts } = shown;
  world.write("keep/b", "2");
  Deno.mkdirSync(`${world.source}/was-empty`);
  await world.backup();
  const precious = `${world.base}/precious`;
  Deno.mkdirSync(`${precious}/deep`, { recursive: true });
  for (const name of ["p", "deep/q"]) Deno.writeTextFileSync(`${precious}/${name}`, name);
  for (const place of ["was-empty", "keep/new/deeper/bind", "new-at-top", "empty-mount"]) {
    Deno.mkdirSync(`${world.source}/${place}`, { recursive: true });
    if (place === "empty-mount") mounts.tmpfs(`${world.source}/${place}`);
    else mounts.bind(precious, `${world.source}/${place}`);
  }
  world.write("keep/mounted-file", "");
  mounts.bind(`${precious}/p`, `${world.source}/keep/mounted-file`);
  world.write("keep/new/extra", "goes");
  await test(world, precious);
}

Deno.test({
  name: "restore --delete removes nothing that is mounted, nor what is below, a bind mount or a file either",
  ignore: !CAN_MOUNT,
  async fn() {
    await withMounts(async (world, precious) => {
      const { monitor } = await world.restore("latest", { destination: { kind: "in-place" }, delete: true });
      deepStrictEqual(monitor.problems, []);
      deepStrictEqual([...Deno.readDirSync(precious)].map(({ name }) => name).sort(), ["deep", "p"]);
      strictEqual(Deno.readTextFileSync(`${precious}/deep/q`), "deep/q");
      strictEqual(Deno.readTextFileSync(`${precious}/p`), "p");
      deepStrictEqual([...Deno.readDirSync(`${world.source}/keep/new`)].map(({ name }) => name), ["deeper"]);
      strictEqual(monitor.of("removedEntries"), 1);
      const mounted = monitor.notices.filter((text) => text.endsWith("stays: something is mounted there"));
      deepStrictEqual(mounted.sort(), [
        `${world.source}/empty-mount stays: something is mounted there`,
        `${world.source}/keep/mounted-file stays: something is mounted there`,
        `${world.source}/keep/new/deeper/bind stays: something is mounted there`,
        `${world.source}/new-at-top stays: something is mounted there`,
      ]);
    });
  },
});

Deno.test({
  name: "a directory of the storage's own that is cleared keeps what somebody has mounted in it",
  ignore: !CAN_MOUNT,
  fn() {
    using shown = new Shown();
    const { world, mounts } = shown;
    const temp = `${world.storagePath}/tmp`, precious = `${world.base}/precious`;
    Deno.mkdirSync(precious);
    Deno.writeTextFileSync(`${precious}/p`, "1");
    for (const place of ["old/deep/bind", "old/gone"]) Deno.mkdirSync(`${temp}/${place}`, { recursive: true });
    Deno.writeTextFileSync(`${temp}/old/file`, "");
    mounts.bind(precious, `${temp}/old/deep/bind`);
    mounts.bind(`${precious}/p`, `${temp}/old/file`);
    using storage = world.open();
    storage.write("test")[Symbol.dispose]();
    strictEqual(Deno.readTextFileSync(`${precious}/p`), "1");
    deepStrictEqual([...Deno.readDirSync(`${temp}/old`)].map(({ name }) => name).sort(), ["deep", "file"]);
    using directory = storage.dir.openDir(rawOf("tmp"));
    strictEqual(removeRecursively(directory, rawOf("old")), false);
  },
});

Deno.test({
  name: "--one-file-system enters nothing that is mounted below a source, a bind mount of the same file system either",
  ignore: !CAN_MOUNT,
  async fn() {
    using shown = new Shown();
    const { world, mounts } = shown;
    world.write("sub/b", "2");
    for (const name of ["bind", "tmpfs", "sub/nested"]) Deno.mkdirSync(`${world.source}/${name}`);
    mounts.bind(world.source, `${world.source}/bind`);
    mounts.tmpfs(`${world.source}/tmpfs`);
    mounts.bind(`${world.source}/sub`, `${world.source}/sub/nested`);
    world.write("tmpfs/c", "3");
    const paths = async (sources: string[]) => {
      const { snapshot } = await world.backup({ sources: sources.map(rawOf), oneFileSystem: true, name: "x" });
      using storage = world.open();
      return [...storage.manifest(snapshot.id).entries()].map(({ path }) => textOf(path));
    };
    const own = ["/", "/a", "/bind", "/sub", "/tmpfs", "/sub/b", "/sub/nested"];
    deepStrictEqual(await paths([world.source]), own);
    // A source of its own is entered.
    deepStrictEqual(await paths([world.source, `${world.source}/sub/nested`]), [
      ...own,
      "/sub/nested/b",
      "/sub/nested/nested",
    ]);
    const { target } = await world.restore("latest~1");
    strictEqual(differences(`${world.source}/sub/nested`, `${target}/sub`), "");
  },
});
