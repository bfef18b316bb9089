import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { Place, PROGRAM } from "../program.ts";

/** Words for a shell. */
const QUOTED = PROGRAM.map((word) => `'${word}'`).join(" ");

/** A place with a configuration that has hooks. Each notes in a file that it ran. */
class HookedPlace extends Place {
  readonly config = `${this.base}/config/backup-tool/backup-tool.jsonc`;
  readonly #notes = `${this.base}/notes`;

  constructor(hooks: unknown = noting(), more = {}) {
    super();
    this.write("file", "1");
    const directory = this.config.slice(0, this.config.lastIndexOf("/"));
    Deno.mkdirSync(directory, { recursive: true });
    Deno.writeTextFileSync(this.config, typeof hooks === "string" ? hooks : JSON.stringify({ ...more, hooks }));
    // Whatever mask this process has.
    Deno.chmodSync(directory, 0o755);
    Deno.chmodSync(this.config, 0o644);
  }

  /** What has run since the last call. */
  notes(): string[] {
    try {
      const text = Deno.readTextFileSync(this.#notes);
      Deno.removeSync(this.#notes);
      return text.split("\n").filter((line) => line !== "");
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
      return [];
    }
  }
}

/** A line that notes something in the directory of the storage that is worked on. */
function note(text: string): string {
  return `echo "${text}" >> "\${BACKUP_TOOL_STORAGE%/*}/notes"`;
}

function noting(): Record<string, string> {
  return {
    before: note("before $BACKUP_TOOL_COMMAND"),
    onSuccess: note("success"),
    onFailure: note("failure $BACKUP_TOOL_STATUS $BACKUP_TOOL_EXIT_STATUS $BACKUP_TOOL_ERROR_CODE"),
    after: note("after ${BACKUP_TOOL_SNAPSHOT:+snapshot}"),
  };
}

Deno.test("hooks run around commands that do work, on storages and on vaults", async () => {
  using place = new HookedPlace();
  await place.expect(0, "backup", "source", "--init");
  deepStrictEqual(place.notes(), ["before backup", "success", "after snapshot"]);
  await place.expect(1, "forget", "nothing");
  deepStrictEqual(place.notes(), ["before forget", "failure failed 1 no-snapshot", "after "]);
  await place.expect(0, "check");
  await place.expect(0, "prune");
  deepStrictEqual(place.notes(), ["before check", "success", "after ", "before prune", "success", "after "]);
  await place.expect(0, "restore", "latest", "--target", `${place.base}/restored`);
  deepStrictEqual(place.notes(), ["before restore", "success", "after snapshot"]);

  place.env["BACKUP_TOOL_STORAGE"] = `${place.base}/vault`;
  await place.expect(0, "init", "--vault", "--unencrypted");
  deepStrictEqual(place.notes(), []);
  await place.expect(0, "backup", "source", "--unencrypted");
  await place.expect(0, "check", "--unencrypted");
  deepStrictEqual(place.notes(), [
    "before backup",
    "success",
    "after snapshot",
    "before check",
    "success",
    "after ",
  ]);
});

Deno.test("hooks don't run for what only looks, for dry runs, with --no-hooks, and in hooks", async () => {
  using place = new HookedPlace();
  await place.expect(0, "init");
  await place.expect(0, "backup", "source", "--no-hooks");
  await place.expect(0, "backup", "source", "--dry-run");
  await place.expect(0, "plan", "source");
  await place.expect(0, "snapshots");
  await place.expect(0, "ls", "latest");
  await place.expect(0, "forget", "--keep-last", "1", "--dry-run");
  await place.expect(0, "prune", "-n");
  await place.expect(0, "check", "--status");
  await place.expect(0, "restore", "latest", "--target", `${place.base}/restored`, "-n");
  place.env["BACKUP_TOOL_HOOK"] = "after";
  await place.expect(0, "prune");
  deepStrictEqual(place.notes(), []);
});

Deno.test("hooks may be for some commands only", async () => {
  using place = new HookedPlace([
    { commands: ["prune"], before: note("prune") },
    { commands: ["backup", "check"], before: note("other") },
  ]);
  await place.expect(0, "backup", "source", "--init");
  deepStrictEqual(place.notes(), ["other"]);
  await place.expect(0, "prune");
  deepStrictEqual(place.notes(), ["prune"]);
});

Deno.test("if a `before` hook fails, nothing is done, and the exit status is 1", async () => {
  using place = new HookedPlace({ ...noting(), before: "echo not today >&2; exit 4" });
  const { stderr } = await place.expect(1, "backup", "source", "--init");
  match(stderr, /The hook "before" failed: it ended with status 4 \(not today\)\n {2}hint: /);
  strictEqual([...Deno.readDirSync(place.base)].some(({ name }) => name === "storage"), false);
  deepStrictEqual(place.notes(), ["failure failed 1 hook-failed", "after "]);
});

Deno.test("if a later hook fails, the work is done, and the exit status is 3", async () => {
  using place = new HookedPlace({ ...noting(), onSuccess: "exit 4" });
  const { stderr } = await place.expect(3, "backup", "source", "--init");
  match(stderr, /The hook "onSuccess" failed: it ended with status 4/);
  deepStrictEqual(place.notes(), ["before backup", "after snapshot"]);
  strictEqual((await place.json("snapshots")).length, 1);
});

Deno.test("a hook after a backup may write to the same storage, and starts no hooks by that", async () => {
  using place = new HookedPlace({ onSuccess: [`${QUOTED} forget --keep-last 1 --prune`, note("pruned")] });
  for (let i = 0; i < 2; i++) {
    place.write("file", String(i));
    await place.expect(0, "backup", "source", "--init");
    deepStrictEqual(place.notes(), ["pruned"]);
  }
  strictEqual((await place.json("snapshots")).length, 1);
});

Deno.test("Ctrl-C ends a `before` hook with what it has started; the hooks after it run", async () => {
  using place = new HookedPlace({ ...noting(), before: "(echo ready; exec sleep 1000)" });
  const { status } = await place.interrupted("hook before: ready", "backup", "source", "--init");
  strictEqual(status, 130);
  deepStrictEqual(place.notes(), ["failure interrupted 130 interrupted", "after "]);
});

Deno.test("hooks don't run if others may write the configuration, or its directory", async () => {
  using place = new HookedPlace();
  await place.expect(0, "init");
  Deno.chmodSync(place.config, 0o664);
  const message = await place.fault(2, "untrusted-commands", "backup", "source");
  strictEqual(
    message,
    `Cannot run the commands in ${JSON.stringify(place.config)} (hooks): others may write the file (mode 664)`,
  );
  Deno.chmodSync(place.config, 0o644);
  Deno.chmodSync(`${place.base}/config/backup-tool`, 0o777);
  match(await place.fault(2, "untrusted-commands", "prune"), /others may write its directory \(mode 777\)/);
  deepStrictEqual(place.notes(), []);
  // What runs none has no objection.
  deepStrictEqual(await place.json("snapshots"), []);
  await place.expect(0, "backup", "source", "--no-hooks");
});

Deno.test("what is wrong with hooks is reported with line and column", async () => {
  const reported: string[] = [];
  for (
    const hooks of [
      `{ "befor": "a" }`,
      `{ "before": [] }`,
      `{ "before": "a", "timeout": "soon" }`,
      `{ "timeout": "1m" }`,
      `{ "after": "a", "commands": ["snapshots"] }`,
    ]
  ) {
    using place = new HookedPlace(`{\n"hooks": ${hooks} }`);
    const { stderr } = await place.expect(2, "prune");
    reported.push(/jsonc": (\d+:\d+: .*)/.exec(stderr)?.[1] ?? stderr);
  }
  deepStrictEqual(reported, [
    '2:12: Unknown key "befor"',
    "2:22: Expected at least 1 element, found an empty list",
    "2:38: Expected a time, such as 30s, 90m or 2h",
    "2:10: Hooks need a command: before, onSuccess, onFailure or after",
    '2:39: Expected one of "backup", "import", "copy", "restore", "forget", "prune", "rewrite", "tag", "alarm", "tree", ' +
    '"check", "drill", "repair", "rebuild", "salvage", found "snapshots"',
  ]);
});

Deno.test("config shows how many hooks there are, and not what they run", async () => {
  using place = new HookedPlace([{
    before: ["secret", "secret"],
    after: "secret",
    commands: ["prune"],
    timeout: "5m",
  }]);
  const { stdout } = await place.expect(0, "config");
  match(stdout, /^hooks for prune: before \(2\), after \(1\)$/m);
  const { hooks } = await place.json("config");
  deepStrictEqual(hooks, [
    { commands: ["prune"], timeoutSeconds: 300, before: 2, onSuccess: 0, onFailure: 0, after: 1 },
  ]);
});

/** Backups "one" and "two" of the source, each with hooks of its own. */
function namedBackups(more = {}) {
  const hooks = (name: string) => ({
    before: note(`before ${name} of $BACKUP_TOOL_NAME`),
    after: note(`after ${name}: $BACKUP_TOOL_STATUS \${BACKUP_TOOL_SNAPSHOT:+snapshot}`),
  });
  return {
    one: { sources: ["../../source"], hooks: { ...hooks("one"), ...more } },
    two: { sources: ["../../source"], hooks: hooks("two") },
    plain: { sources: ["../../source"] },
  };
}

Deno.test("hooks of one backup of the configuration run around it alone, within those of the command", async () => {
  using place = new HookedPlace(noting(), { backups: namedBackups() });
  await place.expect(0, "init");
  await place.expect(0, "backup", "plain");
  deepStrictEqual(place.notes(), ["before backup", "success", "after snapshot"]);
  await place.expect(0, "backup", "one", "two", "plain");
  deepStrictEqual(place.notes(), [
    "before backup",
    "before one of one",
    "after one: done snapshot",
    "before two of two",
    "after two: done snapshot",
    "success",
    "after snapshot",
  ]);
  await place.expect(0, "backup", "one", "--no-hooks");
  await place.expect(0, "backup", "one", "--dry-run");
  deepStrictEqual(place.notes(), []);
});

Deno.test("a backup whose hook fails is not made, and the others are", async () => {
  using place = new HookedPlace(undefined, { backups: namedBackups({ before: "exit 7" }) });
  await place.expect(0, "init");
  const { stderr } = await place.expect(1, "backup", "one", "two", "--json");
  match(stderr, /hook/);
  deepStrictEqual(
    place.notes().filter((line) => / (?:one|two)/.test(line)),
    ["after one: failed ", "before two of two", "after two: done snapshot"],
  );
  const { stdout } = await place.expect(0, "snapshots", "--json");
  deepStrictEqual((JSON.parse(stdout) as { name: string }[]).map(({ name }) => name), ["two"]);
});

Deno.test("hooks of one backup don't run if others may write the configuration", async () => {
  using place = new HookedPlace([], { backups: namedBackups() });
  Deno.writeTextFileSync(place.config, JSON.stringify({ backups: namedBackups() }));
  await place.expect(0, "init");
  Deno.chmodSync(place.config, 0o666);
  const { stderr } = await place.expect(2, "backup", "one");
  match(stderr, /backups\.one\.hooks/);
  deepStrictEqual(place.notes(), []);
  await place.expect(0, "backup", "plain");
});
