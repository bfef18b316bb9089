import { deepStrictEqual, ok, strictEqual, throws } from "node:assert/strict";
import { rawOf } from "../../../src/core/raw.ts";
import type { LogEvent } from "../../../src/jobs/log/log.ts";
import { RecurringJobs } from "../../../src/jobs/queue/recurring.ts";
import type { Dir } from "../../../src/platform/disk.ts";
import { openDisk } from "../../../src/platform/open_disk.ts";
import { CuttingDisk, PowerCut } from "../../support/cutting_disk.ts";
import { hookedDisk } from "../../support/hooked_disk.ts";

const HOUR_MS = 3_600_000;
const START = Date.parse("2026-11-20T22:30:00Z");
const HOURLY = `{ "kind": "check", "every": "0 * * * *", "timeZone": "UTC" } // hourly`;

/** A job directory with one job that recurs. */
class Place implements Disposable {
  readonly path = Deno.makeTempDirSync({ prefix: "backup-tool-recurring-" });
  readonly log: LogEvent[] = [];

  constructor(files: Record<string, string> = { "hourly.jsonc": HOURLY }) {
    Deno.mkdirSync(`${this.path}/recurring`);
    Deno.mkdirSync(`${this.path}/.backup-tool`);
    for (const [name, text] of Object.entries(files)) this.put(name, text);
  }
  [Symbol.dispose](): void {
    Deno.removeSync(this.path, { recursive: true });
  }
  put(name: string, text: string): void {
    Deno.writeTextFileSync(`${this.path}/recurring/${name}`, text);
  }
  /** As a service that starts anew, and looks once. */
  tick(atMs: number, disk = openDisk()): number | undefined {
    using jobs: Dir = disk.openDir(rawOf(this.path));
    using control = jobs.openDir(rawOf(".backup-tool"));
    return new RecurringJobs(jobs, control, (event) => void this.log.push(event)).tick(atMs);
  }
  dropped(): string[] {
    return [...Deno.readDirSync(this.path)].filter(({ isFile }) => isFile).map(({ name }) => name).sort();
  }
  take(): string[] {
    const names = this.dropped();
    for (const name of names) Deno.removeSync(`${this.path}/${name}`);
    return names;
  }
}

Deno.test("a recurring job is dropped when it is due, as an ordinary job", () => {
  using place = new Place();
  strictEqual(place.tick(START), START + HOUR_MS / 2);
  deepStrictEqual(place.dropped(), []);
  strictEqual(place.tick(START + HOUR_MS / 2), START + 1.5 * HOUR_MS);
  deepStrictEqual(place.dropped(), ["hourly.jsonc.20261120T230000Z.json"]);
  deepStrictEqual(JSON.parse(Deno.readTextFileSync(`${place.path}/${place.dropped()[0]}`)), { kind: "check" });
});

Deno.test("runs that were missed are made up once", () => {
  using place = new Place();
  place.tick(START);
  strictEqual(place.tick(START + 100 * HOUR_MS), START + 100.5 * HOUR_MS);
  strictEqual(place.take().length, 1);
  place.tick(START + 100.25 * HOUR_MS);
  deepStrictEqual(place.take(), []);
});

Deno.test("a run that still waits is not joined by another", () => {
  using place = new Place();
  place.tick(START);
  place.tick(START + HOUR_MS);
  place.tick(START + 2 * HOUR_MS);
  strictEqual(place.dropped().length, 1);
  strictEqual(place.log.filter(({ event }) => event === "recurring-waits").length, 1);
});

Deno.test("a broken recurring job is told once for each change, and the others go on", () => {
  using place = new Place({ "a.json": `{"kind":"check","every":"often"}`, "hourly.jsonc": HOURLY });
  using jobs = openDisk().openDir(rawOf(place.path));
  using control = jobs.openDir(rawOf(".backup-tool"));
  const recurring = new RecurringJobs(jobs, control, (event) => void place.log.push(event));
  const broken = () => place.log.filter(({ event }) => event === "recurring-broken").length;
  recurring.tick(START);
  recurring.tick(START + HOUR_MS);
  strictEqual(broken(), 1);
  strictEqual(place.dropped().length, 1);
  place.put("a.json", "{");
  recurring.tick(START + HOUR_MS);
  recurring.tick(START + HOUR_MS);
  strictEqual(broken(), 2);
});

Deno.test("a recurring job that is removed and put in again counts from then", () => {
  using place = new Place();
  place.tick(START);
  Deno.removeSync(`${place.path}/recurring/hourly.jsonc`);
  strictEqual(place.tick(START + HOUR_MS), undefined);
  place.put("hourly.jsonc", HOURLY);
  strictEqual(place.tick(START + 10 * HOUR_MS), START + 10.5 * HOUR_MS);
  deepStrictEqual(place.dropped(), []);
});

