/** The program where directories are mounted at several places, in a mount namespace of its own. */
import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { CAN_MOUNT } from "../../support/mounts.ts";
import { has } from "../../support/needs.ts";
import { type Ended, Place } from "../program.ts";

/** The executable is tested without a PATH; the shell needs one. */
const PATH = "export PATH=/usr/sbin:/usr/bin:/sbin:/bin;";
const IN_NAMESPACE = `${PATH} unshare -m --propagation private bash -c 'mount --bind "$0" "$1" && shift && exec "$@"'`;
const CAN_UNSHARE = CAN_MOUNT && has("unshare");

/** Runs the program where `shown` is also seen at `at`: directories below the place. */
function withBind(place: Place, shown: string, at: string, ...args: string[]): Ended {
  Deno.mkdirSync(`${place.base}/${at}`, { recursive: true });
  return place.shell(`${IN_NAMESPACE} "${place.base}/${shown}" "${place.base}/${at}" "$@"`, ...args);
}

Deno.test({
  name:
    "a backup of a directory that is the storage by another path is refused, and of one that holds it leaves it out",
  ignore: !CAN_UNSHARE,
  async fn() {
    using place = new Place();
    place.write("a", "1");
    await place.expect(0, "backup", "--init", place.source);
    for (const [shown, at] of [["storage", "other"], ["storage/content", "other"], [".", "other"]] as const) {
      const source = `${place.base}/other${shown === "." ? "/storage/tmp" : ""}`;
      const { status, stderr } = withBind(place, shown, at, "backup", source);
      strictEqual(status, 1, stderr);
      match(stderr, /it belongs to the storage/);
    }
    for (const command of [["backup", "--json"], ["plan", "--json"]]) {
      const { status, stdout, stderr } = withBind(place, "storage", "source/view", ...command, place.source);
      strictEqual(status, 0, stderr);
      match(stderr, /Skipped .*\/source\/view: it is the storage itself/);
      if (command[0] === "backup") strictEqual(JSON.parse(stdout).snapshot.files, 1);
    }
    const { stdout } = withBind(place, "storage", "source/view", "diff", "latest", place.source);
    ok(!stdout.includes("view/"), stdout);
  },
});

Deno.test({
  name: "restore refuses the storage by another path, however the target is named",
  ignore: !CAN_UNSHARE,
  async fn() {
    using place = new Place();
    place.write("a", "1");
    await place.expect(0, "backup", "--init", place.source);
    const ways = [["--target", `${place.base}/other/new`], ["--as", `${place.base}/other/new/a`, "/a"], [
      "--target",
      "other/../other/x",
    ]];
    for (const [option = "", where = "", ...path] of ways) {
      const args = ["restore", "latest", ...path, option, where, "--overwrite", "always"];
      const done = place.shell(
        `${PATH} cd "${place.base}" && mkdir -p other && ${IN_NAMESPACE} storage/content other "$@"`,
        ...args,
      );
      strictEqual(done.status, 1, done.stderr);
      match(done.stderr, /belongs to the storage/);
    }
    // In place, where the source is the storage by now.
    const done = withBind(place, "storage", "source", "restore", "latest", "--in-place", "--delete");
    strictEqual(done.status, 1, done.stderr);
    match(done.stderr, /belongs to the storage/);
    await place.expect(0, "check", "--read-data");
  },
});

Deno.test({
  name: "a service imports, restores into and takes jobs from nothing that is the storage by another path",
  ignore: !CAN_UNSHARE,
  async fn() {
    using place = new Place();
    place.write("a", "1");
    await place.expect(0, "backup", "--init", place.source, "--name", "old");
    const other = `${place.base}/other`;
    const jobs = {
      "1.json": { kind: "import", source: other, destination: "x" },
      "2.json": { kind: "import", source: `${other}/content`, destination: "x" },
      "3.json": { kind: "restore", snapshot: "latest", target: `${other}/content/new` },
      "4.json": { kind: "backup", name: "other", sources: [other] },
    };
    Deno.mkdirSync(`${place.base}/jobs`);
    for (const [name, job] of Object.entries(jobs)) {
      Deno.writeTextFileSync(`${place.base}/jobs/${name}`, JSON.stringify(job));
    }
    const args = ["serve", "--once", "--json", "--jobs", `${place.base}/jobs`];
    const { stdout, stderr } = withBind(place, "storage", "other", ...args);
    const done = JSON.parse(stdout).jobs.map((job: { name: string; error?: { code: string } }) => job.error?.code);
    deepStrictEqual(done, ["bad-import", "bad-import", "target-in-storage", "source-in-storage"], stderr);
    const refused = withBind(place, "storage", "other", "serve", "--once", "--jobs", `${other}/tmp/jobs`);
    strictEqual(refused.status, 1, refused.stderr);
    match(refused.stderr, /it belongs to the storage/);
    await place.expect(0, "check", "--read-data");
    strictEqual((await place.expect(0, "cat", "old:latest", "/a")).stdout, "1");
  },
});
