import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { type Amount, parseSpan, type Policy } from "../../src/core/policy.ts";
import { type Candidate, decide, dispensable } from "../../src/core/retention.ts";

const NOW = Date.UTC(2026, 10, 21);
const DAY = 86_400_000;

function candidate(sequence: number, time: string, changes: Partial<Candidate> = {}): Candidate {
  return { sequence, time, offsetMinutes: 60, host: "nas", name: "photos", tags: [], complete: true, ...changes };
}

/** Sequence of each snapshot to its reasons; those that go have "-". */
function told(snapshots: readonly Candidate[], policy: Policy): Record<number, string> {
  const decisions = decide(snapshots, policy, NOW).flatMap(({ decisions }) => decisions);
  return Object.fromEntries(
    decisions.map(({ snapshot, keep, reasons }) => [snapshot.sequence, (keep ? "" : "-") + reasons.join("; ")]),
  );
}

Deno.test("decide() explains what each rule keeps", () => {
  const snapshots = [
    candidate(1, "2024-12-30T11:00:00.000Z"),
    candidate(2, "2025-12-31T11:00:00.000Z"),
    candidate(3, "2026-11-18T11:00:00.000Z", { tags: ["a", "b"] }),
    candidate(4, "2026-11-19T10:00:00.000Z"),
    candidate(5, "2026-11-19T11:00:00.000Z"),
    candidate(6, "2026-11-20T11:00:00.000Z"),
  ];
  deepStrictEqual(told(snapshots, { last: 2, daily: 2, yearly: 5, tag: ["b,a", "c"] }), {
    6: "last 1; daily 2026-11-20; yearly 2026",
    5: "last 2; daily 2026-11-19",
    4: "-",
    3: "tag b,a",
    2: "yearly 2025",
    1: "yearly 2024",
  });
  deepStrictEqual(told(snapshots, { hourly: 2, weekly: 3, monthly: 1, within: "2d" }), {
    6: "hourly 2026-11-20 12h; weekly 2026-W47; monthly 2026-11; within 2d",
    5: "hourly 2026-11-19 12h; within 2d",
    4: "within 2d",
    3: "-",
    2: "weekly 2026-W01",
    1: "weekly 2025-W01",
  });
});

Deno.test("decide() knows minutes, quarters and half-years, and periods within a span", () => {
  const snapshots = [
    candidate(1, "2025-11-02T11:00:00.000Z"),
    candidate(2, "2026-03-31T21:30:00.000Z"),
    candidate(3, "2026-03-31T22:30:00.000Z"),
    candidate(4, "2026-11-19T10:00:10.000Z"),
    candidate(5, "2026-11-19T10:00:50.000Z"),
    candidate(6, "2026-11-20T11:00:00.000Z"),
  ];
  deepStrictEqual(told(snapshots, { minutely: 2, quarterly: 3, halfYearly: 2 }), {
    6: "minutely 2026-11-20 12:00; quarterly 2026-Q4; half-yearly 2026-H2",
    5: "minutely 2026-11-19 11:00",
    4: "-",
    3: "quarterly 2026-Q1; half-yearly 2026-H1",
    2: "-",
    1: "quarterly 2025-Q4",
  });
  deepStrictEqual(told(snapshots, { withinDaily: "7d", withinMonthly: "1y" }), {
    6: "daily 2026-11-20 within 7d; monthly 2026-11 within 1y",
    5: "daily 2026-11-19 within 7d",
    4: "-",
    3: "monthly 2026-03 within 1y",
    2: "-",
    1: "-",
  });
});

Deno.test("decide() removes no snapshot that is pinned, and keeps none the less of the others for it", () => {
  const snapshots = [
    candidate(1, "2026-11-18T11:00:00.000Z", { tags: ["pinned"] }),
    candidate(2, "2026-11-19T11:00:00.000Z"),
    candidate(3, "2026-11-20T11:00:00.000Z"),
  ];
  deepStrictEqual(told(snapshots, { last: 1 }), { 3: "last 1", 2: "-", 1: "pinned" });
  deepStrictEqual(told(snapshots, { tag: ["x"] }), { 3: "the newest of its series", 2: "-", 1: "pinned" });
});