Deno.test("a service that dies at any moment while it drops a job neither loses the run nor makes it twice", () => {
  for (let cut = 0, finished = false; !finished; cut++) {
    using place = new Place();
    place.tick(START);
    try {
      place.tick(START + HOUR_MS, new CuttingDisk(openDisk(), cut).disk);
      finished = true;
    } catch (error) {
      throws(() => {
        throw error;
      }, PowerCut);
    }
    place.tick(START + HOUR_MS + 1);
    deepStrictEqual(place.take(), ["hourly.jsonc.20261120T230000Z.json"], `after cut ${cut}`);
    place.tick(START + HOUR_MS + 2);
    deepStrictEqual(place.take(), [], `after cut ${cut}`);
  }
});

/** As the service would have left it. */
function noteTurns(place: Place, jobs: unknown): void {
  const state = { format: "backup-tool recurring", version: 1, jobs };
  Deno.writeTextFileSync(`${place.path}/.backup-tool/recurring.json`, JSON.stringify(state));
}

const told = (place: Place, event: string) => place.log.filter((one) => one.event === event).length;

for (
  const turn of [{ seen: "2099-01-01T00:00:00.000Z" }, {
    seen: "2026-01-01T00:00:00.000Z",
    due: "2099-01-01T00:00:00.000Z",
  }]
) {
  Deno.test(`a clock that was years ahead costs at most one run: ${JSON.stringify(turn)}`, () => {
    using place = new Place();
    noteTurns(place, { "hourly.jsonc": turn });
    place.tick(START);
    strictEqual(told(place, "clock-went-back"), 1);
    const atOnce = place.take().length;
    for (let hour = 1; hour <= 5; hour++) place.tick(START + hour * HOUR_MS);
    deepStrictEqual([atOnce, place.take().length, told(place, "clock-went-back")], ["due" in turn ? 1 : 0, 1, 1]);
  });
}

Deno.test("a clock that is set back by seconds makes no run a second time", () => {
  using place = new Place();
  place.tick(START);
  place.tick(START + HOUR_MS / 2);
  strictEqual(place.take().length, 1);
  place.tick(START + HOUR_MS / 2 - 20_000);
  place.tick(START + HOUR_MS / 2 + 1000);
  deepStrictEqual([place.take(), told(place, "clock-went-back")], [[], 0]);
});

for (
  const state of [
    "",
    "garbage",
    "[]",
    "null",
    `{"format":"backup-tool recurring","version":1,"jobs":[]}`,
    `{"format":"backup-tool recurring","version":1,"jobs":{"hourly.jsonc":{"seen":"garbage"}}}`,
    `{"format":"backup-tool recurring","version":1,"jobs":{"hourly.jsonc":{"seen":7}}}`,
    `{"format":"backup-tool recurring","version":1,"jobs":{"hourly.jsonc":null}}`,
    `{"format":"backup-tool recurring","version":1,"jobs":${"[".repeat(5000)}${"]".repeat(5000)}}`,
    "\0".repeat(1000),
  ]
) {
  Deno.test(`a state that isn't one is as good as none, and is told: ${state.slice(0, 90)}`, () => {
    using place = new Place();
    Deno.writeTextFileSync(`${place.path}/.backup-tool/recurring.json`, state);
    strictEqual(place.tick(START), START + HOUR_MS / 2);
    strictEqual(told(place, "recurring-state"), 1);
    place.tick(START + HOUR_MS);
    deepStrictEqual([place.take().length, told(place, "recurring-state")], [1, 1]);
  });
}

Deno.test("directories in the places of the state are moved aside", () => {
  using place = new Place();
  for (const name of ["recurring.json", "tmp"]) {
    Deno.mkdirSync(`${place.path}/.backup-tool/${name}/x`, { recursive: true });
  }
  place.tick(START);
  place.tick(START + HOUR_MS);
  strictEqual(place.take().length, 1);
  ok(Deno.statSync(`${place.path}/.backup-tool/aside-1/x`).isDirectory);
});

Deno.test("files of the same name with other endings are jobs of their own", () => {
  using place = new Place({ "a.json": HOURLY, "a.jsonc": HOURLY, "A.json": HOURLY });
  place.tick(START);
  place.tick(START + HOUR_MS);
  deepStrictEqual(place.take(), [
    "A.json.20261120T230000Z.json",
    "a.json.20261120T230000Z.json",
    "a.jsonc.20261120T230000Z.json",
  ]);
});

