/** A program that needs a few libraries, to be given them in another way than by the system. */
import { strictEqual } from "node:assert/strict";
import { has, IS_LINUX } from "../support/needs.ts";

/** It can be made here, and run. */
export const canCompile = IS_LINUX && Deno.build.arch === "x86_64" && has("gcc");

/** Says its arguments, a variable, its descriptors, and the file of each library it has loaded. */
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
  return count > 1 && arguments[1][0] == 'v' ? 0 : 7;
}`;

export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** The program, made in a directory. */
export async function compiled(directory: string): Promise<Uint8Array<ArrayBuffer>> {
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

export async function run(
  cwd: string,
  command: string,
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<Ran> {
  const { code, stdout, stderr } = await new Deno.Command(command, { args: [...args], cwd, env }).output();
  const decoder = new TextDecoder();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

/** What follows a word, in each line of the output that begins with it. */
export function lines({ stdout }: Ran, word: string): string[] {
  return stdout.split("\n").filter((line) => line.startsWith(`${word} `)).map((line) => line.slice(word.length + 1));
}

/** A program as Deno 2.6 compiles it, with a text at its end. */
export function withAppended(program: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const text = new TextEncoder().encode("d3n0l4nd and a program"), bytes = text.length + 16;
  const whole = new Uint8Array(program.length + bytes), view = new DataView(whole.buffer);
  whole.set(program);
  whole.set(text, program.length);
  view.setUint32(whole.length - 16, 0x501e, true);
  view.setBigUint64(whole.length - 8, BigInt(bytes), true);
  return whole;
}
