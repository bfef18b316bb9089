/**
 * Makes all files of a release, without a daemon and with the same bytes each time, in dist/packages/:
 *
 *   deno task package [--url URL] [--only NAME]... [--strict]
 *
 * URL is where the files will be downloaded from. What can't be made on this machine is named with the reason; with
 * --strict that is a failure. NAME is one of those that it prints. SOURCE_DATE_EPOCH, else the last commit, is the time of
 * everything in archives.
 */
import { parseArgs } from "node:util";
import { SCRIPTS } from "../../src/cli/completion/scripts.ts";
import { VERSION } from "../../src/core/version.ts";
import { buildExecutable, BuildFailed } from "../build.ts";
import { PAGE } from "../make_recover_page.ts";
import { type Bytes, bytesOf, digest, type Packed } from "./archives/archive.ts";
import { bundleFor } from "./artefacts/bundle.ts";
import { debFor } from "./artefacts/deb.ts";
import { composeFor, formulaFor, scoopFor, unraidFor, wingetFor } from "./artefacts/descriptions.ts";
import { imageFor } from "./artefacts/image.ts";
import { notesFor } from "./artefacts/notes.ts";
import { qpkgFor } from "./artefacts/qpkg.ts";
import { sbomFor } from "./artefacts/sbom.ts";
import { spkFor } from "./artefacts/spk.ts";
import { debianComponents, licenseTexts, npmComponents, runtimeComponent } from "./components.ts";
import { PackageUnavailable } from "./debian.ts";
import { MACHINE, UnfitElf } from "./elf/elf.ts";
import { requireProgram } from "./elf/embedded.ts";
import { lowered } from "./elf/lowered.ts";
import { manualPages } from "./manual.ts";
import { bundledLibraries } from "./c_library.ts";
import { makeOneFile } from "./one_file/one_file.ts";
import { type Artefact, executableFor, fileNameOf, NAME, type Platform, type Release, Unbuildable } from "./release.ts";
import { commitsSince, releaseBefore, sourceTime } from "./source.ts";

/** DSM 7.1 has 2.26. Executables of Deno 2.6 need no more than 2.16, those of Deno 2.9 need 2.25. */
const OLD_GLIBC = "2.25";
const OUTPUT = new URL("../../dist/packages/", import.meta.url);

type Make = (release: Release) => readonly Artefact[] | Artefact | Promise<readonly Artefact[] | Artefact>;

/** What is made, by what it is called. */
const ARTEFACTS: ReadonlyMap<string, Make> = new Map<string, Make>([
  ["linux-x64", (release) => executableArtefact(release, "linux-x64")],
  ["linux-x64-glibc", (release) => executableArtefact(release, "linux-x64-glibc")],
  ["linux-x64-old-glibc", (release) => executableArtefact(release, "linux-x64-old-glibc")],
  ["linux-arm64", (release) => executableArtefact(release, "linux-arm64")],
  ["macos-x64", (release) => executableArtefact(release, "macos-x64")],
  ["macos-arm64", (release) => executableArtefact(release, "macos-arm64")],
  ["windows-x64", (release) => executableArtefact(release, "windows-x64")],
  ["bundle-x64", (release) => bundleFor(release, "linux-x64-glibc")],
  ["bundle-arm64", (release) => bundleFor(release, "linux-arm64")],
  ["image-x64", imageFor],
  ["deb-amd64", (release) => debFor(release, "amd64")],
  ["deb-arm64", (release) => debFor(release, "arm64")],
  ["spk", spkFor],
  ["qpkg", qpkgFor],
  ["homebrew", formulaFor],
  ["winget", wingetFor],
  ["scoop", scoopFor],
  ["unraid", unraidFor],
  ["compose", composeFor],
  ["completions and manual", ({ share }) => share.map(({ path, content = "" }) => ({ name: path, content }))],
  ["licenses", ({ licenses }) => licenses.map(({ path, content = "" }) => ({ name: `licenses/${path}`, content }))],
  ["sbom", async (release) => sbomFor(release, await componentsOf())],
  // Whoever has nothing but a browser opens a vault with it.
  ["recover page", async () => ({ name: "recover.html", content: await Deno.readFile(PAGE) })],
  // What `version --check` asks for.
  ["newest", ({ version }) => ({ name: "newest.json", content: JSON.stringify({ name: NAME, version }) + "\n" })],
  ["notes", async (release) => {
    const since = await releaseBefore(release.version);
    return notesFor(release, await commitsSince(since), since);
  }],
]);

/** Platforms that are compiled, with what `deno compile` calls them; undefined: this machine. */
const COMPILED: readonly (readonly [Platform, string])[] = [
  ["linux-x64-glibc", "linux-x64"],
  ["linux-arm64", "linux-arm64"],
  ["macos-x64", "macos-x64"],
  ["macos-arm64", "macos-arm64"],
  ["windows-x64", "windows-x64"],
];

function executableArtefact(release: Release, platform: Platform): Artefact {
  return { name: fileNameOf(release, platform), content: executableFor(release, platform), isExecutable: true };
}

async function componentsOf() {
  return [runtimeComponent(await runtimeVersion()), ...debianComponents(), ...await npmComponents()];
}