Deno.test("decide() keeps the oldest snapshot while there are fewer periods than wanted, as restic does", () => {
  const snapshots = [1, 2, 3].map((n) => candidate(n, `2026-11-20T0${n}:00:00.000Z`));
  deepStrictEqual(told(snapshots, { daily: 2 }), { 3: "daily 2026-11-20", 2: "-", 1: "oldest daily 2026-11-20" });
  deepStrictEqual(told(snapshots, { daily: 1 }), { 3: "daily 2026-11-20", 2: "-", 1: "-" });
});

Deno.test("decide() counts days where the snapshot was made", () => {
  const late = candidate(1, "2026-11-19T22:30:00.000Z"), early = candidate(2, "2026-11-19T23:30:00.000Z");
  deepStrictEqual(told([late, early], { daily: 2 }), { 2: "daily 2026-11-20", 1: "daily 2026-11-19" });
  const inUtc = [late, early].map((snapshot) => ({ ...snapshot, offsetMinutes: 0 }));
  deepStrictEqual(told(inUtc, { daily: 1 }), { 2: "daily 2026-11-19", 1: "-" });
});

Deno.test("decide() measures a span by the calendar, back from the newest snapshot", () => {
  const snapshots = [
    candidate(1, "2026-02-28T12:00:00.000Z"),
    candidate(2, "2026-02-28T12:00:00.001Z"),
    candidate(3, "2026-03-28T12:00:00.000Z"),
  ];
  deepStrictEqual(told(snapshots, { within: "1m" }), { 3: "within 1m", 2: "within 1m", 1: "-" });
});

Deno.test("decide() takes no snapshot of the future for the measure of age", () => {
  const snapshots = [
    candidate(1, "2026-11-19T12:00:00.000Z"),
    candidate(2, "2026-11-20T12:00:00.000Z"),
    candidate(3, "2106-01-01T12:00:00.000Z"),
  ];
  deepStrictEqual(told(snapshots, { within: "2d" }), { 3: "within 2d", 2: "within 2d", 1: "within 2d" });
});

Deno.test("decide() lets each series stand for itself, and always leaves one of it", () => {
  const snapshots = [
    candidate(1, "2026-01-01T00:00:00.000Z"),
    candidate(2, "2026-11-20T00:00:00.000Z"),
    candidate(3, "2020-01-01T00:00:00.000Z", { host: "pc" }),
    candidate(4, "2020-01-02T00:00:00.000Z", { host: "pc" }),
    candidate(5, "2020-01-02T00:00:00.000Z", { name: "music", tags: ["x"] }),
  ];
  deepStrictEqual(told(snapshots, { last: 1 }), { 1: "-", 2: "last 1", 3: "-", 4: "last 1", 5: "last 1" });
  deepStrictEqual(told(snapshots, { tag: ["x"] }), {
    1: "-",
    2: "the newest of its series",
    3: "-",
    4: "the newest of its series",
    5: "tag x",
  });
});

Deno.test("decide() lets incomplete snapshots go that are older than a complete one, and counts none of them", () => {
  const partial = { complete: false, tags: ["x"] };
  const snapshots = [
    candidate(1, "2026-11-10T00:00:00.000Z", partial),
    candidate(2, "2026-11-11T00:00:00.000Z"),
    candidate(3, "2026-11-12T00:00:00.000Z", partial),
    candidate(4, "2026-11-13T00:00:00.000Z", partial),
    candidate(5, "2026-11-13T00:00:00.000Z", { ...partial, name: "music" }),
  ];
  deepStrictEqual(told(snapshots, { last: 1, tag: ["x"] }), {
    1: "-incomplete, and no longer needed",
    2: "last 1",
    3: "the next backup continues it",
    4: "the next backup continues it",
    5: "the next backup continues it",
  });
});

Deno.test("weeks are those of ISO 8601", () => {
  for (
    const [day, week] of [
      ["2026-01-01", "2026-W01"],
      ["2025-12-29", "2026-W01"],
      ["2025-12-28", "2025-W52"],
      ["2021-01-03", "2020-W53"],
      ["2027-01-01", "2026-W53"],
      ["2024-02-29", "2024-W09"],
    ]
  ) {
    const snapshot = candidate(1, `${day}T12:00:00.000Z`);
    strictEqual(told([snapshot], { weekly: 1 })[1], `weekly ${week}`, day);
  }
});

