/** Directories as places: what is on the disk, and what a killed writer leaves. */
import { deepStrictEqual, ok, rejects, strictEqual, throws } from "node:assert/strict";
import { BadUsage } from "../../src/core/fault.ts";
import { rawOf, textOf } from "../../src/core/raw.ts";
import { type Backend, CONFIG, objectKey } from "../../src/backend/backend.ts";
import { schemeOf } from "../../src/backend/location.ts";
import { openBackend } from "../../src/backend/open.ts";
import { openFileBackend } from "../../src/backend/file.ts";
import type { Disk } from "../../src/platform/disk.ts";
import { DiskFault } from "../../src/platform/disk.ts";
import { openDisk } from "../../src/platform/open_disk.ts";
import { openPortableDisk } from "../../src/platform/portable_disk.ts";
import { systemClock } from "../../src/platform/system_clock.ts";
import { CuttingDisk } from "../support/cutting_disk.ts";
import { hookedDisk } from "../support/hooked_disk.ts";
import { noise, random, sha256 } from "../support/units.ts";

const BYTES = noise(2_500_000, 1), KEY = objectKey("data", sha256(BYTES));
const real = openDisk();

async function inPlace(check: (path: string, open: (disk?: Disk) => Backend) => Promise<void>): Promise<void> {
  const path = Deno.makeTempDirSync();
  try {
    await check(path, (disk = real) => openFileBackend(rawOf(path), { disk, random }));
  } finally {
    Deno.removeSync(path, { recursive: true });
  }
}

Deno.test("An object lies where rest-server puts it, and nobody may write to it", () =>
  inPlace(async (path, open) => {
    await using backend = open();
    await backend.put(KEY, BYTES);
    await backend.put(objectKey("index", sha256(BYTES)), BYTES);
    await backend.put(CONFIG, BYTES);
    const name = sha256(BYTES), places = [`data/${name.slice(0, 2)}/${name}`, `index/${name}`, "config"];
    for (const place of places) {
      strictEqual(sha256(Deno.readFileSync(`${path}/${place}`)), name);
      strictEqual(Deno.statSync(`${path}/${place}`).mode! & 0o777, 0o400);
    }
    strictEqual(Deno.statSync(`${path}/data`).mode! & 0o777, 0o700);
    deepStrictEqual([...Deno.readDirSync(path)].map(({ name }) => name).sort(), ["config", "data", "index"]);
  }));

for (const [name, disk] of [["with FFI", real], ["without", openPortableDisk()]] as const) {
  Deno.test(`Bytes come into memory that is given, which threads may share (${name})`, () =>
    inPlace(async (_, open) => {
      await using backend = open(disk);
      await backend.put(KEY, BYTES);
      for (const into of [new Uint8Array(3_000_000), new Uint8Array(new SharedArrayBuffer(3_000_000))]) {
        const got = await backend.get(KEY, { range: { from: 1000, length: 2_000_000 }, into });
        strictEqual(got.buffer, into.buffer);
        strictEqual(sha256(got.slice()), sha256(BYTES.subarray(1000, 2_001_000)));
        await rejects(backend.get(KEY, { range: { from: 1000, length: BYTES.length }, into }), {
          code: "short-object",
        });
      }
    }));
}

Deno.test("A directory that is not there is a fault, unless it is to be made", async () => {
  const path = Deno.makeTempDirSync(), missing = rawOf(`${path}/a/b`);
  try {
    throws(() => openFileBackend(missing, { disk: real, random }), DiskFault);
    await using backend = openFileBackend(missing, { disk: real, random, create: true });
    strictEqual(await backend.put(KEY, BYTES), "stored");
  } finally {
    Deno.removeSync(path, { recursive: true });
  }
});

Deno.test("A writer that is cut at any change leaves a whole object or none, and the next one stores it", async () => {
  for (let cut = 0, finished = false; !finished; cut++) {
    await inPlace(async (path, open) => {
      await using dying = open(new CuttingDisk(real, cut).disk);
      finished = await dying.put(KEY, BYTES).then(() => true, () => false);
      await using backend = open();
      const size = await backend.head(KEY);
      ok(size === undefined || size === BYTES.length, `cut ${cut}: ${size}`);
      if (finished || size !== undefined) strictEqual(sha256(await backend.get(KEY)), sha256(BYTES));
      strictEqual((await Array.fromAsync(backend.list("data"))).length, size === undefined ? 0 : 1);
      strictEqual(await backend.put(KEY, BYTES), size === undefined ? "stored" : "there");
      await backend.removeLeftovers(await backend.now() + 60_000);
      const files = [...Deno.readDirSync(`${path}/data/${sha256(BYTES).slice(0, 2)}`)].map(({ name }) => name);
      deepStrictEqual(files, [sha256(BYTES)]);
    });
    ok(cut < 100);
  }
});

