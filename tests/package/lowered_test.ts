/** A program that is to run with an older glibc. */
import { deepStrictEqual, strictEqual, throws } from "node:assert/strict";
import { Elf, UnfitElf } from "../../scripts/package/elf/elf.ts";
import { lowered } from "../../scripts/package/elf/lowered.ts";
import { writeProgram } from "../support/programs.ts";
import { canCompile, run } from "./small_program.ts";

/** Without the beginning that compilers give to programs: that of today needs glibc 2.34. */
const PROGRAM = `
#define _GNU_SOURCE
#include <math.h>
#include <stdio.h>
#include <sys/random.h>
#include <unistd.h>
#pragma weak getrandom
__attribute__((force_align_arg_pointer)) void _start(void) {
  volatile float one = 1;
  char bytes[4];
  int count = getrandom ? getrandom(bytes, sizeof bytes, 0) : 0;
#ifdef STRONG
  count -= getentropy(bytes, sizeof bytes);
#endif
  dprintf(1, "%.3f %.3f %.3f %d\\n", expf(one), exp(one), sin(one - one), count);
  _exit(0);
}`;

async function compiledIn(directory: string, ...more: readonly string[]): Promise<Uint8Array<ArrayBuffer>> {
  await Deno.writeTextFile(`${directory}/program.c`, PROGRAM);
  const flags = ["-O1", "-fno-builtin", "-pie", "-fPIE", "-nostartfiles", ...more];
  strictEqual((await run(directory, "gcc", [...flags, "-o", "program", "program.c", "-lm"])).stderr, "");
  return Deno.readFile(`${directory}/program`);
}

async function inDirectory(test: (directory: string) => Promise<void>): Promise<void> {
  const directory = await Deno.makeTempDir({ prefix: "backup-tool-lowered-" });
  try {
    await test(directory);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

function versionsOf(program: Uint8Array<ArrayBuffer>): readonly string[] {
  return new Elf(program).needs().flatMap(({ versions }) => versions);
}

Deno.test(
  { name: "a lowered program needs the first versions, and does what it did", ignore: !canCompile },
  () =>
    inDirectory(async (directory) => {
      const program = await compiledIn(directory), copy = program.slice();
      for (const version of ["GLIBC_2.25", "GLIBC_2.27", "GLIBC_2.29"]) {
        strictEqual(versionsOf(program).includes(version), true, version);
      }
      const made = lowered(program, "2.17");
      deepStrictEqual(versionsOf(made), ["GLIBC_2.2.5", "GLIBC_2.2.5"]);
      strictEqual(made.length, program.length);
      deepStrictEqual(program, copy);
      deepStrictEqual(lowered(made, "2.17"), made);
      writeProgram(`${directory}/lowered`, made);
      const ran = await run(directory, "./lowered", []);
      strictEqual(ran.stdout, "2.718 2.718 0.000 4\n", ran.stderr);
    }),
);

Deno.test(
  { name: "what a program can't do without stops the lowering, by its name", ignore: !canCompile },
  () =>
    inDirectory(async (directory) => {
      const program = await compiledIn(directory, "-DSTRONG");
      throws(() => lowered(program, "2.17"), new UnfitElf("it needs GLIBC_2.25 all the same, for getentropy"));
      deepStrictEqual(versionsOf(lowered(program, "2.25")).toSorted(), ["GLIBC_2.2.5", "GLIBC_2.2.5", "GLIBC_2.25"]);
    }),
);