/** The rules again, said as plainly as possible: sets of snapshots, no counting down. */
function modelKeeps(series: readonly Candidate[], policy: Policy): Set<number> {
  const complete = series.filter(({ complete }) => complete).toSorted((a, b) => b.sequence - a.sequence);
  const kept = new Set<number>();
  const newestOf = (amount: Amount, of: (local: Date) => string) => {
    const labels = [...new Set(complete.map((snapshot) => of(localOf(snapshot))))];
    const most = amount === "unlimited" ? labels.length + 1 : amount;
    for (const label of labels.slice(0, most)) {
      kept.add(complete.find((snapshot) => of(localOf(snapshot)) === label)!.sequence);
    }
    if (labels.length < most && complete.length > 0) kept.add(complete.at(-1)!.sequence);
  };
  const { last = 0, minutely = 0, hourly = 0, daily = 0, weekly = 0, monthly = 0, yearly = 0 } = policy;
  const { quarterly = 0, halfYearly = 0 } = policy;
  for (const { sequence } of complete.slice(0, last === "unlimited" ? complete.length : last)) {
    kept.add(sequence);
  }
  newestOf(minutely, (local) => local.toISOString().slice(0, 16));
  newestOf(hourly, (local) => local.toISOString().slice(0, 13));
  newestOf(daily, DAY_OF);
  newestOf(weekly, (local) => String(Math.floor((local.getTime() / DAY + 3) / 7))); // 1970 began on a Thursday
  newestOf(monthly, (local) => local.toISOString().slice(0, 7));
  newestOf(quarterly, QUARTER_OF);
  newestOf(halfYearly, (local) => `${local.getUTCFullYear()} ${local.getUTCMonth() < 6}`);
  newestOf(yearly, (local) => local.toISOString().slice(0, 4));
  if (policy.within !== undefined) {
    const { days, hours } = parseSpan(policy.within);
    const newest = Math.max(...complete.map(({ time }) => Date.parse(time)).filter((ms) => ms <= NOW));
    for (const { time, sequence } of complete) {
      if (!(newest - Date.parse(time) >= days * DAY + hours * 3_600_000)) kept.add(sequence);
    }
  }
  for (const [span, of] of [[policy.withinDaily, DAY_OF], [policy.withinQuarterly, QUARTER_OF]] as const) {
    if (span === undefined) continue;
    const past = complete.map(({ time }) => Date.parse(time)).filter((ms) => ms <= NOW);
    const sinceMs = past.length === 0 ? -Infinity : Math.max(...past) - parseSpan(span).days * DAY;
    const inside = complete.filter(({ time }) => Date.parse(time) > sinceMs);
    const newest = new Map(inside.toReversed().map((snapshot) => [of(localOf(snapshot)), snapshot.sequence]));
    const oldest = inside.at(-1);
    for (const sequence of newest.values()) kept.add(sequence);
    if (oldest !== undefined && oldest === complete.at(-1)) kept.add(oldest.sequence);
  }
  for (const tags of policy.tag ?? []) {
    for (const snapshot of complete) {
      if (tags.split(",").every((tag) => snapshot.tags.includes(tag))) kept.add(snapshot.sequence);
    }
  }
  const newest = complete[0]?.sequence;
  if (kept.size === 0 && newest !== undefined) kept.add(newest);
  for (const { tags, sequence } of complete) if (tags.includes("pinned")) kept.add(sequence);
  for (const { complete, sequence } of series) {
    if (!complete && (newest === undefined || sequence > newest)) kept.add(sequence);
  }
  return kept;
}

const DAY_OF = (local: Date) => local.toISOString().slice(0, 10);
const QUARTER_OF = (local: Date) => `${local.getUTCFullYear()} ${[..."000111222333"][local.getUTCMonth()]}`;

function localOf({ time, offsetMinutes }: Candidate): Date {
  return new Date(Date.parse(time) + offsetMinutes * 60_000);
}

