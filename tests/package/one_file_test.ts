import { deepStrictEqual, rejects, strictEqual, throws } from "node:assert/strict";
import { Elf, PT, UnfitElf } from "../../scripts/package/one_file/elf.ts";
import { bundledLibraries } from "../../scripts/package/one_file/libraries.ts";
import { type LibraryFiles, LOADER_NAME, makeOneFile } from "../../scripts/package/one_file/one_file.ts";
import { filesOf, PackageUnavailable } from "../../scripts/package/debian.ts";
import { has, IS_LINUX } from "../support/needs.ts";
import { packageFiles } from "./needed_packages.ts";
import { writeProgram } from "../support/programs.ts";

const files = await packageFiles(bundledLibraries);
const canCompile = IS_LINUX && Deno.build.arch === "x86_64" && has("gcc");
const ignore = !canCompile || files === undefined;

/** A program that says its arguments, a variable, its descriptors, and the file of each library it has loaded. */
const PROGRAM = `
#define _GNU_SOURCE
#include <fcntl.h>
#include <link.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
static __thread int counted = 41;
static int show(struct dl_phdr_info *info, size_t size, void *data) {
  printf("library %s\\n", info->dlpi_name);
  return 0;
}
int main(int count, char **arguments) {
  const char *preload = getenv("LD_PRELOAD");
  printf("arguments %d %s\\n", count, count > 1 ? arguments[1] : "-");
  printf("preload %s\\n", preload ? preload : "-");
  printf("sum %d %.1f\\n", ++counted, cos(count - count));
  for (int file = 0; file < 64; file++) if (fcntl(file, F_GETFD) >= 0) printf("open %d%s\\n", file, fcntl(file, F_GETFD) & FD_CLOEXEC ? " closed in children" : "");
  dl_iterate_phdr(show, 0);
  return 7;
}`;

interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

async function inDirectory(test: (directory: string) => Promise<void>): Promise<void> {
  const directory = await Deno.makeTempDir({ prefix: "backup-tool-one-file-" });
  try {
    await test(directory);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

async function compiled(directory: string): Promise<Uint8Array<ArrayBuffer>> {
  await Deno.writeTextFile(`${directory}/program.c`, PROGRAM);
  const args = [
    "-O1",
    "-fno-builtin",
    "-pie",
    "-fPIE",
    "-Wl,--no-as-needed",
    "-o",
    "program",
    "program.c",
    "-lm",
    "-lgcc_s",
  ];
  strictEqual((await run(directory, "gcc", args)).stderr, "");
  return Deno.readFile(`${directory}/program`);
}

async function run(
  cwd: string,
  command: string,
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<Ran> {
  const { code, stdout, stderr } = await new Deno.Command(command, { args: [...args], cwd, env }).output();
  const decoder = new TextDecoder();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

async function makeProgram(directory: string): Promise<string> {
  const path = `${directory}/one`;
  writeProgram(path, makeOneFile(await compiled(directory), files!));
  return path;
}

function lines({ stdout }: Ran, word: string): string[] {
  return stdout.split("\n").filter((line) => line.startsWith(`${word} `)).map((line) => line.slice(word.length + 1));
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
      deepStrictEqual(foreign, [`/lib64/${LOADER_NAME}`]);
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
      const program = await compiled(directory), text = new TextEncoder().encode("d3n0l4nd and a program");
      const trailer = new Uint8Array(16), view = new DataView(trailer.buffer);
      view.setUint32(0, 0x501e, true);
      view.setBigUint64(8, BigInt(text.length + 16), true);
      const made = makeOneFile(joinedBytes(program, text, trailer), files!);
      deepStrictEqual(made.subarray(-text.length - 16), joinedBytes(text, trailer));
      writeProgram(`${directory}/one`, made);
      strictEqual((await run(directory, `${directory}/one`, [])).code, 7);
    }),
);

function joinedBytes(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

Deno.test(
  { name: "a library that isn't at hand, or is too old, stops the making of a one file", ignore },
  () =>
    inDirectory(async (directory) => {
      const program = await compiled(directory), { loader, libraries } = files!;
      const but = (name: string, bytes?: Uint8Array<ArrayBuffer>): LibraryFiles => {
        const others = new Map(libraries);
        others.delete(name);
        return { loader, libraries: bytes === undefined ? others : others.set(name, bytes) };
      };
      throws(() => makeOneFile(program, but("libm.so.6")), new UnfitElf("it needs libm.so.6, which is not at hand"));
      throws(() => makeOneFile(program, but("libm.so.6", libraries.get("libgcc_s.so.1"))), UnfitElf);
      // Without the paths that must be overwritten, it is another library than the one that was tried.
      throws(() => makeOneFile(program, but("libc.so.6", loader)), UnfitElf);
    }),
);

Deno.test("what isn't an executable for x86-64 is refused with the reason", () => {
  const none: LibraryFiles = { loader: new Uint8Array(), libraries: new Map() };
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
