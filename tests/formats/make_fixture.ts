/**
 * Made the archives in fixtures/, each with a storage and copies of the sources of its snapshots. Run as root:
 *
 *   deno run -A tests/formats/make_fixture.ts sha256 out.tar
 *
 * A fixture is frozen: it shows what the tool of its time wrote, and is never made again. Of a new format there will be
 * new ones.
 */
import type { Algorithm } from "../../src/core/digest.ts";
import { rawOf } from "../../src/core/raw.ts";
import { backup } from "../../src/operations/backup/backup.ts";
import type { Machine } from "../../src/platform/machine.ts";
import { openDisk } from "../../src/platform/open_disk.ts";
import { initStorage } from "../../src/storage/layout/init.ts";
import { openStorage } from "../../src/storage/storage.ts";
import { collidingPair } from "../support/collision.ts";
import { run, TestClock, TestMonitor } from "../support/world.ts";

/** In roots as the path of the source: always the same. */
const BASE = "/tmp/backup-tool-fixture";
const SOURCE = `${BASE}/source`;
const STORAGE = `${BASE}/storage`;
const SPLITS: Partial<Record<Algorithm, readonly number[]>> = { sha256: [2], md5: [1, 1] };
/** More than 256, so that a hunk is complete when the run is interrupted. */
const MORE_FILES = 1500;

const clock = new TestClock();
const machine: Machine = {
  disk: openDisk(),
  clock,
  random: (bytes) => new Uint8Array(bytes).fill(0x42),
  workerScript: undefined,
};

function put(path: string, content: string | Uint8Array, mode = 0o644): void {
  Deno.mkdirSync(`${SOURCE}/${path}`.replace(/\/[^/]*$/, ""), { recursive: true });
  Deno.writeFileSync(`${SOURCE}/${path}`, typeof content === "string" ? new TextEncoder().encode(content) : content);
  Deno.chmodSync(`${SOURCE}/${path}`, mode);
}

/** The same time for everything but one file, which has nanoseconds. */
function setTimes(): void {
  run("find", SOURCE, "-depth", "-exec", "touch", "-h", "-d", "2024-02-29T12:34:56Z", "{}", "+");
  run("touch", "-d", "2001-02-03 04:05:06.123456789Z", `${SOURCE}/letter`);
}

async function makeSnapshot(options: { tree: boolean; interruptAt?: string }): Promise<void> {
  setTimes();
  clock.pass(1);
  const stop = new AbortController();
  const monitor = new TestMonitor();
  monitor.current = (what?: string) => what === options.interruptAt && stop.abort();
  using storage = openStorage(machine, rawOf(STORAGE), monitor);
  await backup(storage, {
    sources: [rawOf(SOURCE)],
    name: undefined,
    tags: ["fixture"],
    excludes: ["*.tmp"],
    ignoreFiles: true,
    oneFileSystem: false,
    excludeCaches: false,
    largestBytes: undefined,
    tree: options.tree,
    workers: 0,
    host: "nas",
    user: "me",
    signal: stop.signal,
  }, monitor);
}

async function makeFirst(): Promise<void> {
  put("letter", "Dear reader,\n");
  put("again", "Dear reader,\n", 0o640);
  put("empty", "");
  put("left out.tmp", "not in the snapshot");
  put("a/b/deep", "deep\n");
  put("a-/name\n", "odd\n");
  run("python3", "-c", `open(b'${SOURCE}/caf\\xe9', 'w').write('raw')`);
  Deno.symlinkSync("letter", `${SOURCE}/link`);
  Deno.linkSync(`${SOURCE}/letter`, `${SOURCE}/a/second`);
  run("mkfifo", `${SOURCE}/pipe`);
  const [first, second] = collidingPair();
  put("collision/first", first);
  put("collision/second", second);
  Deno.chmodSync(`${SOURCE}/a`, 0o2750);
  await makeSnapshot({ tree: true });
}

async function makeSecond(): Promise<void> {
  put("letter", "Dear reader, I have changed.\n");
  put("new", "new\n");
  Deno.removeSync(`${SOURCE}/empty`);
  await makeSnapshot({ tree: false });
}

/** A run that is interrupted after its first hunks. */
async function makePartial(): Promise<void> {
  for (let n = 0; n < MORE_FILES; n++) put(`more/${n}`, `${n % 2}`);
  put("more/z/interrupted here", "0");
  put("more/z/z/not reached", "0");
  await makeSnapshot({ tree: false, interruptAt: "/more/z" }).catch((error) => {
    if (error.code !== "interrupted") throw error;
  });
}

/** Without the catalog, which is a cache, and without empty directories in content/, which the next writer makes. */
function pack(archive: string): void {
  Deno.removeSync(`${STORAGE}/db/catalog.sqlite`);
  run("find", `${STORAGE}/content`, "-type", "d", "-empty", "-delete");
  const options = ["--sort=name", "--numeric-owner", "--owner=0", "--group=0", "--blocking-factor=1"];
  const whole = ["--format=gnu", "--mtime=2026-11-20T22:05:11Z"];
  run("tar", "-C", BASE, ...options, ...whole, "-cf", archive, "storage");
  const exact = ["--format=posix", "--pax-option=exthdr.name=%d/PaxHeaders/%f,delete=atime,delete=ctime"];
  run("tar", "-C", BASE, ...options, ...exact, "-rf", archive, "source-1", "source-2");
}

async function main([algorithm, archive]: readonly string[]): Promise<void> {
  Deno.mkdirSync(SOURCE, { recursive: true });
  initStorage(machine, rawOf(STORAGE), {
    algorithm: algorithm as Algorithm,
    hexSplit: SPLITS[algorithm as Algorithm]!,
  });
  await makeFirst();
  run("cp", "-a", SOURCE, `${BASE}/source-1`);
  await makeSecond();
  run("cp", "-a", SOURCE, `${BASE}/source-2`);
  if (algorithm === "sha256") await makePartial();
  run("rm", "-f", `${BASE}/source-1/left out.tmp`, `${BASE}/source-2/left out.tmp`);
  for (const copy of ["source-1", "source-2"]) run("touch", "-r", `${SOURCE}/a`, `${BASE}/${copy}`);
  pack(archive!);
  Deno.removeSync(BASE, { recursive: true });
}

if (import.meta.main) await main(Deno.args);