/** Of the compiler, which brings the runtime. */
async function runtimeVersion(): Promise<string> {
  const compiler = Deno.env.get("COMPILE_DENO") ?? Deno.execPath();
  const { stdout } = await new Deno.Command(compiler, { args: ["--version"] }).output();
  return /^deno (\S+)/.exec(new TextDecoder().decode(stdout))?.[1] ?? Deno.version.deno;
}

/** Says why something can't be made here. @throws any other error */
function reasonOf(error: unknown): string {
  const isForeseen = error instanceof Unbuildable || error instanceof BuildFailed || error instanceof UnfitElf ||
    error instanceof PackageUnavailable;
  if (!isForeseen) throw error;
  return error.message;
}

async function compileAll(missing: Map<Platform, string>): Promise<Map<Platform, Bytes>> {
  const made = new Map<Platform, Bytes>();
  for (const [platform, target] of COMPILED) {
    const isHere = Deno.build.target === "x86_64-unknown-linux-gnu" && target === "linux-x64";
    try {
      made.set(platform, await Deno.readFile(await buildExecutable(isHere ? {} : { target })));
    } catch (error) {
      missing.set(platform, firstLine(reasonOf(error)));
    }
  }
  return made;
}

/** Of a long explanation, what it begins with. */
function firstLine(text: string): string {
  return (text.split("\n")[0] ?? text).replace(/:$/, "");
}

/** Adds those that are made of the one for glibc: for an older one, and with the C library inside. */
async function withOthers(made: Map<Platform, Bytes>, missing: Map<Platform, string>): Promise<void> {
  const plain = made.get("linux-x64-glibc"), without = missing.get("linux-x64-glibc");
  const add = async (platform: Platform, make: (plain: Bytes) => Bytes | Promise<Bytes>) => {
    try {
      if (plain === undefined) throw new Unbuildable(without);
      requireProgram(plain, MACHINE.X86_64);
      made.set(platform, await make(plain));
    } catch (error) {
      missing.set(platform, reasonOf(error));
    }
  };
  await add("linux-x64", async (plain) => makeOneFile(plain, await bundledLibraries()));
  await add("linux-x64-old-glibc", (plain) => lowered(plain, OLD_GLIBC));
}

/** Files for share/: completions and the manual. */
async function shareOf(): Promise<readonly Packed[]> {
  return [
    { path: `bash-completion/completions/${NAME}`, content: SCRIPTS.bash },
    { path: `zsh/vendor-completions/_${NAME}`, content: SCRIPTS.zsh },
    { path: `fish/vendor_completions.d/${NAME}.fish`, content: SCRIPTS.fish },
    ...await manualPages(),
  ];
}

async function prepare(url: string | undefined): Promise<Release> {
  const missing = new Map<Platform, string>(), executables = await compileAll(missing);
  await withOthers(executables, missing);
  const licenses = await licenseTexts();
  return { version: VERSION, time: await sourceTime(), url, executables, missing, share: await shareOf(), licenses };
}

async function write({ name, content, isExecutable = false }: Artefact): Promise<void> {
  const path = new URL(name.split("/").map(encodeURIComponent).join("/"), OUTPUT);
  await Deno.mkdir(new URL("./", path), { recursive: true });
  await Deno.writeFile(path, bytesOf(content), { mode: isExecutable ? 0o755 : 0o644 });
}

/** @returns reasons why parts are missing, by their names */
async function makeAll(release: Release, names: readonly string[]): Promise<ReadonlyMap<string, string>> {
  const sums: string[] = [], missing = new Map<string, string>();
  for (const name of names) {
    try {
      const made = await ARTEFACTS.get(name)?.(release) ?? [];
      for (const artefact of [made].flat()) {
        await write(artefact);
        sums.push(`${digest("sha256", bytesOf(artefact.content))}  ${artefact.name}\n`);
        console.log(`${name.padEnd(24)} ${artefact.name} (${(bytesOf(artefact.content).length / 1e6).toFixed(1)} MB)`);
      }
    } catch (error) {
      missing.set(name, reasonOf(error));
    }
  }
  await write({ name: "SHA256SUMS", content: sums.sort((a, b) => a.slice(66) < b.slice(66) ? -1 : 1).join("") });
  return missing;
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    args: Deno.args,
    options: { url: { type: "string" }, only: { type: "string", multiple: true }, strict: { type: "boolean" } },
  });
  const names = values.only ?? [...ARTEFACTS.keys()], unknown = names.find((name) => !ARTEFACTS.has(name));
  if (unknown !== undefined) {
    console.error(`There is no ${JSON.stringify(unknown)}: give one of ${[...ARTEFACTS.keys()].join(", ")}`);
    return 2;
  }
  await Deno.remove(OUTPUT, { recursive: true }).catch(() => {}); // there was none
  const missing = await makeAll(await prepare(values.url?.replace(/\/$/, "")), names);
  for (const [name, reason] of missing) console.log(`${name.padEnd(24)} not made: ${reason}`);
  return values.strict && missing.size > 0 ? 1 : 0;
}

if (import.meta.main) Deno.exit(await main());
