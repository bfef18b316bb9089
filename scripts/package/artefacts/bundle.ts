/**
 * The executable with its libraries beside it, in an archive: for systems whose C library is too old or another one, and
 * that the one file can't be had for, or doesn't run on. Its `install.sh` tells the executable where they are.
 */
import install from "../files/bundle_install.sh" with { type: "text" };
import { type Bytes, gzip, type Packed, tar } from "../archives/archive.ts";
import { bundledLibraries } from "../c_library.ts";
import { Elf, MACHINE, type Machine } from "../elf/elf.ts";
import { requireProgram } from "../elf/embedded.ts";
import { LOADER_NAMES, MERGED, neededLibraries, ownLoader } from "../elf/needs.ts";
import { makeRelocatable, MARK, PATH_BYTES } from "../elf/relocatable.ts";
import { type Artefact, executableFor, NAME, type Platform, type Release } from "../release.ts";

type BundledPlatform = Extract<Platform, "linux-x64-glibc" | "linux-arm64">;

const MACHINES: Readonly<Record<BundledPlatform, Machine>> = {
  "linux-x64-glibc": MACHINE.X86_64,
  "linux-arm64": MACHINE.ARM64,
};

/** @throws Unbuildable, UnfitElf, PackageUnavailable */
export async function bundleFor(release: Release, platform: BundledPlatform): Promise<Artefact> {
  const directory = `${NAME}-${release.version}-${platform.replace("-glibc", "")}-bundle`;
  const executable = executableFor(release, platform), machine = MACHINES[platform];
  requireProgram(executable, machine);
  const program = await bundledProgram(executable, machine);
  const packed: readonly Packed[] = [
    ...program,
    ...release.licenses.map((item) => ({ ...item, path: `licenses/${item.path}` })),
    ...release.share.map((item) => ({ ...item, path: `share/${item.path}` })),
  ];
  const below = packed.map((item) => ({ ...item, path: `${directory}/${item.path}` }));
  return { name: `${directory}.tar.gz`, content: gzip(await tar(below, release.time), release.level) };
}

/** An executable with what it needs, and the script that makes it find that. @throws UnfitElf, PackageUnavailable */
export async function bundledProgram(executable: Bytes, machine: Machine): Promise<readonly Packed[]> {
  const files = await bundledLibraries(machine), loader = LOADER_NAMES[machine];
  const program = new Elf(executable.slice(), machine);
  const { bytes, markAt } = makeRelocatable(executable, machine, loader);
  return [
    { path: NAME, content: bytes, mode: 0o755 },
    { path: "install.sh", content: installer(markAt, loader), mode: 0o755 },
    { path: `lib/${loader}`, content: ownLoader(files), mode: 0o755 },
    ...[...neededLibraries(program, files), ...emptyLibraries(program, files.libraries)].map(([name, content]) => {
      return { path: `lib/${name}`, content };
    }),
  ];
}

/** What the C library has taken in is looked for all the same, by its old names. */
function emptyLibraries(
  program: Elf,
  libraries: ReadonlyMap<string, Bytes>,
): readonly (readonly [string, Bytes])[] {
  const names = program.needs().map(({ library }) => library).filter((name) => MERGED.includes(name));
  return names.map((name) => [name, libraries.get(name) ?? new Uint8Array()]);
}

function installer(markAt: number, loader: string): string {
  const values = { MARK_AT: markAt, MARK, PATH_BYTES: PATH_BYTES - 1, LOADER: loader };
  return Object.entries(values).reduce((text, [name, value]) => text.replace(`@${name}@`, `${value}`), install);
}
