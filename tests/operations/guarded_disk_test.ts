import { ok, strictEqual, throws } from "node:assert/strict";
import { rawOf, textOf } from "../../src/core/raw.ts";
import { ForeignLink, GuardedDisk } from "../../src/operations/guarded_disk.ts";
import { makeDirectories } from "../../src/platform/disk.ts";
import { openDisk } from "../../src/platform/open_disk.ts";
import { hookedDisk } from "../support/hooked_disk.ts";
import { JobWorld } from "../support/job_world.ts";
import { run } from "../support/world.ts";

const IS_ROOT = Deno.uid() === 0, SOMEBODY = 1234;

/** A directory with `real/inner` in it, and a link to `real`, maybe deep. */
class Place implements Disposable {
  readonly base = Deno.realPathSync(Deno.makeTempDirSync({ prefix: "backup-tool-guard-" }));
  constructor() {
    Deno.chmodSync(this.base, 0o755);
    Deno.mkdirSync(`${this.base}/real/inner`, { recursive: true });
    Deno.mkdirSync(`${this.base}/way/deep`, { recursive: true });
    for (const path of ["way", "way/deep"]) Deno.chmodSync(`${this.base}/${path}`, 0o755);
    Deno.symlinkSync(`${this.base}/real`, `${this.base}/way/deep/link`);
    Deno.symlinkSync("way/deep", `${this.base}/short`);
  }
  [Symbol.dispose](): void {
    Deno.removeSync(this.base, { recursive: true });
  }
  realPath(path: string): string {
    return textOf(new GuardedDisk(openDisk()).realPath(rawOf(`${this.base}/${path}`))).slice(this.base.length + 1);
  }
}

Deno.test("a guarded disk follows links in directories that nobody else may write to", () => {
  using place = new Place();
  strictEqual(place.realPath("way/deep/link/inner"), "real/inner");
  strictEqual(place.realPath("short/link/../real/./inner/"), "real/inner");
  strictEqual(place.realPath("real"), "real");
  using opened = new GuardedDisk(openDisk()).openDir(rawOf(`${place.base}/short/link`));
  strictEqual(opened.list().names.join(), "inner");
});

for (
  const [what, spoil] of [
    ["the directory is for everybody", ({ base }) => Deno.chmodSync(`${base}/way/deep`, 0o777)],
    ["one above is for everybody", ({ base }) => Deno.chmodSync(`${base}/way`, 0o777)],
    ["one above is for a group", ({ base }) => {
      Deno.chownSync(`${base}/way`, null, SOMEBODY);
      Deno.chmodSync(`${base}/way`, 0o775);
    }],
    ["the directory is somebody else's", ({ base }) => Deno.chownSync(`${base}/way/deep`, SOMEBODY, SOMEBODY)],
    ["one above is somebody else's", ({ base }) => Deno.chownSync(`${base}/way`, SOMEBODY, SOMEBODY)],
    ["the link is somebody else's, and anybody may add to the directory", ({ base }) => {
      run("chmod", "1777", `${base}/way/deep`);
      Deno.removeSync(`${base}/way/deep/link`);
      const made = new Deno.Command("ln", { args: ["-s", `${base}/real`, `${base}/way/deep/link`], uid: SOMEBODY });
      ok(made.outputSync().success);
    }],
  ] as readonly (readonly [string, (place: Place) => void])[]
) {
  Deno.test({
    name: `a guarded disk refuses a link that others may have made: ${what}`,
    ignore: !IS_ROOT,
    fn: () => {
      using place = new Place();
      spoil(place);
      for (const path of ["way/deep/link", "way/deep/link/inner", "short/link/inner"]) {
        throws(() => place.realPath(path), ForeignLink);
      }
      // What is no link is as it was.
      strictEqual(place.realPath("way/deep"), "way/deep");
      strictEqual(place.realPath("short"), "way/deep");
    },
  });
}

