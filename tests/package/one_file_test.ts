import { deepStrictEqual, rejects, strictEqual, throws } from "node:assert/strict";
import { Elf, MACHINE, PT, UnfitElf } from "../../scripts/package/elf/elf.ts";
import { bundledLibraries } from "../../scripts/package/c_library.ts";
import { type LibraryFiles, LOADER_NAMES } from "../../scripts/package/elf/needs.ts";
import { makeOneFile } from "../../scripts/package/one_file/one_file.ts";
import { filesOf, PackageUnavailable } from "../../scripts/package/debian.ts";
import { canCompile, compiled, lines, run, withAppended } from "./small_program.ts";
import { packageFiles } from "./needed_packages.ts";
import { writeProgram } from "../support/programs.ts";

const files = await packageFiles(bundledLibraries);
const ignore = !canCompile || files === undefined;

async function inDirectory(test: (directory: string) => Promise<void>): Promise<void> {
  const directory = await Deno.makeTempDir({ prefix: "backup-tool-one-file-" });
  try {
    await test(directory);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

async function makeProgram(directory: string): Promise<string> {
  const path = `${directory}/one`;
  writeProgram(path, makeOneFile(await compiled(directory), files!));
  return path;
}

Deno.test(
  { name: "a program with its libraries in one file runs as before, with those alone", ignore },
  () =>
    inDirectory(async (directory) => {
      const ran = await run(directory, await makeProgram(directory), ["word"]);
      strictEqual(ran.stderr, "");
      strictEqual(ran.code, 7);
      deepStrictEqual(lines(ran, "arguments"), ["2 word"]);
      deepStrictEqual(lines(ran, "sum"), ["42 1.0"]);
      const foreign = lines(ran, "library").filter((name) =>
        name.startsWith("/") && !name.startsWith("/proc/self/fd/")
      );
      // The loader calls itself by the name that the program has for it.
      deepStrictEqual(foreign, [`/lib64/${LOADER_NAMES[MACHINE.X86_64]}`]);
      strictEqual(lines(ran, "library").filter((name) => name.startsWith("/proc/self/fd/")).length, 3);
    }),
);

Deno.test(
  { name: "children of a one-file program inherit none of its descriptors", ignore },
  () =>
    inDirectory(async (directory) => {
      const one = await makeProgram(directory);
      const openIn = async (program: string) => lines(await run(directory, program, []), "open");
      const before = new Set(await openIn(`${directory}/program`));
      const added = (await openIn(one)).filter((line) => !before.has(line));
      strictEqual(added.length, 3, added.join("; "));
      for (const line of added) strictEqual(line.endsWith(" closed in children"), true, line);
    }),
);

Deno.test(
  { name: "LD_PRELOAD is not for a one-file program, but for its children", ignore },
  () =>
    inDirectory(async (directory) => {
      const ran = await run(directory, await makeProgram(directory), [], { LD_PRELOAD: "/nowhere/library.so" });
      strictEqual(ran.stderr, "");
      deepStrictEqual(lines(ran, "preload"), ["/nowhere/library.so"]);
    }),
);

Deno.test(
  { name: "a one-file program leaves closed standard descriptors alone", ignore },
  () =>
    inDirectory(async (directory) => {
      const program = await makeProgram(directory);
      const ran = await run(directory, "sh", ["-c", 'exec "$0" <&- 2>&-', program]);
      strictEqual(ran.code, 7);
      deepStrictEqual(lines(ran, "open").filter((line) => /^[012]( |$)/.test(line)), ["1"]);
    }),
);

Deno.test(
  { name: "a one-file program that may open too few files says so", ignore },
  () =>
    inDirectory(async (directory) => {
      const program = await makeProgram(directory);
      const ran = await run(directory, "sh", ["-c", 'ulimit -n 4; exec "$0"', program]);
      deepStrictEqual(ran, {
        code: 127,
        stdout: "",
        stderr: "backup-tool: too many open files: it needs at least 16 (ulimit -n)\n",
      });
    }),
);

Deno.test(
  { name: "the kernel is shown all that is to be loaded, and no interpreter", ignore },
  () =>
    inDirectory(async (directory) => {
      const program = await compiled(directory);
      const { length } = new Elf(program).segments, made = new DataView(makeOneFile(program, files!).buffer);
      const at = Number(made.getBigUint64(32, true)), count = made.getUint16(56, true);
      const types = Array.from({ length: count }, (_, index) => made.getUint32(at + 56 * index, true));
      strictEqual(at >= program.length, count > length);
      strictEqual(types.includes(PT.INTERP), false);
      strictEqual(types.filter((type) => type === PT.LOAD).length, count - 1);
    }),
);

Deno.test(
  { name: "the same program and libraries make the same file", ignore },
  () =>
    inDirectory(async (directory) => {
      const program = await compiled(directory), copy = program.slice();
      const [first, second] = [makeOneFile(program, files!), makeOneFile(copy, files!)];
      strictEqual(first.length === second.length && first.every((byte, index) => byte === second[index]), true);
      deepStrictEqual(program, copy);
    }),
);

Deno.test(
  { name: "what is appended to a program stays at the end of the one file", ignore },
  () =>
    inDirectory(async (directory) => {
      const program = await compiled(directory), whole = withAppended(program);
      const made = makeOneFile(whole, files!), text = whole.subarray(program.length);
      deepStrictEqual(made.subarray(-text.length), text);
      writeProgram(`${directory}/one`, made);
      strictEqual((await run(directory, `${directory}/one`, [])).code, 7);
    }),
);

Deno.test(
  { name: "a library that isn't at hand, or is too old, stops the making of a one file", ignore },
  () =>
    inDirectory(async (directory) => {
      const program = await compiled(directory), { machine, loader, libraries } = files!;
      const but = (name: string, bytes?: Uint8Array<ArrayBuffer>): LibraryFiles => {
        const others = new Map(libraries);
        others.delete(name);
        return { machine, loader, libraries: bytes === undefined ? others : others.set(name, bytes) };
      };
      throws(() => makeOneFile(program, but("libm.so.6")), new UnfitElf("it needs libm.so.6, which is not at hand"));
      throws(() => makeOneFile(program, but("libm.so.6", libraries.get("libgcc_s.so.1"))), UnfitElf);
      // Without the paths that must be overwritten, it is another library than the one that was tried.
      throws(() => makeOneFile(program, but("libc.so.6", loader)), UnfitElf);
    }),
);

Deno.test("what isn't an executable for x86-64 is refused with the reason", () => {
  const none: LibraryFiles = { machine: MACHINE.X86_64, loader: new Uint8Array(), libraries: new Map() };
  throws(() => makeOneFile(new TextEncoder().encode("#!/bin/sh\n"), none), new UnfitElf("not an ELF file of 64 bits"));
  const arm = new Uint8Array(64);
  arm.set([0x7f, 0x45, 0x4c, 0x46, 2, 1]);
  arm[18] = 183;
  throws(() => makeOneFile(arm, none), new UnfitElf("not for x86-64"));
});

Deno.test("a package that can't be had as pinned is named with its checksum and where to put it", async () => {
  const wanted = { name: "no-such-package", version: "1:0.0-1", sha256: "0".repeat(64), source: "-", license: "-" };
  await rejects(
    filesOf(wanted, []),
    (error) =>
      error instanceof PackageUnavailable && error.message.includes("dist/downloads/ as no-such-package_1_0.0-1.deb"),
  );
});