Deno.test("An object is told to be stored only after its bytes, its name and its directories were synced", () =>
  inPlace(async (_, open) => {
    const order: string[] = [];
    const noted = new Set(["mkdir", "write", "sync", "link", "unlink"]);
    const disk = hookedDisk(real, ({ operation, path }, proceed) => {
      if (noted.has(operation)) order.push(`${operation} ${path.includes(".tmp-") ? "file" : "directory"}`);
      return proceed();
    });
    await using backend = open(disk);
    await backend.put(KEY, BYTES);
    deepStrictEqual(order.filter((step, i) => step !== order[i - 1]), [
      "mkdir directory",
      "sync directory",
      "mkdir directory",
      "sync directory",
      "write file",
      "sync file",
      "link file",
      "sync directory",
      "unlink file",
    ]);
  }));

Deno.test("On a file system without hard links an object is stored, and never replaced", () =>
  inPlace(async (_, open) => {
    const disk = hookedDisk(real, ({ operation }, proceed) => operation === "link" ? "refused" : proceed());
    await using backend = open(disk);
    strictEqual(await backend.put(KEY, BYTES), "stored");
    strictEqual(await backend.put(KEY, BYTES), "there");
    strictEqual(sha256(await backend.get(KEY)), sha256(BYTES));
  }));

/** Makes the file of a body where the place says. */
function staged(disk: Disk, backend: Backend, bytes: Uint8Array<ArrayBuffer>) {
  const { directory, name } = backend.stage!()!;
  using dir = disk.openDir(directory);
  using file = dir.create(name, 0o400)!;
  file.write(bytes, 0);
  file.sync();
  const read = (into: Uint8Array<ArrayBuffer>, position: number) => {
    using dir = disk.openDir(directory);
    using file = dir.open(name)!;
    return file.read(into, position);
  };
  return { path: `${textOf(directory)}/${textOf(name)}`, body: { size: bytes.length, read, staged: name } };
}

const REFUSALS = {
  "is linked to its name": [],
  "is renamed where there are no hard links": ["link"],
  "is copied into another file system": ["link", "rename"],
} as const;
for (const [how, refused] of Object.entries(REFUSALS)) {
  Deno.test(`A file that was made in the place ${how}, once it is put`, () =>
    inPlace(async (path, open) => {
      const disk = hookedDisk(real, ({ operation, path: place }, proceed) => {
        const isStaged = place.startsWith(`${path}/.tmp-`);
        if (!refused.some((each) => each === operation) || !isStaged) return proceed();
        if (operation === "link") return "refused";
        throw new DiskFault("EXDEV", operation, rawOf(place));
      });
      await using backend = open(disk);
      const { path: temporary, body } = staged(real, backend, BYTES);
      strictEqual(await backend.put(KEY, body), "stored");
      strictEqual(await backend.put(KEY, body), "there");
      await rejects(backend.put(KEY, { ...body, size: 1 }), { code: "object-taken" });
      if (!how.startsWith("is renamed")) Deno.removeSync(temporary);
      strictEqual(sha256(await backend.get(KEY)), sha256(BYTES));
      deepStrictEqual([...Deno.readDirSync(path)].map(({ name }) => name), ["data"]);
    }));
}

Deno.test("A file that was made in the place and has gone, or has another size, is no object", () =>
  inPlace(async (_, open) => {
    await using backend = open();
    const { path, body } = staged(real, backend, BYTES);
    await rejects(backend.put(KEY, { ...body, size: body.size + 1 }), /instead of/);
    Deno.removeSync(path);
    await rejects(backend.put(KEY, body), { code: "disk", errno: "ENOENT" });
    strictEqual(await backend.head(KEY), undefined);
  }));

Deno.test("Files that killed programs have made in the place are removed after a week, by the next that does", () =>
  inPlace(async (path, open) => {
    const days = { young: 6, old: 8 };
    for (const [name, age] of Object.entries(days)) {
      Deno.writeTextFileSync(`${path}/.tmp-${name}`, "");
      const then = new Date(Date.now() - age * 24 * 3_600_000);
      Deno.utimeSync(`${path}/.tmp-${name}`, then, then);
    }
    await using backend = open();
    backend.stage!();
    deepStrictEqual([...Deno.readDirSync(path)].map(({ name }) => name), [".tmp-young"]);
  }));

Deno.test("openBackend() takes paths for directories, and knows no place that there is not", async () => {
  const path = Deno.makeTempDirSync();
  try {
    for (const location of [path, `file:${path}`, `file://${path}`, `${path}/new`]) {
      await using backend = await openBackend(location, { disk: real, random, clock: systemClock, create: true });
      strictEqual(backend.location, location.replace(/^file:(\/\/)?/, ""));
    }
    await rejects(openBackend(`${path}/missing`, { disk: real, random, clock: systemClock }), DiskFault);
    for (const location of ["s3:https://example.net", "mem:", "x-y:z"]) {
      ok(schemeOf(location) !== undefined);
      await rejects(openBackend(location, { disk: real, random, clock: systemClock, create: true }), BadUsage);
    }
    for (const path of ["C:/vault", "./a:b", "/a:b"]) strictEqual(schemeOf(path), undefined);
  } finally {
    Deno.removeSync(path, { recursive: true });
  }
});