Deno.test("a guarded disk follows its own links where anybody may add some", () => {
  using place = new Place();
  run("chmod", "1777", `${place.base}/way/deep`);
  strictEqual(place.realPath("way/deep/link/inner"), "real/inner");
});

Deno.test("a guarded disk follows no link that comes while it looks", () => {
  using place = new Place();
  const path = rawOf(`${place.base}/way/deep`);
  let isSwapped = false;
  const disk = hookedDisk(openDisk(), ({ operation }, proceed) => {
    const answer = proceed();
    if (operation === "realPath" && answer === path && !isSwapped) {
      isSwapped = true;
      Deno.renameSync(`${place.base}/way`, `${place.base}/away`);
      Deno.symlinkSync(`${place.base}/away`, `${place.base}/way`);
    }
    return answer;
  });
  throws(() => new GuardedDisk(disk).openDir(path));
  ok(isSwapped);
});

Deno.test("a guarded disk makes directories, and none through a link that leads nowhere", () => {
  using place = new Place();
  const disk = new GuardedDisk(openDisk());
  makeDirectories(disk, rawOf(`${place.base}/short/new/er`), 0o755)[Symbol.dispose]();
  ok(Deno.statSync(`${place.base}/way/deep/new/er`).isDirectory);
  Deno.symlinkSync(`${place.base}/nowhere`, `${place.base}/dangling`);
  throws(() => makeDirectories(disk, rawOf(`${place.base}/dangling`), 0o755));
  throws(() => Deno.statSync(`${place.base}/nowhere`));
});

for (const restores of ["target", "target that isn't there", "delete", "in place"] as const) {
  Deno.test({
    name: `a restore job doesn't go through a link that others may have made: ${restores}`,
    ignore: !IS_ROOT,
    fn: async () => {
      using world = new JobWorld();
      world.write("a/f", "1");
      await world.backup();
      const victim = `${world.base}/victim`, shared = `${world.base}/shared`;
      Deno.mkdirSync(victim);
      Deno.writeTextFileSync(`${victim}/kept`, "");
      Deno.mkdirSync(shared);
      Deno.chmodSync(shared, 0o777);
      Deno.symlinkSync(victim, `${shared}/out`);
      if (restores === "in place") {
        Deno.renameSync(world.source, `${world.base}/before`);
        Deno.chownSync(world.base, SOMEBODY, SOMEBODY);
        Deno.symlinkSync(victim, world.source);
      }
      const target = restores === "target that isn't there" ? `${shared}/out/new/er` : `${shared}/out`;
      const isDelete = restores === "delete";
      world.put("a.json", {
        kind: "restore",
        ...(restores === "in place" ? { inPlace: true } : { target }),
        ...(isDelete ? { delete: true } : { overwrite: "always" }),
      });
      const entry = await world.perform("a.json");
      strictEqual(entry?.error?.code ?? entry?.problems[0]?.code, "foreign-link");
      strictEqual([...Deno.readDirSync(victim)].map(({ name }) => name).join(), "kept");
    },
  });
}

Deno.test({
  name: "an import takes no source through a link that others may have made",
  ignore: !IS_ROOT,
  fn: async () => {
    using world = new JobWorld();
    Deno.mkdirSync(`${world.base}/victim/scans`, { recursive: true });
    Deno.writeTextFileSync(`${world.base}/victim/scans/f`, "1");
    Deno.mkdirSync(`${world.base}/incoming`);
    Deno.chownSync(`${world.base}/incoming`, SOMEBODY, SOMEBODY);
    Deno.symlinkSync(`${world.base}/victim`, `${world.base}/incoming/alice`);
    world.put("a.json", { kind: "import", source: `${world.base}/incoming/alice/scans`, destination: "x" });
    const entry = await world.perform("a.json");
    strictEqual(entry?.error?.code, "foreign-link");
    strictEqual(Deno.readTextFileSync(`${world.base}/victim/scans/f`), "1");
  },
});
