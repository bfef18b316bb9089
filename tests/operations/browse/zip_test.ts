/** ZIP files, read by other programs. */
import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { rawOf, rawOfBytes } from "../../../src/core/raw.ts";
import { ZipWriter } from "../../../src/operations/browse/dump/zip.ts";
import { run } from "../../support/world.ts";

const MTIME_MS = Date.UTC(2026, 10, 20, 22, 5, 11);
const MODE = 0o100640;

/** Makes a ZIP file, and gives its path to `look`. */
async function withZip(
  fill: (zip: ZipWriter) => Promise<void>,
  look: (path: string, base: string) => void,
): Promise<void> {
  const base = Deno.makeTempDirSync({ prefix: "backup-tool-zip-" });
  try {
    const path = `${base}/a.zip`;
    {
      using file = Deno.openSync(path, { create: true, write: true });
      const zip = new ZipWriter((bytes) => {
        for (let done = 0; done < bytes.length;) done += file.writeSync(bytes.subarray(done));
      });
      await fill(zip);
      zip.finish();
    }
    look(path, base);
  } finally {
    Deno.removeSync(base, { recursive: true });
  }
}

const text = (content: string) => [new TextEncoder().encode(content)];
const file = (name: string, mode = MODE) => ({ name: rawOf(name), mode, mtimeMs: MTIME_MS });

Deno.test("a ZIP holds names, contents, modes, times, symlinks and empty directories", async () => {
  const large = new Uint8Array(3_000_000).map((_, i) => (i * i) % 251);
  const chunks = [large.subarray(0, 1_000_000), large.subarray(1_000_000)];
  await withZip(async (zip) => {
    await zip.add(file("dir/", 0o040750), [], 0);
    await zip.add(file("dir/ü 日本.txt"), text("hello"), 5);
    await zip.add(file("empty", 0o100755), [], 0);
    await zip.add(file("large"), chunks, large.length);
    await zip.add(file("link", 0o120777), text("dir/ü 日本.txt"), 18);
  }, (path, base) => {
    run("unzip", "-tqq", path);
    run("env", "LC_ALL=C.UTF-8", "unzip", "-q", path, "-d", `${base}/out`);
    const info = (name: string) => Deno.lstatSync(`${base}/out/${name}`);
    strictEqual(Deno.readTextFileSync(`${base}/out/dir/ü 日本.txt`), "hello");
    deepStrictEqual(Deno.readFileSync(`${base}/out/large`), large);
    strictEqual(Deno.readLinkSync(`${base}/out/link`), "dir/ü 日本.txt");
    deepStrictEqual([info("large").mode! & 0o7777, info("empty").mode! & 0o7777, info("dir").mode! & 0o7777], [
      0o640,
      0o755,
      0o750,
    ]);
    strictEqual(info("large").mtime?.getTime(), MTIME_MS);
    strictEqual(info("empty").size, 0);
  });
});

Deno.test("a ZIP can be read from its beginning to its end: only deflated entries leave their size to a descriptor", async () => {
  const parts: Uint8Array[] = [], zip = new ZipWriter((bytes) => void parts.push(bytes.slice()));
  await zip.add(file("dir/", 0o040750), [], 0);
  await zip.add(file("dir/empty"), [], 0);
  await zip.add(file("dir/text"), text("hello"), 5);
  zip.finish();
  const headers = parts.map((part) => new DataView(part.buffer)).filter(({ byteLength }) => byteLength >= 30)
    .filter((header) => header.getUint32(0, true) === 0x04034b50);
  const found = headers.map((header) => [header.getUint16(6, true) & 8, header.getUint16(8, true)]);
  deepStrictEqual(found, [[0, 0], [8, 8], [8, 8]]);
});

/** Bytes that can't be compressed, the same in every run. */
function noise(length: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  for (let i = 0, state = 1; i < length; i++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    bytes[i] = state >>> 24;
  }
  return bytes;
}

