/** What has the service started with the system. */
import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { type ServiceSpec, unitFor } from "../../../src/cli/install/units.ts";
import { has } from "../../support/needs.ts";
import { run } from "../../support/world.ts";
import { FakeWorld, runIn } from "../fake_world.ts";

const HARD = `/data/a b%c$d"e'f\\g<&>`;
const SPEC: ServiceSpec = {
  words: ["/usr/bin/true", "serve", "--storage", HARD, "--jobs", "/volume1/jobs"],
  needs: ["/volume1/jobs"],
  listens: true,
  isRoot: true,
  home: "/root",
};

Deno.test("each kind says where it goes, how to begin, and how to undo it", () => {
  const said = (["systemd", "launchd", "task-scheduler", "cron"] as const).map((manager) => {
    const { path, begin, undo } = unitFor(manager, SPEC);
    return [path, begin.length > 0, undo.length > 0];
  });
  deepStrictEqual(said, [
    ["/etc/systemd/system/backup-tool.service", true, true],
    ["/Library/LaunchDaemons/net.backup-tool.serve.plist", true, true],
    ["/root/backup-tool-task.xml", true, true],
    ["/etc/cron.d/backup-tool", true, true],
  ]);
  const own = { ...SPEC, isRoot: false, home: "/home/me" };
  strictEqual(unitFor("systemd", own).path, "/home/me/.config/systemd/user/backup-tool.service");
  strictEqual(unitFor("cron", own).path, undefined);
});

Deno.test({
  name: "systemd understands the unit, and finds no fault with it",
  ignore: !has("systemd-analyze"),
  fn: () => {
    const directory = Deno.makeTempDirSync({ prefix: "backup-tool-test-" });
    try {
      const path = `${directory}/backup-tool.service`;
      Deno.writeTextFileSync(path, unitFor("systemd", SPEC).text);
      // Whatever mode new files get here.
      Deno.chmodSync(path, 0o644);
      const { code, stderr } = new Deno.Command("systemd-analyze", { args: ["verify", "--man=no", path] }).outputSync();
      const said = new TextDecoder().decode(stderr).split("\n").filter((line) => line.includes("backup-tool.service"));
      deepStrictEqual([code, said], [0, []]);
    } finally {
      Deno.removeSync(directory, { recursive: true });
    }
  },
});

Deno.test("the line for cron gives a shell the same words", () => {
  const line = unitFor("cron", SPEC).text.split("\n")[1] ?? "", command = line.replace(/^@reboot root /, "");
  // cron takes the backslash away, then gives the line to a shell.
  const shell = command.replaceAll("\\%", "%").replace("/usr/bin/true", "printf '%s\\n'");
  deepStrictEqual(run("sh", "-c", shell).split("\n").slice(0, -1), SPEC.words.slice(1));
});

Deno.test({
  name: "the property list and the task are XML with the same words",
  ignore: !has("python3"),
  fn: () => {
    const read = (program: string, text: string) => {
      const path = Deno.makeTempFileSync({ prefix: "backup-tool-test-" });
      try {
        Deno.writeTextFileSync(path, text);
        return run("python3", "-c", program, path);
      } finally {
        Deno.removeSync(path);
      }
    };
    const plist = "import json,plistlib,sys;print(json.dumps(plistlib.load(open(sys.argv[1],'rb'))))";
    deepStrictEqual(JSON.parse(read(plist, unitFor("launchd", SPEC).text)).ProgramArguments, SPEC.words);
    const task = "import sys,xml.etree.ElementTree as e;" +
      "print([x.text for x in e.parse(sys.argv[1]).iter() if x.tag.endswith('}Command')][0])";
    strictEqual(read(task, unitFor("task-scheduler", SPEC).text), "/usr/bin/true\n");
  },
});

Deno.test("serve --install shows everything first, writes nothing without --yes, and never over another's file", async () => {
  const base = Deno.makeTempDirSync({ prefix: "backup-tool-test-" });
  try {
    const world = new FakeWorld(), machine = await world.machine();
    world.directory = base;
    world.variables["HOME"] = `${base}/home`;
    // An ordinary user: his own directory is as good as the system's.
    const disk = new Proxy(machine.disk, {
      get(target, name) {
        const value = Reflect.get(target, name, target);
        return name === "uid" ? 1000 : typeof value === "function" ? value.bind(target) : value;
      },
    });
    world.machine = () => Promise.resolve({ ...machine, disk });
    const args = ["serve", "--jobs", "jobs", "-s", "st", "--limit", "20MB/s", "--install", "systemd"];
    const shown = await runIn(world, ...args), path = `${base}/home/.config/systemd/user/backup-tool.service`;
    strictEqual(shown.status, 0, shown.stderr);
    match(shown.stdout, new RegExp(`ExecStart=.* serve --storage ${base}/st --jobs ${base}/jobs --limit 20MB/s\n`));
    match(shown.stdout, /Undo it by\n {2}systemctl --user disable --now backup-tool\n/);
    ok(!exists(path), "nothing is written");
    strictEqual((await runIn(world, ...args, "--yes")).status, 0);
    const written = Deno.readTextFileSync(path);
    ok(!written.includes("--install") && !written.includes("--yes"), written);
    strictEqual((await runIn(world, ...args, "--yes")).status, 0, "ours is written anew");
    Deno.writeTextFileSync(path, "[Unit]\n");
    const refused = await runIn(world, ...args, "--yes");
    deepStrictEqual([refused.status, Deno.readTextFileSync(path)], [2, "[Unit]\n"]);
  } finally {
    Deno.removeSync(base, { recursive: true });
  }
});

function exists(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch {
    return false;
  }
}
