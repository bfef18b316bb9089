/**
 * Makes the machine code of stub.c and writes it to stub_bytes.ts: deno run -A scripts/package/one_file/rebuild_stub.ts
 *
 * Needs gcc and binutils for x86-64. Packaging doesn't: it takes what stub_bytes.ts has.
 */
const HERE = new URL("./", import.meta.url);
const FLAGS = [
  ..."-Os -ffreestanding -fPIE -fno-builtin -fno-stack-protector -fno-asynchronous-unwind-tables -fno-ident".split(" "),
  ..."-fcf-protection=none -mno-sse -Wall -Wextra -Werror -nostdlib -static -Wl,--build-id=none -Wl,-T,stub.ld".split(
    " ",
  ),
];

export interface Stub {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Where it begins, from its start. */
  readonly first: number;
  /** What made it. */
  readonly compiler: string;
}

/** @throws Error with what the compiler said */
export async function compileStub(): Promise<Stub> {
  const directory = await Deno.makeTempDir();
  try {
    const elf = `${directory}/stub.elf`, binary = `${directory}/stub.bin`;
    await run("gcc", [...FLAGS, "-o", elf, "stub.c"]);
    await run("objcopy", ["-O", "binary", elf, binary]);
    const names = await run("nm", [elf]);
    const first = names.split("\n").find((line) => line.endsWith(" T first"))?.split(" ")[0];
    if (first === undefined) throw new Error("The stub has no beginning");
    return { bytes: await Deno.readFile(binary), first: parseInt(first, 16), compiler: await compilerName() };
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

/** Compiler and linker by their versions: others make other bytes. */
export async function compilerName(): Promise<string> {
  const [gcc = "", ld = ""] = (await Promise.all([run("gcc", ["--version"]), run("ld", ["--version"])]))
    .map((text) => text.split("\n")[0]);
  return `${gcc}; ${ld}`;
}

async function run(command: string, args: readonly string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(command, { args: [...args], cwd: HERE }).output();
  if (!success) throw new Error(`${command}: ${new TextDecoder().decode(stderr)}`);
  return new TextDecoder().decode(stdout);
}

if (import.meta.main) {
  const { bytes, first, compiler } = await compileStub();
  const lines = bytes.toBase64().match(/.{1,110}/g) ?? [];
  await Deno.writeTextFile(
    new URL("stub_bytes.ts", HERE),
    `/** The machine code of stub.c, as rebuild_stub.ts makes it: a test does so again, and compares. */\n\n` +
      `/** The compiler and linker that made it. */\nexport const STUB_COMPILER = ${JSON.stringify(compiler)};\n\n` +
      `/** Where it begins, in bytes from its start. */\nexport const STUB_FIRST = ${first};\n\n` +
      `export const STUB = Uint8Array.fromBase64([\n${lines.map((line) => `  "${line}",\n`).join("")}].join(""));\n`,
  );
}
