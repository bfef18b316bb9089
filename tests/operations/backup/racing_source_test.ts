/** Files that are replaced, removed or written while they are read: by hand at the worst moment, and by a busy program. */
import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { Buffer } from "node:buffer";
import { parseApath } from "../../../src/core/apath.ts";
import { textOf } from "../../../src/core/raw.ts";
import { openDisk } from "../../../src/platform/open_disk.ts";
import { hookedDisk } from "../../support/hooked_disk.ts";
import { differences, World } from "../../support/world.ts";

/** A world in which something happens at the first call of an operation on a path that ends like this. */
function meddled(operation: string, end: string, action: (path: string) => void): World {
  let done = false;
  const disk = hookedDisk(openDisk(), (call, proceed) => {
    const isIt = !done && call.operation === operation && call.path.includes("/source/") && call.path.endsWith(end);
    if (!isIt) return proceed();
    done = true;
    const answer = proceed();
    action(call.path);
    return answer;
  });
  return new World({ disk });
}

/** The time of a directory in which something was replaced may be that of a moment later: the next backup has it. */
async function assertWhole(world: World): Promise<void> {
  strictEqual((await world.backup()).monitor.of("readFiles"), 0);
  strictEqual(differences(world.source, (await world.restore("latest")).target), "");
  strictEqual((await world.check()).damaged, 0);
}

/** Puts another file of the same size, time and mode in its place, as a careful program does. */
function replace(path: string): void {
  const { size, mtime, mode } = Deno.statSync(path);
  Deno.writeFileSync(`${path}.new`, new Uint8Array(size).fill(7));
  Deno.chmodSync(`${path}.new`, mode! & 0o7777);
  Deno.utimeSync(`${path}.new`, mtime!, mtime!);
  Deno.renameSync(`${path}.new`, path);
}

for (const [when, operation] of [["opened", "stat"], ["read", "open"], ["read to its end", "read"]] as const) {
  for (const size of [1000, 900_000]) {
    Deno.test(`a file of ${size} bytes that is replaced before it is ${when} is kept as what took its place`, async () => {
      using world = meddled(operation, "/f", replace);
      world.write("f", new Uint8Array(size).fill(1));
      world.write("g", "other");
      const { monitor } = await world.backup();
      deepStrictEqual(monitor.problems, []);
      const { target } = await world.restore("latest");
      ok(Deno.readFileSync(`${target}/f`).every((byte) => byte === 7));
      await assertWhole(world);
    });
  }
}

Deno.test("a file that is deleted while it is read has vanished, and one that comes back is read", async () => {
  using world = meddled("read", "/f", (path) => Deno.removeSync(path));
  world.write("f", "deleted");
  world.write("g", "other");
  const { monitor, snapshot } = await world.backup();
  deepStrictEqual(monitor.problems.map(({ name }) => name), ["source-vanished"]);
  strictEqual(snapshot.files, 1);
  world.write("f", "back");
  deepStrictEqual((await world.backup()).monitor.problems, []);
  await assertWhole(world);
});

Deno.test("a directory that is replaced by another one while its files are read mixes nothing up", async () => {
  using world = meddled("open", "/d/a", (path) => {
    const directory = path.slice(0, -2);
    Deno.renameSync(directory, `${directory}-old`);
    Deno.mkdirSync(directory);
    for (const name of ["a", "b"]) Deno.writeTextFileSync(`${directory}/${name}`, `new ${name}`);
  });
  for (const name of ["a", "b"]) world.write(`d/${name}`, `old ${name}`);
  const { monitor } = await world.backup();
  deepStrictEqual(monitor.problems, []);
  const { target } = await world.restore("latest");
  for (const name of ["a", "b"]) {
    match(Deno.readTextFileSync(`${target}/d/${name}`), new RegExp(`^(?:old|new) ${name}$`));
  }
  await world.backup();
  await assertWhole(world);
});

/**
 * Rewrites files for ever: half of them at once, the others in two steps. Each state is one letter, many times. It rests
 * for as many milliseconds as a file beside the source says.
 */
const WRITER = `
import os, sys, time
base, size, turn = sys.argv[1], int(sys.argv[2]), 0
while True:
    with open(f"{base}-rests") as f: rest = int(f.read()) / 1000
    letter = bytes([97 + turn % 26]); turn += 1
    for i in range(4):
        with open(f"{base}/whole{i}.new", "wb") as f: f.write(letter * size)
        os.rename(f"{base}/whole{i}.new", f"{base}/whole{i}")
        with open(f"{base}/halves{i}", "wb", buffering=0) as f:
            f.write(letter * (size // 2)); time.sleep(rest); f.write(letter * (size // 2))
        time.sleep(rest)
`;

const ENOUGH = 30, MOST_ROUNDS = 200, REST_MS = 12;

for (const workers of [0, 3]) {
  Deno.test(`files that a program rewrites all the time are kept in a state they were in, or marked, with ${workers} workers`, async () => {
    using world = new World({ workers });
    const size = 600_000;
    for (let i = 0; i < 20; i++) world.write(`quiet${i}`, `content ${i}`);
    const rest = (ms: number) => {
      Deno.writeTextFileSync(`${world.source}-rests.new`, `${ms}`);
      Deno.renameSync(`${world.source}-rests.new`, `${world.source}-rests`);
    };
    rest(REST_MS);
    const writer = new Deno.Command("python3", { args: ["-c", WRITER, world.source, String(size)] }).spawn();
    let checked = 0, marked = 0;
    try {
      while ([...Deno.readDirSync(world.source)].filter(({ name }) => /^halves\d$/.test(name)).length < 4) {
        await new Promise((wake) => setTimeout(wake, 10));
      }
      for (let round = 0; round < 8 || (checked <= ENOUGH && round < MOST_ROUNDS); round++) {
        // On a busy machine no file is read in peace unless the writer is slow, too.
        rest(REST_MS * (1 + Math.floor(round / 20)));
        const { snapshot } = await world.backup({ excludes: ["*.new"], tree: false });
        using storage = world.open();
        for (const { path, content, problems } of storage.manifest(snapshot.id).entries(parseApath("/"))) {
          const name = textOf(path).slice(1);
          if (problems !== undefined) marked++;
          if (problems !== undefined || content === undefined || !/^(?:whole|halves)/.test(name)) continue;
          const bytes = Buffer.concat([...storage.readContent(content)]);
          ok(bytes.equals(Buffer.alloc(bytes.length, bytes[0])), `${name} mixes states`);
          // The system shows what is being written piece by piece.
          ok(name.startsWith("whole") ? bytes.length === size : bytes.length <= size, `${name}: ${bytes.length}`);
          checked++;
        }
      }
    } finally {
      writer.kill("SIGKILL");
      await writer.status;
    }
    ok(checked > ENOUGH, `${checked} checked, ${marked} marked`);
    for (const { name } of Deno.readDirSync(world.source)) {
      if (name.endsWith(".new")) Deno.removeSync(`${world.source}/${name}`);
    }
    await world.backup();
    await world.backup();
    await assertWhole(world);
  });
}
