/** Memory and directories keep the contract, with every decorator around them; bad backends are found out. */
import { ok } from "node:assert/strict";
import { rawOf } from "../../src/core/raw.ts";
import type { Backend } from "../../src/backend/backend.ts";
import { checked } from "../../src/backend/checked.ts";
import { counting } from "../../src/backend/counting.ts";
import { around } from "../../src/backend/decorator.ts";
import { MissingObject } from "../../src/backend/faults.ts";
import { faulty } from "../../src/backend/faulty.ts";
import { openFileBackend } from "../../src/backend/file.ts";
import { limited } from "../../src/backend/limited.ts";
import { MemoryObjects, openMemory } from "../../src/backend/memory.ts";
import { retrying } from "../../src/backend/retrying.ts";
import { openDisk } from "../../src/platform/open_disk.ts";
import { openPortableDisk } from "../../src/platform/portable_disk.ts";
import type { Disk } from "../../src/platform/disk.ts";
import { BACKEND_RULES, backendContract, type BackendPlace } from "../contract/backend_contract.ts";
import { random } from "../support/units.ts";

const noSleep = () => Promise.resolve();

function memoryPlace(decorate: (backend: Backend) => Backend = (backend) => backend): BackendPlace {
  const objects = new MemoryObjects();
  let now = 1_700_000_000_000;
  return {
    open: () => Promise.resolve(decorate(openMemory(objects, () => now++))),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

function filePlace(disk: Disk, decorate: (backend: Backend) => Backend = (backend) => backend): BackendPlace {
  const path = Deno.makeTempDirSync();
  return {
    open: () => Promise.resolve(decorate(openFileBackend(rawOf(`${path}/vault`), { disk, random, create: true }))),
    litter() {
      Deno.mkdirSync(`${path}/vault/index`, { recursive: true });
      Deno.writeTextFileSync(`${path}/vault/index/.tmp-0123`, "half");
      Deno.writeTextFileSync(`${path}/vault/index/notes.txt`, "not ours");
      Deno.mkdirSync(`${path}/vault/index/${"a".repeat(64)}`);
      Deno.writeTextFileSync(`${path}/vault/data/${"b".repeat(64)}`, "not where it belongs");
      Deno.mkdirSync(`${path}/vault/data/lost+found`);
      Deno.mkdirSync(`${path}/vault/data/ff`, { recursive: true });
      Deno.writeTextFileSync(`${path}/vault/data/ff/${"b".repeat(64)}`, "not where it belongs");
    },
    [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }),
  };
}

const clock = { nowMs: () => 0 };

/** One around the other. What a place fails at is tried again, and nobody notices. */
function decorated(inner: Backend): Backend {
  // The second try of a `put` whose answer was lost says "there", rightly, which some rules would not expect.
  const unreliable = faulty(inner, ({ number, verb }) => {
    if (number % 3 === 0) return "before";
    return number % 3 === 1 && verb !== "put" ? "after" : undefined;
  });
  return counting(checked(limited(retrying(unreliable, { sleep: noSleep, random }), { clock, sleep: noSleep })))
    .backend;
}

backendContract("memory", memoryPlace);
backendContract("file", () => filePlace(openDisk()));
backendContract("file without FFI", () => filePlace(openPortableDisk()));
backendContract("memory, with everything around it", () => memoryPlace(decorated));
backendContract(
  "file, counted, checked and limited",
  () => filePlace(openDisk(), (inner) => counting(checked(limited(inner, { clock, sleep: noSleep }))).backend),
);

/** Each of them does one thing wrong. */
const BAD: Readonly<Record<string, (inner: Backend) => Backend>> = {
  "replaces what is there": (inner) =>
    around(inner, {
      async put(key, body, options) {
        await inner.remove(key);
        return await inner.put(key, body, options);
      },
    }),
  "gives what there is of a range": (inner) =>
    around(inner, {
      get: async (key, { range } = {}) => {
        const bytes = await inner.get(key);
        return range === undefined ? bytes : bytes.slice(range.from, range.from + range.length);
      },
    }),
  "gives nothing for what is missing": (inner) =>
    around(inner, {
      get: (key, options) =>
        inner.get(key, options).catch((error) => {
          if (error instanceof MissingObject) return new Uint8Array(0);
          throw error;
        }),
    }),
  "cuts lists": (inner) =>
    around(inner, {
      async *list(kind, signal) {
        let count = 0;
        for await (const each of inner.list(kind, signal)) if (count++ < 50) yield each;
      },
    }),
  "lists what it remembers": (inner) => {
    const known: Record<string, Promise<readonly { name: string; size: number }[]>> = {};
    return around(inner, {
      async *list(kind) {
        yield* await (known[kind] ??= Array.fromAsync(inner.list(kind)));
      },
    });
  },
  "goes on after an abort": (inner) => around(inner, { put: (key, body) => inner.put(key, body) }),
  "fails at removing twice": (inner) =>
    around(inner, {
      async remove(key) {
        await inner.get(key);
        await inner.remove(key);
      },
    }),
  "takes anything for its own": (inner) =>
    around(inner, {
      async put(key, body, options) {
        return await inner.head(key) === undefined ? await inner.put(key, body, options) : "there";
      },
    }),
  "says stored twice": (inner) =>
    around(inner, {
      async put(key, body, options) {
        await inner.put(key, body, options);
        return "stored";
      },
    }),
};

for (const [what, spoil] of Object.entries(BAD)) {
  Deno.test(`The contract finds out a backend that ${what}`, async () => {
    const broken: string[] = [];
    for (const { title, check } of BACKEND_RULES) {
      await using place = memoryPlace(spoil);
      await check(place).catch(() => broken.push(title));
    }
    ok(broken.length > 0 && broken.length < BACKEND_RULES.length, broken.join("; "));
  });
}
