/** An executable with its libraries beside it: unpacked, moved, and run with those alone. */
import { deepStrictEqual, match, rejects, strictEqual, throws } from "node:assert/strict";
import { gunzipSync } from "node:zlib";
import { bundledProgram, bundleFor } from "../../scripts/package/artefacts/bundle.ts";
import { bytesOf } from "../../scripts/package/archives/archive.ts";
import { Elf, MACHINE, PT, UnfitElf } from "../../scripts/package/elf/elf.ts";
import { LOADER_NAMES } from "../../scripts/package/elf/needs.ts";
import { makeRelocatable, MARK, PATH_BYTES } from "../../scripts/package/elf/relocatable.ts";
import { Unbuildable } from "../../scripts/package/release.ts";
import { bytesOfArtefact } from "./artefact_bytes.ts";
import { canCompile, compiled, lines, run, withAppended } from "./small_program.ts";
import { packageFiles } from "./needed_packages.ts";
import { testRelease } from "./test_release.ts";

const LOADER = LOADER_NAMES[MACHINE.X86_64];
const libraries = await packageFiles(() =>
  import("../../scripts/package/c_library.ts").then((c) => c.bundledLibraries())
);
const ignore = !canCompile || libraries === undefined;

async function inDirectory(test: (directory: string) => Promise<void>): Promise<void> {
  const directory = await Deno.makeTempDir({ prefix: "backup-tool-bundle-" });
  try {
    await test(await Deno.realPath(directory));
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

/** The bundle of a small program, unpacked. @returns its directory */
async function unpacked(base: string): Promise<string> {
  const program = withAppended(await compiled(base));
  const artefact = await bundleFor(testRelease({ "linux-x64-glibc": program }), "linux-x64-glibc");
  strictEqual(artefact.name, "backup-tool-1.2.3-linux-x64-bundle.tar.gz");
  await Deno.writeFile(`${base}/bundle.tar.gz`, bytesOfArtefact(artefact));
  strictEqual((await run(base, "tar", ["-xzf", "bundle.tar.gz"])).stderr, "");
  return `${base}/backup-tool-1.2.3-linux-x64-bundle`;
}

/** Where the libraries lie that a program has loaded. */
async function directoriesOf(program: string): Promise<readonly string[]> {
  const ran = await run("/", program, ["word"]);
  strictEqual(ran.code, 7, ran.stderr);
  deepStrictEqual(lines(ran, "sum"), ["42 1.0"]);
  const named = lines(ran, "library").filter((name) => name.startsWith("/") && !name.startsWith("/lib64/"));
  strictEqual(named.length > 1, true, ran.stdout);
  return [...new Set(named.map((name) => name.replace(/\/[^/]*$/, "")))];
}

Deno.test(
  { name: "a bundle runs where its install.sh has been run, with its own libraries", ignore },
  () =>
    inDirectory(async (base) => {
      const directory = await unpacked(base);
      strictEqual((await run("/", "sh", [`${directory}/install.sh`])).stderr, "");
      deepStrictEqual(await directoriesOf(`${directory}/backup-tool`), [`${directory}/lib`]);
      // Moved, with a name that shells take apart.
      const moved = `${base}/another place/with 'words'`;
      await Deno.mkdir(`${base}/another place`);
      await Deno.rename(directory, moved);
      strictEqual((await run(moved, "sh", ["install.sh"])).stderr, "");
      deepStrictEqual(await directoriesOf(`${moved}/backup-tool`), [`${moved}/lib`]);
    }),
);

Deno.test(
  { name: "a bundle installs itself elsewhere, over an older one, too", ignore },
  () =>
    inDirectory(async (base) => {
      const directory = await unpacked(base), to = `${base}/opt/tool`;
      for (let time = 0; time < 2; time++) {
        strictEqual((await run("/", "sh", [`${directory}/install.sh`, to])).stderr, "");
        deepStrictEqual(await directoriesOf(`${to}/backup-tool`), [`${to}/lib`]);
      }
      deepStrictEqual([...Deno.readDirSync(to)].map(({ name }) => name).sort(), [
        ...["backup-tool", "install.sh", "lib", "licenses", "share"],
      ]);
    }),
);

Deno.test(
  { name: "install.sh refuses a path that is too long, and another executable", ignore },
  () =>
    inDirectory(async (base) => {
      const directory = await unpacked(base), before = await Deno.readFile(`${directory}/backup-tool`);
      const deep = `${base}/${Array.from({ length: 6 }, () => "x".repeat(200)).join("/")}`;
      await Deno.mkdir(deep, { recursive: true });
      const far = await run("/", "sh", [`${directory}/install.sh`, deep]);
      strictEqual(far.code, 1);
      match(far.stderr, /^install\.sh: the path of this directory is too long: /);
      deepStrictEqual(await Deno.readFile(`${directory}/backup-tool`), before);
      await Deno.writeFile(`${directory}/backup-tool`, before.slice(0, -2 * PATH_BYTES));
      const other = await run("/", "sh", [`${directory}/install.sh`]);
      strictEqual(other.code, 1);
      match(other.stderr, /is not the executable of this bundle\n$/);
    }),
);

Deno.test(
  { name: "the same release makes the same bundle, with all that its program needs", ignore },
  () =>
    inDirectory(async (base) => {
      const program = withAppended(await compiled(base)), copy = program.slice();
      const release = testRelease({ "linux-x64-glibc": program });
      const [first, second] = [
        await bundleFor(release, "linux-x64-glibc"),
        await bundleFor(release, "linux-x64-glibc"),
      ];
      deepStrictEqual(first, second);
      deepStrictEqual(program, copy);
      const names = (await bundledProgram(program, MACHINE.X86_64)).map(({ path }) => path);
      deepStrictEqual(names.slice(0, 3), ["backup-tool", "install.sh", `lib/${LOADER}`]);
      for (const { library } of new Elf(program).needs()) strictEqual(names.includes(`lib/${library}`), true, library);
      strictEqual(gunzipSync(bytesOf(first.content)).length > program.length, true);
    }),
);

Deno.test(
  { name: "what is added to a relocatable program is at the same place in file and memory", ignore },
  () =>
    inDirectory(async (base) => {
      const program = await compiled(base), whole = withAppended(program), trailer = whole.subarray(program.length);
      const { bytes, markAt } = makeRelocatable(whole, MACHINE.X86_64, LOADER);
      const made = new Elf(bytes), [headers] = made.segments.filter(({ type }) => type === PT.PHDR);
      const last = made.loaded.at(-1)!, loader = made.segments.find(({ type }) => type === PT.INTERP)!;
      deepStrictEqual([headers?.address, headers?.offset], [made.headersAt, made.headersAt]);
      deepStrictEqual([last.address, last.address % 4096], [last.offset, 0]);
      strictEqual(last.address >= new Elf(program).end, true);
      deepStrictEqual([loader.offset, loader.fileBytes], [markAt + MARK.length, PATH_BYTES]);
      const texts = new TextDecoder().decode(bytes.subarray(markAt, markAt + MARK.length + PATH_BYTES));
      match(texts, new RegExp(`^${MARK}/+opt/backup-tool/lib/${LOADER.replaceAll(".", "\\.")}\0$`));
      deepStrictEqual(bytes.subarray(-trailer.length), trailer);
    }),
);

Deno.test("a bundle of what can't be had says why", async () => {
  await rejects(bundleFor(testRelease({}), "linux-arm64"), new Unbuildable("no executable for linux-arm64"));
  const script = testRelease({
    "linux-x64-glibc": new TextEncoder().encode("#!/bin/sh\necho a script, no ELF file\n"),
  });
  await rejects(bundleFor(script, "linux-x64-glibc"), new UnfitElf("not an ELF file of 64 bits"));
  const arm = new Uint8Array(64);
  arm.set([0x7f, 0x45, 0x4c, 0x46, 2, 1]);
  arm[18] = 62;
  throws(() => makeRelocatable(arm, MACHINE.ARM64, LOADER), new UnfitElf("not for arm64"));
});
