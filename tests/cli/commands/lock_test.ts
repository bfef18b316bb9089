import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { Place, PROGRAM } from "../program.ts";

/** Locks the source with a file, and waits in the middle for as long as nobody stops it. */
function slowBackup(place: Place): Deno.ChildProcess {
  const [file = "", ...args] = [
    ...PROGRAM,
    "backup",
    "source",
    "--before",
    `/usr/bin/touch ${place.base}/frozen`,
    "--after",
    `/bin/rm ${place.base}/frozen`,
    "--stdin-name",
    "input",
  ];
  const env = { ...place.env, NO_COLOR: "1", PATH: Deno.env.get("PATH") ?? "" };
  return new Deno.Command(file, { args, cwd: place.base, env, stdin: "piped", stdout: "piped", stderr: "piped" })
    .spawn();
}

async function until(condition: () => boolean): Promise<void> {
  for (let i = 0; i < 6000 && !condition(); i++) await new Promise((resume) => setTimeout(resume, 20));
  ok(condition());
}

function isThere(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}

async function makePlace(): Promise<Place> {
  const place = new Place();
  place.write("file", "1");
  await place.expect(0, "init");
  return place;
}

Deno.test("SIGTERM undoes what the lock did, and ends with 130", async () => {
  using place = await makePlace();
  const frozen = `${place.base}/frozen`;
  const child = slowBackup(place);
  await until(() => isThere(frozen));
  child.kill("SIGTERM");
  const { code } = await child.status;
  await child.stdin.close().catch(() => {});
  deepStrictEqual([code, isThere(frozen)], [130, false]);
  await Promise.all([child.stdout.cancel(), child.stderr.cancel()]);
  strictEqual((await place.expect(0, "recover")).stdout, "Nothing to recover\n");
});

Deno.test("a killed backup is seen by recover --list, and undone by recover, by the next backup, or by the start of a service", async () => {
  using place = await makePlace();
  const frozen = `${place.base}/frozen`;
  Deno.mkdirSync(`${place.base}/jobs`);
  for (const way of ["recover", "backup", "serve"]) {
    const child = slowBackup(place);
    await until(() => isThere(frozen));
    const [active] = await place.json("recover", "--list");
    deepStrictEqual([active.active, active.kind], [true, "command"]);
    if (way === "recover") match(await place.fault(11, "locked", "backup", "source"), /another run/);
    child.kill("SIGKILL");
    await child.status;
    await child.stdin.close().catch(() => {});
    await Promise.all([child.stdout.cancel(), child.stderr.cancel()]);
    ok(isThere(frozen));
    const [left] = await place.json("recover", "--list");
    const source = Deno.realPathSync(place.source);
    deepStrictEqual([left.active, left.sources], [false, [source]]);
    deepStrictEqual(left.acts.map(({ undone, command }: { undone: boolean; command: string }) => [undone, command]), [
      [false, `/bin/sh -c '/bin/rm ${frozen}'`],
    ]);
    match(
      (await place.expect(0, "recover", "--list")).stdout,
      /source \(command, since .*\): left\n {2}run .*; undone by: /,
    );
    if (way === "recover") match((await place.expect(0, "recover")).stdout, /: undone\n/);
    else {
      const words = way === "backup" ? ["backup", "source"] : ["serve", "--jobs", "jobs", "--once"];
      match((await place.expect(0, ...words)).stderr, /Undone what a run of .* had done to/);
    }
    ok(!isThere(frozen));
    deepStrictEqual(await place.json("recover", "--list"), []);
  }
});

Deno.test("recover says what can't be undone, why, and what to try, until it is told to forget it", async () => {
  using place = await makePlace();
  await place.expect(3, "backup", "source", "--after", "exit 9");
  const { stderr } = await place.expect(3, "recover");
  match(stderr, /Cannot undo "run exit 9": it ended with status 9/);
  const result = JSON.parse((await place.expect(3, "recover", "--json")).stdout);
  match(result[0].acts[0].reason, /status 9/);
  strictEqual(result[0].acts[0].command, "/bin/sh -c 'exit 9'");
  await place.expect(3, "recover", "--forget");
  deepStrictEqual(await place.json("recover"), []);
});

Deno.test("options of locks that don't go together are refused", async () => {
  using place = await makePlace();
  await place.fault(2, "bad-usage", "backup", "source", "--lock", "btrfs", "--before", "true");
  await place.fault(2, "bad-usage", "backup", "source", "--lock", "command");
  await place.fault(2, "bad-usage", "backup", "source", "--read-from", "elsewhere");
  match(
    (await place.expect(2, "backup", "source", "--lock", "tape")).stderr,
    /Use command, btrfs, zfs or lvm/,
  );
});

Deno.test("a lock may stand in the configuration", async () => {
  using place = await makePlace();
  const log = `${place.base}/log`;
  const config = (lock: unknown) => {
    const text = JSON.stringify({ backups: { mine: { sources: [place.source], ignoreCtime: true, lock } } });
    Deno.writeTextFileSync(`${place.base}/c.jsonc`, text);
    // Whatever mask this process has.
    Deno.chmodSync(`${place.base}/c.jsonc`, 0o644);
  };
  config({ after: `echo $BACKUP_TOOL_OUTCOME >> ${log}` });
  await place.expect(0, "backup", "mine", "--config", "c.jsonc");
  await place.expect(0, "backup", "mine", "--config", "c.jsonc", "--before", "true");
  strictEqual(Deno.readTextFileSync(log), "done\n", "an option counts before it");
  config({});
  match(await place.fault(2, "bad-config", "backup", "mine", "--config", "c.jsonc"), /lock/);
});
