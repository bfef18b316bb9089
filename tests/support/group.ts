/**
 * Many test files as one: loading the program takes longer than most files take, and what has run often is fast. Tests are
 * named after their files, as `deno test` does where each file stands for itself.
 */

/** Defines the tests of the files. @param root URL that the names of files start from */
export async function group(root: string, files: readonly string[]): Promise<void> {
  const { test } = Deno;
  for (const file of files) {
    Object.assign(Deno, { test: namedAfter(file, test) });
    await import(new URL(file, root).href);
  }
  Object.assign(Deno, { test });
}

type Define = (...args: readonly unknown[]) => void;

function namedAfter(file: string, test: typeof Deno.test): typeof Deno.test {
  const naming = (define: unknown): Define => (first, ...rest) => (define as Define)(...named(file, first, rest));
  const { ignore, only } = test;
  return Object.assign(naming(test), test, { ignore: naming(ignore), only: naming(only) }) as typeof Deno.test;
}

/** All forms of `Deno.test()`, the name in front. */
function named(file: string, first: unknown, rest: readonly unknown[]): unknown[] {
  if (typeof first === "string") return [`${file} => ${first}`, ...rest];
  if (typeof first === "function") return [`${file} => ${first.name}`, first, ...rest];
  const { name, ...options } = first as Deno.TestDefinition;
  return [{ ...options, name: `${file} => ${name}` }, ...rest];
}