Deno.test("a recurring job runs however long its name is", () => {
  const names = [240, 250, 228].map((length) => `${"n".repeat(length)}.json`);
  names.push(`${"é".repeat(124)}.json`, `${"n".repeat(239)}x.json`);
  using place = new Place(Object.fromEntries(names.map((name) => [name, HOURLY])));
  place.tick(START);
  place.tick(START + HOUR_MS);
  strictEqual(place.dropped().length, names.length);
  place.tick(START + 2 * HOUR_MS);
  deepStrictEqual([place.take().length, told(place, "recurring-waits")], [names.length, names.length]);
});

Deno.test("what is no readable file in recurring/ is told once, and the others go on", () => {
  using place = new Place();
  const at = (name: string) => `${place.path}/recurring/${name}`;
  Deno.mkdirSync(at("dir.json"));
  Deno.symlinkSync(at("hourly.jsonc"), at("link.json"));
  Deno.writeTextFileSync(at("deep.json"), "[".repeat(5000));
  Deno.writeTextFileSync(at("huge.json"), "");
  Deno.truncateSync(at("huge.json"), 2 ** 40);
  Deno.writeTextFileSync(at("utf16.json"), "\ufeff{\0}\0");
  new Deno.Command("mkfifo", { args: [at("pipe.json")] }).outputSync();
  Deno.writeTextFileSync(at("a\nb.json"), HOURLY);
  using jobs = openDisk().openDir(rawOf(place.path));
  using control = jobs.openDir(rawOf(".backup-tool"));
  const recurring = new RecurringJobs(jobs, control, (event) => void place.log.push(event));
  for (let hour = 0; hour < 3; hour++) recurring.tick(START + hour * HOUR_MS);
  deepStrictEqual(place.take().sort(), ["a\nb.json.20261120T230000Z.json", "hourly.jsonc.20261120T230000Z.json"]);
  const broken = place.log.filter(({ event }) => event === "recurring-broken").map(({ message }) => message).sort();
  deepStrictEqual(broken.map((message) => message.slice(0, 22)), [
    "recurring/deep.json ca",
    "recurring/dir.json can",
    "recurring/huge.json ca",
    "recurring/link.json ca",
    "recurring/pipe.json ca",
    "recurring/utf16.json c",
  ]);
});

Deno.test("a job that may not be dropped is told once, and the others go on", () => {
  using place = new Place({ "a.json": HOURLY, "hourly.jsonc": HOURLY });
  place.tick(START);
  Deno.mkdirSync(`${place.path}/a.json.20261120T230000Z.json`);
  using jobs = openDisk().openDir(rawOf(place.path));
  using control = jobs.openDir(rawOf(".backup-tool"));
  const recurring = new RecurringJobs(jobs, control, (event) => void place.log.push(event));
  for (let n = 0; n < 3; n++) recurring.tick(START + HOUR_MS + n);
  deepStrictEqual([place.take(), told(place, "recurring-failed")], [["hourly.jsonc.20261120T230000Z.json"], 1]);
});

Deno.test("a dropped job can be read by those who can read the recurring one, and by nobody else", () => {
  using place = new Place({ "open.json": HOURLY, "closed.json": HOURLY });
  Deno.chmodSync(`${place.path}/recurring/closed.json`, 0o640);
  Deno.chmodSync(`${place.path}/recurring/open.json`, 0o644);
  place.tick(START);
  place.tick(START + HOUR_MS);
  const modes = place.dropped().map((name) => Deno.statSync(`${place.path}/${name}`).mode! & 0o777);
  deepStrictEqual(modes, [0o600, 0o644]);
});

Deno.test("files in recurring/ are read when they are new or have changed, and not again", () => {
  using place = new Place({ "a.json": HOURLY, "broken.json": "{" });
  const read: string[] = [];
  using jobs = hookedDisk(openDisk(), ({ operation, path }, proceed) => {
    if (operation === "open" && path.includes("/recurring/")) read.push(path.slice(path.lastIndexOf("/") + 1));
    return proceed();
  }).openDir(rawOf(place.path));
  using control = jobs.openDir(rawOf(".backup-tool"));
  const recurring = new RecurringJobs(jobs, control, (event) => void place.log.push(event));
  const reads = (atMs: number) => {
    recurring.tick(atMs);
    return read.splice(0).sort();
  };
  deepStrictEqual(reads(START), ["a.json", "broken.json"]);
  for (let n = 1; n < 4; n++) deepStrictEqual(reads(START + n), []);
  place.put("a.json", `${HOURLY} `);
  deepStrictEqual([reads(START + 5), reads(START + 6)], [["a.json"], []]);
});
