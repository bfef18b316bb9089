/**
 * Runs the tests of one file or directory, or those of them whose names contain a text.
 *
 *   deno task test:one tests/core/apath_test.ts
 *   deno task test:one tests/core "sorts"          or "/a regular expression/"
 *
 * Exit status: that of `deno test`; 2 without a file.
 */
import { TEST_FLAGS } from "./deno_test.ts";

/** @returns arguments of Deno; undefined if no file is named, or too much */
export function testOneArguments(args: readonly string[]): string[] | undefined {
  const [file, filter, ...others] = args;
  if (file === undefined || others.length > 0) return undefined;
  return ["test", ...TEST_FLAGS, ...(filter === undefined ? [] : [`--filter=${filter}`]), file];
}

async function main(): Promise<number> {
  const args = testOneArguments(Deno.args);
  if (args === undefined) {
    console.error("Usage: deno task test:one FILE [FILTER]");
    return 2;
  }
  Deno.chdir(new URL("..", import.meta.url));
  return (await new Deno.Command(Deno.execPath(), { args }).spawn().status).code;
}

if (import.meta.main) Deno.exit(await main());
