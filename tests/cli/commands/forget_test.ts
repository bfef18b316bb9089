/** forget, prune and policy as a person sees them. */
import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { FakeWorld, type Ran, runIn } from "../fake_world.ts";

/** A storage with a snapshot a day, the newest on 2026-11-23. */
class Days implements Disposable {
  readonly base = Deno.makeTempDirSync({ prefix: "backup-tool-forget-" });
  readonly world = new FakeWorld();

  static async of(days: number): Promise<Days> {
    const made = new Days();
    await made.run("init");
    made.world.clock.ms = Date.UTC(2026, 10, 24 - days, 11);
    for (let day = 0; day < days; day++) {
      Deno.writeTextFileSync(`${made.base}/source/today`, `day ${day}`);
      await made.run("backup", "source", "--name", "photos");
      made.world.clock.pass(24 * 60);
    }
    return made;
  }

  constructor() {
    Deno.mkdirSync(`${this.base}/source`);
    this.world.directory = this.base;
    this.world.variables["BACKUP_TOOL_STORAGE"] = `${this.base}/storage`;
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.base, { recursive: true });
  }

  async run(...args: string[]): Promise<Ran> {
    const ran = await runIn(this.world, ...args);
    return { ...ran, stdout: ran.stdout.replace(/\b[0-9a-f]{12}\b/g, "ID__________") };
  }

  /** Standard output of a run that must succeed and say nothing else. */
  async told(...args: string[]): Promise<string> {
    const { status, stdout, stderr } = await this.run(...args);
    deepStrictEqual([status, stderr], [0, ""]);
    return stdout;
  }

  // deno-lint-ignore no-explicit-any -- a test knows what it asked for
  async json(...args: string[]): Promise<any> {
    const { status, stdout } = await runIn(this.world, ...args, "--json");
    strictEqual(status, 0);
    return JSON.parse(stdout);
  }
}

Deno.test("forget --dry-run says which rule keeps each snapshot, in 80 columns", async () => {
  using days = await Days.of(4);
  strictEqual(
    await days.told("forget", "--keep-daily", "2", "--keep-monthly", "3", "--keep-within", "1d", "-n").then(
      withoutSize,
    ),
    `Keeping by --keep-daily 2 --keep-monthly 3 --keep-within 1d

testhost:photos
  keep    ID__________  2026-11-23 12:00 +01  daily 2026-11-23, monthly 2026-11,
                                              within 1d
  keep    ID__________  2026-11-22 12:00 +01  daily 2026-11-22
  remove  ID__________  2026-11-21 12:00 +01
  keep    ID__________  2026-11-20 12:00 +01  oldest monthly 2026-11

Would remove 1 of 4 snapshots
A prune would then free SIZE
`,
  );
  strictEqual((await days.json("snapshots")).length, 4);
});

/** What file systems and runs make of it is not the same everywhere. */
function withoutSize(text: string): string {
  return text.replace(/free \d[\d.]* (?:B|KiB)$/m, "free SIZE");
}

Deno.test("forget --dry-run tells programs how much space it would free, also with a limit", async () => {
  using days = await Days.of(3);
  const { freedBytes, removed } = await days.json("forget", "--keep-free", "8000T", "-n");
  deepStrictEqual([removed.length, freedBytes > 0], [2, true]);
  const { status, stderr } = await days.run("forget", "--keep-free", "much");
  deepStrictEqual([status, stderr.includes("Write it like 500K, 10M or 1.5GiB")], [2, true]);
});

Deno.test("forget --prune removes and frees, and says so to programs too", async () => {
  using days = await Days.of(3);
  const [oldest] = await days.json("snapshots");
  const told = await days.json("forget", "--keep-last", "2", "--prune");
  const { prune: { bytes, ...prune }, snapshots, ...rest } = told;
  deepStrictEqual(rest, { dryRun: false, policy: { last: 2 }, removed: [oldest.id] });
  deepStrictEqual(snapshots.map(({ keep, reasons }: { keep: boolean; reasons: string[] }) => [keep, reasons]), [
    [true, ["last 1"]],
    [true, ["last 2"]],
    [false, []],
  ]);
  deepStrictEqual(snapshots[2], { ...oldest, keep: false, reasons: [] });
  strictEqual(bytes > 0, true);
  deepStrictEqual(prune, {
    contents: 1,
    hunks: 1,
    linkedContents: 0,
    leftovers: 0,
    leftoverBytes: 0,
    neededItems: 4,
    snapshots: 2,
    removedItems: 2,
  });
  match(
    await days.told("forget", "latest~1", "--prune"),
    /^Removed 1 snapshot\nUnreferenced: 1 content and 1 hunk, \d.* \(2 items still in use\)\nRemoved 2 items, freed \d.*\n$/,
  );
  strictEqual(await days.told("forget", "latest", "--prune", "-q"), "");
});

Deno.test("forget --tag thinks about tagged snapshots alone; one that is pinned stays until it is unpinned", async () => {
  using days = await Days.of(4);
  await days.run("tag", "latest", "latest~1", "latest~2", "--add", "weekly");
  const { snapshots, removed } = await days.json("forget", "--keep-last", "1", "--tag", "weekly", "-n");
  deepStrictEqual([snapshots.length, removed.length], [3, 2]);
  match(await days.told("tag", "latest~3", "--pin"), /^ID__________ is now ID__________: pinned\n$/);
  match(await days.told("forget", "--keep-last", "1"), / {2}keep {4}ID__________ {2}2026-11-20 12:00 \+01 {2}pinned\n/);
  strictEqual((await days.json("snapshots")).length, 2);
  const { status, stderr } = await days.run("forget", "latest~1");
  deepStrictEqual([status, /it is pinned\n {2}hint: Unpin it first/.test(stderr)], [1, true], stderr);
  await days.run("tag", "latest~1", "--unpin");
  await days.told("forget", "latest~1");
  strictEqual((await days.json("snapshots")).length, 1);
  strictEqual((await days.run("tag", "latest", "--pin", "--unpin")).status, 2);
});

