/**
 * A vault with any number of items, on a server in this process that counts requests and takes its time. What is in its
 * data units nobody can read, and nobody needs to: they are in its lists alone.
 */
import { createHash, hash } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { parseApath } from "../../src/core/apath.ts";
import { type HunkId, hunkIdOf, knownContentId } from "../../src/core/content_id.ts";
import type { Entry } from "../../src/core/entry.ts";
import { encodeEntry } from "../../src/snapshot/entry_line.ts";
import { encodeHunk, type HunkRef } from "../../src/snapshot/hunk.ts";
import { encodeRoot } from "../../src/snapshot/root.ts";
import { prune } from "../../src/operations/forget/prune.ts";
import { openVault } from "../../src/vault/vault.ts";
import { rawOf } from "../../src/core/raw.ts";
import { initVault, unlockVault } from "../../src/vault/access.ts";
import { encodeIndex, type UnitLine } from "../../src/vault/index/index_object.ts";
import { encodeSnapshot } from "../../src/vault/index/snapshot_object.ts";
import { hunkName } from "../../src/vault/pack/tar_names.ts";
import { type NewItem, OWN_FIELDS } from "../../src/vault/pack/unit_writer.ts";
import { SealedObjects } from "../../src/vault/store/sealed_objects.ts";
import { openPlace } from "./remote_place.ts";
import { restServer } from "./rest_server.ts";
import { putUnit } from "./two_levels.ts";
import { random } from "./units.ts";
import { TestMonitor, World } from "./world.ts";

const PASSPHRASE = "four random words";
const ITEMS_OF_UNIT = 500, ITEM_BYTES = 30_000, FRAME_ITEMS = 20;
/** What writers put into one object. */
const MOST_INDEX_ITEMS = 200_000;
const FILES_OF_HUNK = 4096, HUNKS_OF_UNIT = 64;

export interface HugeVault extends AsyncDisposable {
  readonly location: string;
  /** Of contents that the snapshot needs; a hundredth more is there that nothing needs. */
  readonly needed: number;
  readonly hunks: number;
  readonly indexObjects: number;
  /** Requests since the last time, by kind: "GET index". */
  counts(): Readonly<Record<string, number>>;
}

/** @param items how many contents there are @param latencyMs of each request */
export async function hugeVault(world: World, items: number, latencyMs: number): Promise<HugeVault> {
  const listed: { readonly name: string; readonly size: number }[] = [], counts = new Map<string, number>();
  let isMade = false;
  const server = restServer(undefined, async (request) => {
    if (!isMade) return undefined;
    const { pathname } = new URL(request.url), [, kind = ""] = pathname.split("/");
    const what = `${request.method === "GET" && pathname.endsWith("/") ? "LIST" : request.method} ${kind}`;
    counts.set(what, (counts.get(what) ?? 0) + 1);
    await sleep(latencyMs);
    if (what !== "LIST data") return undefined;
    const real = [...server.objects].filter(([key]) => key.startsWith("/data/"));
    const metas = real.map(([key, { length }]) => ({ name: key.slice("/data/".length), size: length }));
    return Response.json([...metas, ...listed], { headers: { "content-type": "application/vnd.x.restic.rest.v2" } });
  });
  const location = `rest:http://127.0.0.1:${server.port}/`;
  await using backend = await openPlace(location);
  await initVault(backend, world.machine, { passphrase: PASSPHRASE, workFactor: 1 });
  const access = await unlockVault(backend, { kind: "passphrase", passphrase: PASSPHRASE });
  const objects = new SealedObjects(backend, access, random);
  const needed = Math.floor(items * 0.99);
  const indexObjects = await putIndex(objects, dataLines(items, ({ unit, size }) => listed.push({ name: unit, size })));
  const hunks = await putSnapshot(objects, needed);
  isMade = true;
  return {
    location,
    needed,
    hunks,
    indexObjects: indexObjects + 1,
    counts: () => {
      const found = Object.fromEntries(counts);
      counts.clear();
      return found;
    },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]().then(() => {}),
  };
}

export interface Planned {
  /** Contents that nothing needs. */
  readonly unneeded: number;
  readonly needed: number;
  /** Of the index, and of the plan. */
  readonly seconds: readonly number[];
}

/** As a program does that meets the vault, and then thinks about removing what nothing needs. @param state its directory */
export async function loadAndPlan(location: string, state: string): Promise<Planned> {
  using world = new World({ inMemory: true });
  const backend = await openPlace(location, {}, { create: false }), start = performance.now();
  const access = await unlockVault(backend, { kind: "passphrase", passphrase: PASSPHRASE });
  const machine = { ...world.machine, state: [rawOf(state)] }, monitor = new TestMonitor();
  await using vault = await openVault(backend, access, { machine, monitor, host: "testhost" });
  const loaded = performance.now(), { signal } = new AbortController();
  const pace = { graceMs: 0, keepUnusedMs: 0, unsafe: true };
  const plan = await prune(vault, { dryRun: true, pace, workers: 0, signal }, () => {}, monitor);
  const seconds = [loaded - start, performance.now() - loaded].map((ms) => Math.round(ms) / 1000);
  return { unneeded: plan.contents, needed: plan.neededItems, seconds };
}