const amount = fc.option(fc.oneof(fc.nat(6), fc.constant("unlimited" as const)), { nil: undefined, freq: 2 });
const policies: fc.Arbitrary<Policy> = fc.record({
  last: amount,
  minutely: amount,
  hourly: amount,
  daily: amount,
  weekly: amount,
  monthly: amount,
  quarterly: amount,
  halfYearly: amount,
  yearly: amount,
  withinDaily: fc.option(fc.constantFrom("1d", "40d"), { nil: undefined, freq: 2 }),
  withinQuarterly: fc.option(fc.constantFrom("100d", "1000d"), { nil: undefined, freq: 2 }),
  within: fc.option(fc.constantFrom("1d", "5d12h", "40d", "700d"), { nil: undefined, freq: 2 }),
  tag: fc.option(fc.subarray(["a", "b", "a,b"]), { nil: undefined, freq: 2 }),
}) as fc.Arbitrary<Policy>;
const histories = fc.array(
  fc.record({
    time: fc.oneof(
      fc.integer({ min: NOW - 3 * DAY, max: NOW + DAY }),
      fc.integer({ min: NOW - 60 * DAY, max: NOW }),
      fc.integer({ min: NOW - 1500 * DAY, max: NOW }),
    ).map((ms) => new Date(ms).toISOString()),
    offsetMinutes: fc.constantFrom(-210, 0, 60, 120, 720),
    host: fc.constantFrom("nas", "pc"),
    name: fc.constantFrom("photos", "music"),
    tags: fc.oneof({ weight: 9, arbitrary: fc.subarray(["a", "b", "c"]) }, {
      weight: 1,
      arbitrary: fc.constant(["pinned"]),
    }),
    complete: fc.boolean(),
  }),
  { maxLength: 40 },
);

Deno.test("decide() keeps what a plain model keeps, whatever the clocks said", () => {
  fc.assert(
    fc.property(histories, policies, fc.boolean(), (history, policy, inOrder) => {
      const ordered = inOrder ? history.toSorted((a, b) => a.time < b.time ? -1 : 1) : history;
      const snapshots = ordered.map((snapshot, index) => ({ ...snapshot, sequence: index + 1 }));
      const series = decide(snapshots, policy, NOW);
      deepStrictEqual(
        series.flatMap(({ decisions }) => decisions.map(({ snapshot }) => snapshot.sequence)).sort((a, b) => a - b),
        snapshots.map(({ sequence }) => sequence),
      );
      for (const { host, name, decisions } of series) {
        const members = snapshots.filter((snapshot) => snapshot.host === host && snapshot.name === name);
        const kept = decisions.filter(({ keep }) => keep);
        deepStrictEqual(new Set(kept.map(({ snapshot }) => snapshot.sequence)), modelKeeps(members, policy));
        ok(kept.length > 0 && kept.every(({ reasons }) => reasons.length > 0));
      }
    }),
    { numRuns: 500 },
  );
});

Deno.test("dispensable() gives what is kept, oldest first, but for pins and the newest of each series", () => {
  fc.assert(fc.property(histories, policies, (history, policy) => {
    const snapshots = history.map((one, index) => ({ ...one, sequence: index + 1 }));
    const decided = decide(snapshots, policy, NOW), given = dispensable(decided);
    const kept = decided.flatMap(({ decisions }) => decisions).filter(({ keep }) => keep).map(({ snapshot }) =>
      snapshot
    );
    const plain = kept.filter((snapshot) => {
      const isNewer = (other: Candidate) =>
        other.host === snapshot.host && other.name === snapshot.name &&
        other.complete && other.sequence > snapshot.sequence;
      return snapshot.complete && !snapshot.tags.includes("pinned") && kept.some(isNewer);
    });
    deepStrictEqual(new Set(given), new Set(plain));
    const times = given.map(({ time }) => Date.parse(time));
    deepStrictEqual(times, times.toSorted((a, b) => a - b));
  }));
});

Deno.test("a policy that only wants free space keeps all", () => {
  const snapshots = [1, 2, 3].map((n) => candidate(n, `2026-11-20T0${n}:00:00.000Z`));
  deepStrictEqual(told(snapshots, { free: "50G" }), { 1: "free 50G", 2: "free 50G", 3: "free 50G" });
  deepStrictEqual(told(snapshots, { free: "50G", last: 1 }), { 1: "-", 2: "-", 3: "last 1" });
});
