import { deepStrictEqual, ok, strictEqual, throws } from "node:assert/strict";
import { createHash } from "node:crypto";
import { gzipSync } from "node:zlib";
import {
  change,
  DATA_SETS,
  type DataSet,
  fillText,
  generate,
  pathOf,
  quick,
  randomFrom,
  sizesOf,
} from "../../scripts/bench/data.ts";
import { RequestReader } from "../../scripts/bench/request_counter.ts";
import { detailedCellText, median, renderTable, type Result, summarize } from "../../scripts/bench/table.ts";
import { OWN, PEERS, VAULT, WORKS } from "../../scripts/bench/works.ts";

const SMALL: DataSet = { name: "t", title: "test", files: 250, bytes: 100_000, spread: 1.5, filesPerDirectory: 10 };

/** Digest of every file of a data set, by index. */
function digests(set: DataSet, directory: string): string[] {
  return Array.from({ length: set.files }, (_, index) => {
    const bytes = Deno.readFileSync(`${directory}/${pathOf(set, index)}`);
    return createHash("sha256").update(bytes).digest("hex");
  });
}

for (const set of [...DATA_SETS, ...DATA_SETS.map(quick)]) {
  Deno.test(`sizesOf() makes ${set.title}: the promised number and sum`, () => {
    const sizes = sizesOf(set, randomFrom(1));
    strictEqual(sizes.length, set.files);
    strictEqual(sizes.reduce((sum, size) => sum + size, 0), set.bytes);
    ok(sizes.every((size) => size >= 0));
  });
}

Deno.test("sizesOf() spreads the sizes of small files: the median is far below the mean", () => {
  const set = DATA_SETS[0]!;
  const sizes = sizesOf(set, randomFrom(1));
  const middle = median(sizes), mean = set.bytes / set.files;
  ok(middle < mean / 3 && middle > mean / 8, `median ${middle}, mean ${mean}`);
});

Deno.test("generate() makes the same files on every machine, all of them different", () => {
  const one = Deno.makeTempDirSync(), two = Deno.makeTempDirSync();
  try {
    generate(SMALL, one);
    generate(SMALL, two);
    const first = digests(SMALL, one);
    deepStrictEqual(first, digests(SMALL, two));
    strictEqual(new Set(first).size, SMALL.files);
    strictEqual(
      createHash("sha256").update(first.join()).digest("hex"),
      "a9c292e7d0819d96448883a8bce7b2593d709557f68bc43fcefe041c02345532",
    );
  } finally {
    Deno.removeSync(one, { recursive: true });
    Deno.removeSync(two, { recursive: true });
  }
});

for (
  const { title, set, expected } of [
    { title: "every hundredth file", set: SMALL, expected: [0, 100, 200] },
    { title: "a part of each of a few large files", set: { ...SMALL, files: 4, spread: 0 }, expected: [0, 1, 2, 3] },
  ]
) {
  Deno.test(`change() changes ${title}, keeps sizes, and never the same way twice`, () => {
    const directory = Deno.makeTempDirSync();
    try {
      generate(set, directory);
      const states = [digests(set, directory)];
      for (const generation of [1, 2]) {
        change(set, directory, generation);
        states.push(digests(set, directory));
      }
      for (const [before, after] of [[0, 1], [1, 2], [0, 2]] as const) {
        const changed = states[before]!.flatMap((digest, i) => digest === states[after]![i] ? [] : [i]);
        deepStrictEqual(changed, expected);
      }
      const sizes = expected.map((i) => Deno.statSync(`${directory}/${pathOf(set, i)}`).size);
      const original = sizesOf(set, randomFrom(1));
      deepStrictEqual(sizes, expected.map((i) => original[i]));
    } finally {
      Deno.removeSync(directory, { recursive: true });
    }
  });
}