Deno.test("what can't be compressed is kept as it is, and all else is compressed, whatever its size", async () => {
  const zeros = (length: number) => new Uint8Array(length), kilo = 1024, mega = 1024 * 1024;
  const contents: Record<string, readonly Uint8Array<ArrayBuffer>[]> = {
    tiny: [noise(100)],
    picture: [noise(300 * kilo)],
    film: [noise(mega), noise(mega), noise(mega + 17)],
    "film-first": [noise(mega), zeros(mega)],
    text: [zeros(300 * kilo)],
    "large-text": [zeros(mega), zeros(mega)],
    "text-first": [zeros(mega), noise(mega)],
    "in-crumbs": [noise(10), ...Array.from({ length: 30 }, () => zeros(50 * kilo))],
  };
  const lengthOf = (parts: readonly Uint8Array[]) => parts.reduce((sum, { length }) => sum + length, 0);
  await withZip(async (zip) => {
    for (const [name, parts] of Object.entries(contents)) await zip.add(file(name), parts, lengthOf(parts));
  }, (path, base) => {
    run("unzip", "-q", path, "-d", `${base}/out`);
    for (const [name, parts] of Object.entries(contents)) {
      deepStrictEqual(
        Deno.readFileSync(`${base}/out/${name}`),
        new Uint8Array(parts.flatMap((part) => [...part])),
        name,
      );
    }
    const sizes = run("unzip", "-v", path).matchAll(/^ *(\d+) +\S+ +(\d+) .* (\S+)$/gm);
    const shares = Object.fromEntries(
      [...sizes].map(([, plain, packed, name]) => [name, Number(packed) / Number(plain)]),
    );
    for (const name of ["picture", "film", "film-first"]) ok(shares[name]! > 0.9 && shares[name]! < 1.001, name);
    for (const name of ["text", "large-text", "in-crumbs"]) ok(shares[name]! < 0.01, name);
    ok(shares["text-first"]! < 0.6);
  });
});

Deno.test("a ZIP keeps names that are not UTF-8", async () => {
  const name = rawOfBytes(Uint8Array.of(0x63, 0x61, 0x66, 0xe9));
  await withZip(async (zip) => await zip.add({ name, mode: MODE, mtimeMs: MTIME_MS }, text("x"), 1), (path) => {
    const listed = run(
      "python3",
      "-c",
      "import zipfile,sys; print([n.encode('cp437') for n in zipfile.ZipFile(sys.argv[1]).namelist()])",
      path,
    );
    strictEqual(listed.trim(), String.raw`[b'caf\xe9']`);
  });
});

Deno.test("a ZIP of times that it has no numbers for has the nearest", async () => {
  await withZip(async (zip) => {
    for (const mtimeMs of [-1e15, 0, 4e12, 1e15]) {
      await zip.add({ name: rawOf(`t${mtimeMs}`), mode: MODE, mtimeMs }, text("x"), 1);
    }
  }, (path) => void run("unzip", "-tqq", path));
});

Deno.test("a ZIP may hold more than 65,535 files", async () => {
  await withZip(async (zip) => {
    for (let i = 0; i < 66_000; i++) await zip.add(file(`f${i}`), [], 0);
  }, (path) => match(run("unzip", "-tq", path), /No errors detected/));
});

Deno.test({ name: "a ZIP may hold more than 4 GiB", ignore: !Deno.env.get("SLOW") }, async () => {
  const zeros = new Uint8Array(1024 * 1024);
  const MIBS = 4200;
  function* content() {
    for (let i = 0; i < MIBS; i++) yield zeros;
  }
  await withZip(async (zip) => {
    await zip.add(file("large"), content(), MIBS * zeros.length);
    await zip.add(file("after"), text("behind it"), 9);
  }, (path) => {
    run("unzip", "-tqq", path);
    strictEqual(run("unzip", "-p", path, "after"), "behind it");
    match(run("unzip", "-v", path, "large"), new RegExp(`^ *${MIBS * zeros.length} `, "m"));
  });
});

Deno.test("a failure of the one who writes is a failure of add()", async () => {
  for (const size of [10, 3_000_000]) {
    const zip = new ZipWriter(() => {
      throw new Error("disk full");
    });
    let message = "";
    try {
      await zip.add(file("a"), [new Uint8Array(size)], size);
    } catch (error) {
      message = (error as Error).message;
    }
    strictEqual(message, "disk full");
  }
});
