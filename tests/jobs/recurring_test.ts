import { deepStrictEqual, strictEqual, throws } from "node:assert/strict";
import { rawOf } from "../../src/core/raw.ts";
import type { LogEvent } from "../../src/jobs/log.ts";
import { RecurringJobs } from "../../src/jobs/recurring.ts";
import type { Dir } from "../../src/platform/disk.ts";
import { openDisk } from "../../src/platform/open_disk.ts";
import { CuttingDisk, PowerCut } from "../support/cutting_disk.ts";

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
  deepStrictEqual(place.dropped(), ["hourly.20261120T230000Z.json"]);
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
    deepStrictEqual(place.take(), ["hourly.20261120T230000Z.json"], `after cut ${cut}`);
    place.tick(START + HOUR_MS + 2);
    deepStrictEqual(place.take(), [], `after cut ${cut}`);
  }
});
