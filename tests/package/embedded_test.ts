/** Programs that the runtime keeps in its executable: where they are after the executable was given its libraries. */
import { doesNotThrow, strictEqual, throws } from "node:assert/strict";
import { bundledProgram } from "../../scripts/package/artefacts/bundle.ts";
import { bytesOf } from "../../scripts/package/archives/archive.ts";
import { bundledLibraries } from "../../scripts/package/c_library.ts";
import { MACHINE, UnfitElf } from "../../scripts/package/elf/elf.ts";
import { requireProgram } from "../../scripts/package/elf/embedded.ts";
import { makeOneFile } from "../../scripts/package/one_file/one_file.ts";
import { IS_SLOW } from "../support/effort.ts";
import { has } from "../support/needs.ts";
import { writeProgram } from "../support/programs.ts";
import { canCompile, compiled, run, withAppended } from "./small_program.ts";
import { packageFiles } from "./needed_packages.ts";

const libraries = await packageFiles(bundledLibraries);

Deno.test({
  name: "an executable whose program is kept in an unknown way is no part of a release",
  ignore: !canCompile,
}, async () => {
  const directory = await Deno.makeTempDir();
  try {
    const program = await compiled(directory);
    doesNotThrow(() => requireProgram(withAppended(program), MACHINE.X86_64));
    throws(
      () => requireProgram(program, MACHINE.X86_64),
      new UnfitElf("the runtime keeps its program in a way that only plain executables can have"),
    );
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

/** Puts a text into a copy of itself, as Deno 2.9 does; without arguments, it says which text it has. */
const EMBEDDING = `
fn main() {
    let args: Vec<String> = std::env::args().collect();
    if args.len() > 2 {
        let own = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        let mut out = std::fs::File::create(&args[1]).unwrap();
        libsui::Elf::new(&own).append("d3n0l4nd", args[2].as_bytes(), &mut out).unwrap();
    } else if let Ok(Some(text)) = libsui::find_section("d3n0l4nd") {
        println!("{}", String::from_utf8_lossy(text));
    }
}
`;
const MANIFEST = `[package]
name = "embedding"
version = "0.1.0"
edition = "2021"
[dependencies]
libsui = "=0.16.4"
`;

const can = IS_SLOW && canCompile && libraries !== undefined && has("cargo");

Deno.test({
  name: "one file and bundle: a program in a note of the executable, as Deno 2.9 keeps it, is found (SLOW)",
  ignore: !can,
}, async () => {
  const directory = await Deno.realPath(await Deno.makeTempDir());
  try {
    await Deno.mkdir(`${directory}/src`);
    await Deno.writeTextFile(`${directory}/Cargo.toml`, MANIFEST);
    await Deno.writeTextFile(`${directory}/src/main.rs`, EMBEDDING);
    const built = await run(directory, "cargo", ["build", "--quiet"]);
    strictEqual(built.code, 0, built.stderr);
    await run(directory, "target/debug/embedding", ["with", "a program"]);
    const program = await Deno.readFile(`${directory}/with`);
    requireProgram(program, MACHINE.X86_64);
    writeProgram(`${directory}/one`, makeOneFile(program, libraries!));
    strictEqual((await run(directory, "./one", [])).stdout, "a program\n");
    await Deno.mkdir(`${directory}/bundle/lib`, { recursive: true });
    for (const { path, content = "" } of await bundledProgram(program, MACHINE.X86_64)) {
      writeProgram(`${directory}/bundle/${path}`, bytesOf(content));
    }
    strictEqual((await run(directory, "sh", ["bundle/install.sh"])).stderr, "");
    strictEqual((await run(directory, "bundle/backup-tool", [])).stdout, "a program\n");
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