function contentOf(number: number): string {
  return hash("sha256", `content ${number}`, "hex");
}

function* dataLines(items: number, onLine: (line: UnitLine) => void): Generator<UnitLine> {
  const head = new Uint8Array(184);
  for (let from = 0; from < items; from += ITEMS_OF_UNIT) {
    const count = Math.min(ITEMS_OF_UNIT, items - from), frames = Math.ceil(count / FRAME_ITEMS);
    const frameBytes = FRAME_ITEMS * ITEM_BYTES;
    const line: UnitLine = {
      unit: hash("sha256", `unit ${from}`, "hex"),
      unitClass: "data",
      size: frames * frameBytes + 10_000,
      head,
      frames: Array.from({ length: frames }, (_, i) => ({
        from: i * frameBytes,
        length: frameBytes,
        plainBytes: frameBytes,
      })),
      items: Array.from({ length: count }, (_, i) => ({
        id: contentOf(from + i),
        frame: Math.floor(i / FRAME_ITEMS),
        at: (i % FRAME_ITEMS) * ITEM_BYTES,
        size: ITEM_BYTES - 1000,
      })),
    };
    onLine(line);
    yield line;
  }
}

async function putIndex(objects: SealedObjects, lines: Iterable<UnitLine>): Promise<number> {
  let units: UnitLine[] = [], count = 0, stored = 0;
  const store = async () => {
    if (units.length === 0) return;
    const head = { vault: objects.access.config.id, host: "host", written: "2026-11-20T22:06:02Z", supersedes: [] };
    await objects.put("index", encodeIndex({ kind: "units", ...head, units }, objects.auth));
    [units, count] = [[], 0];
    stored++;
  };
  for (const line of lines) {
    if (count + line.items.length > MOST_INDEX_ITEMS) await store();
    units.push(line);
    count += line.items.length;
  }
  await store();
  return stored;
}

/** @returns how many hunks it has */
async function putSnapshot(objects: SealedObjects, files: number): Promise<number> {
  const refs: HunkRef[] = [], lines: UnitLine[] = [];
  let items = new Map<string, NewItem>();
  const store = async () => {
    if (items.size > 0) lines.push(await putUnit(objects, "meta", { items, copies: [] }));
    items = new Map();
  };
  for (let from = 0; from < files; from += FILES_OF_HUNK) {
    const { ref, bytes } = hunkOf(from, Math.min(FILES_OF_HUNK, files - from));
    refs.push(ref);
    items.set(ref.id, { id: ref.id, name: hunkName(ref.id), fields: OWN_FIELDS, bytes, lane: "raw" });
    if (items.size === HUNKS_OF_UNIT) await store();
  }
  await store();
  await putIndex(objects, lines);
  await objects.put("snapshots", encodeSnapshot(new TextEncoder().encode(rootOf(refs, files)), objects.auth));
  return refs.length;
}

function hunkOf(from: number, count: number): { readonly ref: HunkRef; readonly bytes: Uint8Array<ArrayBuffer> } {
  const lines = Array.from({ length: count }, (_, i) => encodeEntry(entryOf(from + i)));
  const bytes = encodeHunk(lines), id: HunkId = hunkIdOf(createHash("sha256").update(bytes).digest("hex"));
  return { ref: { first: entryOf(from).path, count, id }, bytes };
}

function entryOf(number: number): Entry {
  const path = parseApath(`/${String(number).padStart(9, "0")}`);
  const content = knownContentId(contentOf(number));
  return { path, kind: "file", size: ITEM_BYTES - 1000, mtime: "0", mode: 0o644, uid: 0, gid: 0, content };
}

function rootOf(hunks: readonly HunkRef[], files: number): string {
  const start = "2026-11-20T22:06:02.000Z";
  return encodeRoot({
    version: 1,
    storage: { id: "8fe2467d-f123-4159-837f-236fab4da903", algorithm: "sha256", hexSplit: [2] },
    sequence: 1,
    previous: null,
    start,
    end: start,
    timeZone: "UTC",
    offsetMinutes: 0,
    tree: null,
    private: false,
    host: "host",
    user: "me",
    name: "huge",
    sources: [],
    excludes: [],
    tags: [],
    complete: true,
    totals: { entries: files, files, dirs: 0, bytes: files * ITEM_BYTES, problems: 0 },
    tool: "test",
    hunks,
  });
}
