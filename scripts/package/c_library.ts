/** The C library that executables carry or bring. */
import { ARM64_PACKAGES, type DebianPackage, filesOf, PACKAGES } from "./debian.ts";
import { MACHINE, type Machine } from "./elf/elf.ts";
import { LIBC, type LibraryFiles, LOADER_NAMES, MERGED } from "./elf/needs.ts";

interface Source {
  readonly directory: string;
  readonly libc: DebianPackage;
  readonly libgcc: DebianPackage;
}

const SOURCES: Readonly<Record<Machine, Source>> = {
  [MACHINE.X86_64]: { directory: "lib/x86_64-linux-gnu", ...PACKAGES },
  [MACHINE.ARM64]: { directory: "lib/aarch64-linux-gnu", ...ARM64_PACKAGES },
};
const LIBGCC = "libgcc_s.so.1";

/** @throws PackageUnavailable */
export async function bundledLibraries(machine: Machine = MACHINE.X86_64): Promise<LibraryFiles> {
  const { directory, libc, libgcc } = SOURCES[machine], names = [LIBC, "libm.so.6", ...MERGED];
  const [[loader, ...libcFiles], [libgccFile]] = await Promise.all([
    filesOf(libc, [LOADER_NAMES[machine], ...names].map((name) => `${directory}/${name}`)),
    filesOf(libgcc, [`${directory}/${LIBGCC}`]),
  ]);
  if (loader === undefined || libgccFile === undefined) throw new Error("A package lost its files");
  const named = libcFiles.map((bytes, index) => [names[index] ?? "", bytes] as const);
  return { machine, loader, libraries: new Map([...named, [LIBGCC, libgccFile]]) };
}
