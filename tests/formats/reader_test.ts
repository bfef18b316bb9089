/** A reader that was written from FORMAT.md alone reads what the tool writes. */
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { fileURLToPath } from "node:url";
import type { SnapshotInfo } from "../../src/snapshot/snapshot_info.ts";
import { collidingPair } from "../support/collision.ts";
import { differences, run, World, type WorldOptions } from "../support/world.ts";

const READER = fileURLToPath(new URL("reader.py", import.meta.url));
/** More than 4096, so that there must be several hunks. */
const MANY = 5500;

function hasPython(): boolean {
  try {
    return new Deno.Command("python3", { args: ["--version"] }).outputSync().success;
  } catch {
    return false;
  }
}

function test(claim: string, check: () => Promise<void>): void {
  Deno.test({ name: claim, ignore: !hasPython(), fn: check });
}

/** @returns what it printed, and its exit status */
function reader(...args: string[]): { status: number; out: string; err: string } {
  const { code, stdout, stderr } = new Deno.Command("python3", { args: [READER, ...args] }).outputSync();
  const decoder = new TextDecoder();
  return { status: code, out: decoder.decode(stdout), err: decoder.decode(stderr) };
}

/** Everything that a file system can hold and that is hard to copy. */
const ODD_TREE = String.raw`
import os, socket, sys
os.chdir(sys.argv[1])
def put(path, data=b"x", mode=0o644, times=None):
    os.makedirs(os.path.dirname(path) or b".", exist_ok=True)
    with open(path, "wb") as file: file.write(data)
    os.chmod(path, mode)
put(b"\xff\xfe bytes", b"raw")
put(b"caf\xe9 \xf0\x9f\x98\x80/\xed\xb2\x80", b"half UTF-8, and an encoded surrogate")
put(b"new\nline\t\x1b[31m\"'\\", b"odd")
put(b"\xc3\xbc" * 127, b"long name")
put(b"empty", b"")
put(b"secret", b"secret", 0o4700)
put(b"shared", b"shared", 0o666)
put(b"twin", b"shared", 0o600)
put(b"large", bytes(range(256)) * 4096)
put(b"a-/z"), put(b"a/b/c"), put(b"a/b-"), put(b"a.b")
os.link("shared", "a/second name"), os.link("shared", "a/b/third name")
os.symlink("shared", "link"), os.symlink(b"\xff/nowhere\n", "dangling"), os.link("dangling", "dangling too", follow_symlinks=False)
os.mkfifo("pipe", 0o620)
with open("sparse", "wb") as file:
    file.seek(5 << 20); file.write(b"data"); file.truncate(9 << 20)
os.mkdir("empty dir"), os.chmod("empty dir", 0o2751)
try: os.setxattr("secret", "user.origin", b"\x00\xff")
except OSError: pass
os.utime("secret", ns=(0, -1_500_000_001)), os.utime("link", ns=(0, 981173106123456789), follow_symlinks=False)
for n in range(int(sys.argv[2])): put(b"many/%d/%d" % (n % 3, n), b"%d" % (n % 100))
`;

function makeOddTree(world: World, files: number): void {
  run("python3", "-c", ODD_TREE, world.source, String(files));
  const [first, second] = collidingPair();
  world.write("collision/first", first);
  world.write("collision/second", second);
  // One CRC-32: 4ddb0c25.
  world.write("collision/third", "plumless");
  world.write("collision/fourth", "buckeroo");
}

function hunksOf(world: World, { id }: SnapshotInfo): number {
  using storage = world.open();
  return storage.manifest(id).root.hunks.length;
}

const STORAGES: readonly (WorldOptions & { readonly files: number; readonly hunks: number })[] = [
  { algorithm: "sha256", hexSplit: [2], files: MANY, hunks: 3 },
  { algorithm: "md5", hexSplit: [1, 1], files: 300, hunks: 1 },
  { algorithm: "crc32", hexSplit: [1], files: 300, hunks: 1 },
];

for (const { files, hunks, ...options } of STORAGES) {
  test(`reader.py extracts an odd tree from a ${options.algorithm} storage without db/`, async () => {
    using world = new World(options);
    makeOddTree(world, files);
    const { snapshot, monitor } = await world.backup();
    deepStrictEqual(monitor.problems, []);
    ok(snapshot.entries > files);
    ok(hunksOf(world, snapshot) >= hunks);
    Deno.removeSync(`${world.storagePath}/db`, { recursive: true });

    const target = `${world.base}/extracted`;
    deepStrictEqual(reader("extract", world.storagePath, snapshot.id.slice(0, 12), target), {
      status: 0,
      out: "",
      err: "",
    });
    strictEqual(differences(world.source, target), "");
    ok(Deno.statSync(`${target}/sparse`).blocks! < 2048);
  });
}

test("reader.py lists every snapshot in order, and verifies every content", async () => {
  using world = new World();
  for (let i = 0; i < 400; i++) world.write(`dir${i % 5}/f${i}`, `content ${i}`);
  const first = (await world.backup()).snapshot;
  world.write("dir1/f1", "changed");
  Deno.removeSync(`${world.source}/dir2/f2`);
  const second = (await world.backup({ tree: false })).snapshot;
  Deno.removeSync(`${world.storagePath}/db`, { recursive: true });

  const listed = reader("list", world.storagePath).out.trim().split("\n").map((line) => JSON.parse(line));
  deepStrictEqual(listed.map(({ id, start, tree }) => [id, start, tree]), [
    [first.id, first.time, first.tree],
    [second.id, second.time, null],
  ]);
  deepStrictEqual(listed.map(({ totals }) => totals.files), [400, 399]);
  const { snapshots, contents } = JSON.parse(reader("verify", world.storagePath).out);
  deepStrictEqual({ snapshots, contents }, { snapshots: 2, contents: 401 });
});

for (const suffix of ["f0", "f1", ""]) {
  const what = { f0: "root", f1: "hunk", "": "content" }[suffix]!;
  test(`reader.py finds one changed bit in a ${what}`, async () => {
    using world = new World();
    world.write("file", "precious");
    await world.backup();
    const [id, path] = [...world.items()].find(([id]) => id.slice(64) === suffix)!;
    const bytes = Deno.readFileSync(path);
    bytes[bytes.length >> 1]! ^= 1;
    Deno.chmodSync(path, 0o600);
    Deno.writeFileSync(path, bytes);
    const { status, err } = reader("verify", world.storagePath);
    deepStrictEqual([status, err], [1, `${id} is damaged\n`]);
  });
}