Deno.test("forget takes quarters, half-years and spans of periods, and shows them as they are written", async () => {
  using days = await Days.of(2);
  const text = await days.told("forget", "--keep-half-yearly", "1", "--keep-within-hourly", "1y", "-n");
  match(text, /^Keeping by --keep-half-yearly 1 --keep-within-hourly 1y\n/);
  match(
    text,
    /half-yearly 2026-H2, hourly 2026-11-23\n? +12h within 1y|half-yearly 2026-H2,\n +hourly 2026-11-23 12h within 1y/,
  );
  Deno.writeTextFileSync(`${days.base}/c.jsonc`, `{ "keep": { "halfYearly": 1, "withinDaily": "7d" } }`);
  match(
    await days.told("forget", "-n", "--config", `${days.base}/c.jsonc`),
    /^Keeping by --keep-half-yearly 1 --keep-within-daily 7d\n/,
  );
});

Deno.test("forget takes either names or rules, and needs one of them", async () => {
  using days = await Days.of(1);
  for (
    const [message, ...args] of [
      ["Either name snapshots or give rules", "latest", "--keep-last", "1"],
      ["Either name snapshots or give rules", "latest", "--name", "photos"],
      ["No retention rules given"],
      ["No retention rules given", "--keep-last", "0"],
      ["Option '--keep-daily <N>' argument 'x' is invalid. Write a whole number, or `unlimited`", "--keep-daily", "x"],
      ["Option '--keep-within <SPAN>' argument '3w' is invalid. Write it like 30d", "--keep-within", "3w"],
      ["Option '--keep-tag <TAG>' argument ',' is invalid. Give a tag", "--keep-tag", ","],
    ] as const
  ) {
    const { status, stderr } = await days.run("forget", ...args);
    strictEqual(status, 2);
    match(stderr, new RegExp(`^backup-tool: ${message.replaceAll(/[().]/g, "\\$&")}`));
  }
  strictEqual((await days.run("forget", "nothing")).status, 1);
});

Deno.test("prune tells its plan, then what it did", async () => {
  using days = await Days.of(2);
  await days.run("forget", "latest");
  const plan = /^Unreferenced: 1 content and 1 hunk, \d.* KiB \(2 items still in use\)\n/;
  match(await days.told("prune", "--dry-run"), new RegExp(`${plan.source}Would free \\d.* KiB\\n$`));
  match(
    await days.told("prune", "--bytes"),
    /Unreferenced: 1 content and 1 hunk, \d,\d{3} B \(2 items still in use\)\nRemoved 2 items, freed/,
  );
  const { dryRun, removedItems } = await days.json("prune");
  deepStrictEqual([dryRun, removedItems], [false, 0]);
});

Deno.test("a policy in the storage stands for the rules that aren't given", async () => {
  using days = await Days.of(3);
  strictEqual(await days.told("policy", "show"), "No policy\n");
  strictEqual(
    await days.told("policy", "set", "--keep-last", "1", "--keep-tag", "a,b"),
    "From now on forget keeps by --keep-last 1 --keep-tag a,b\n",
  );
  strictEqual(await days.told("policy", "show"), "--keep-last 1 --keep-tag a,b\n");
  deepStrictEqual(await days.json("policy", "show"), { policy: { last: 1, tag: ["a,b"] } });
  match(await days.told("forget"), /^Keeping by --keep-last 1 --keep-tag a,b\n[^]*\nRemoved 2 of 3 snapshots\n$/);
  strictEqual(await days.told("policy", "clear"), "The storage has no policy any more\n");
  deepStrictEqual(await days.json("policy", "show"), { policy: null });
  strictEqual((await days.run("policy", "set")).status, 2);
  strictEqual((await days.run("policy", "set", "--keep-last", "0")).status, 2);
});

Deno.test("tag changes tags, and tells the new ids", async () => {
  using days = await Days.of(2);
  strictEqual(
    await days.told("tag", "latest", "latest~1", "--add", "tax,2026"),
    "ID__________ is now ID__________: tax, 2026\nID__________ is now ID__________: tax, 2026\n",
  );
  strictEqual(await days.told("tag", "latest", "--set", ""), "ID__________ is now ID__________: no tags\n");
  const [{ former, id, tags }] = await days.json("tag", "latest", "--set", "x", "--add", "y", "--remove", "x");
  const [first, second] = await days.json("snapshots");
  deepStrictEqual([first.tags, second.tags, second.id, tags], [["tax", "2026"], ["y"], id, ["y"]]);
  strictEqual(former === id, false);
  match(
    await days.told("forget", "--keep-tag", "2026,tax", "-n"),
    /Would remove 1 of 2 snapshots\nA prune would then free \d.*\n$/,
  );
  strictEqual((await days.run("tag", "latest")).status, 2);
});

Deno.test("forget has no use for --workers without --prune, and says so", async () => {
  using days = await Days.of(2);
  const { status, stderr } = await days.run("forget", "--keep-last", "1", "--workers", "2");
  strictEqual(status, 2);
  match(stderr, /`--workers` is for `--prune`/);
  strictEqual((await days.run("forget", "--keep-last", "1", "--workers", "2", "--prune")).status, 0);
});