Deno.test("change() leaves what files begin with: no backup takes a changed file for one that was encrypted", () => {
  const directory = Deno.makeTempDirSync();
  try {
    generate(SMALL, directory);
    const beginnings = () =>
      [0, 100, 200].map((i) => [...Deno.readFileSync(`${directory}/${pathOf(SMALL, i)}`).subarray(0, 4)]);
    const before = beginnings();
    change(SMALL, directory, 1);
    deepStrictEqual(beginnings(), before);
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
});

Deno.test("median() takes the middle, or the mean of two", () => {
  strictEqual(median([3]), 3);
  strictEqual(median([9, 1, 5]), 5);
  strictEqual(median([4, 1, 3, 2]), 2.5);
  throws(() => median([]), RangeError);
});

function result(work: string, peer: string, seconds: number[], peakBytes: number[] = []): Result {
  return { data: "files", work, peer, command: peer, seconds, peakBytes, cpuSeconds: [], storedBytes: [] };
}

Deno.test("summarize() divides our median by the peer's, work by work", () => {
  const summaries = summarize([
    result("first", OWN, [1, 9, 2]),
    result("first", "cp", [4, 4, 40]),
    result("check", "cp", [4]),
  ], OWN);
  deepStrictEqual(summaries.map(({ medianSeconds, ratio }) => [medianSeconds, ratio]), [
    [2, undefined],
    [4, 0.5],
    [4, undefined],
  ]);
});

Deno.test("renderTable() has a row for each work and a column for each peer", () => {
  const table = renderTable(summarize([
    result("first", OWN, [0.8], [120e6]),
    result("first", "cp", [2.03], [3e6]),
    result("check", OWN, [12.34]),
  ], OWN));
  strictEqual(
    table,
    [
      "| work         | backup-tool    | cp                 |",
      "| ------------ | -------------- | ------------------ |",
      "| first: files | 0.80 s, 120 MB | 2.0 s, 3 MB, x0.39 |",
      "| check: files | 12.3 s         |                    |",
    ].join("\n"),
  );
});

Deno.test("detailedCellText() compares the processors' time and what is stored, too", () => {
  const vault = { ...result("first", VAULT, [1], [90e6]), cpuSeconds: [1.5], storedBytes: [9e6] };
  const peer = { ...result("first", "restic", [4], [80e6]), cpuSeconds: [3], storedBytes: [10e6] };
  deepStrictEqual(summarize([vault, peer], VAULT).map(detailedCellText), [
    "1.0 s, 90 MB, CPU 1.5 s, 9.0 MB stored",
    "4.0 s, 80 MB, x0.25, CPU 3.0 s (x0.50), 10.0 MB stored (x0.90)",
  ]);
});

Deno.test("fillText() makes the same words each time, which compress to a third or less", () => {
  const one = new Uint8Array(100_000), two = new Uint8Array(100_000);
  fillText(one, 7);
  fillText(two, 7);
  deepStrictEqual(one, two);
  ok(!one.includes(0));
  const packed = gzipSync(one).length;
  ok(packed > one.length / 8 && packed < one.length / 2.5, `${packed}`);
});

Deno.test("pathOf() puts a file below as many directories as the set says, none of them with too much", () => {
  for (const set of DATA_SETS) {
    const inside = new Map<string, Set<string>>();
    for (let index = 0; index < set.files; index += set.filesPerDirectory) {
      const parts = pathOf(set, index).split("/");
      strictEqual(parts.length, 1 + (set.levels ?? 2));
      for (let depth = 1; depth <= parts.length; depth++) {
        const above = parts.slice(0, depth - 1).join("/");
        if (!inside.has(above)) inside.set(above, new Set());
        inside.get(above)!.add(parts[depth - 1]!);
      }
    }
    const most = Math.max(...[...inside.values()].map((names) => names.size));
    ok(most <= 60, `${set.name}: ${most}`);
  }
});

Deno.test("change() changes pages all over a database: a hundredth of it, and never the beginning", () => {
  const directory = Deno.makeTempDirSync(), page = 64, pages = 5_000;
  const set: DataSet = {
    ...{ name: "t", title: "test", files: 1, bytes: page * pages, spread: 0, filesPerDirectory: 1 },
    changedBytes: page,
  };
  try {
    generate(set, directory);
    const path = `${directory}/${pathOf(set, 0)}`, before = Deno.readFileSync(path);
    change(set, directory, 1);
    const after = Deno.readFileSync(path);
    strictEqual(after.length, before.length);
    const changed = Array.from({ length: pages }, (_, i) => i).filter((i) =>
      after.subarray(i * page, (i + 1) * page).some((byte, at) => byte !== before[i * page + at])
    );
    strictEqual(changed.length, pages / 100);
    ok(
      changed[0]! > 0 && changed.at(-1)! > pages * 0.9 && changed.every((at, i) => i === 0 || at > changed[i - 1]! + 1),
    );
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
});

Deno.test("every work has this tool and at least one peer, all of them known", () => {
  const known = PEERS.map(({ name }) => name);
  for (const { steps } of WORKS) {
    const names = Object.keys(steps);
    ok(names.includes(OWN) && names.length > 1);
    deepStrictEqual(names.filter((name) => !known.includes(name)), []);
  }
});

Deno.test("this tool is told what its command line understands", () => {
  const oneFile = pathOf(SMALL, 0);
  const places = { source: "/src", oneFile, store: "/st", target: "/to", tool: ["backup-tool"], floor: "floor" };
  const told = WORKS.map(({ steps }) => steps[OWN]!(places).argv.join(" "));
  deepStrictEqual(told, [
    "backup-tool backup -s /st/storage /src",
    "backup-tool backup -s /st/storage /src",
    "backup-tool backup -s /st/storage --no-tree /src",
    "backup-tool backup -s /st/storage /src",
    "backup-tool restore -s /st/storage latest --target /to",
    "backup-tool restore -s /st/storage latest /00/00/file-0.dat --target /to",
    "backup-tool check -s /st/storage --read-data",
    "backup-tool forget -s /st/storage --keep-last 1 --prune",
  ]);
});

Deno.test("requests are counted however they are cut, and whatever is in their bodies", () => {
  const body = "GET /no HTTP/1.1\r\n\r\n";
  const text = "GET /a HTTP/1.1\r\nHost: x\r\n\r\n" +
    `PUT /b HTTP/1.1\r\nContent-Length: ${body.length}\r\n\r\n${body}` +
    "HEAD /c HTTP/1.1\r\nContent-Length: 0\r\n\r\nDELETE /d HTTP/1.1\r\n\r\n";
  const bytes = new TextEncoder().encode(text);
  for (const length of [1, 2, 7, bytes.length]) {
    const methods: string[] = [], reader = new RequestReader((method) => void methods.push(method));
    for (let at = 0; at < bytes.length; at += length) reader.read(bytes.subarray(at, at + length));
    deepStrictEqual(methods, ["GET", "PUT", "HEAD", "DELETE"], `${length}`);
  }
});
