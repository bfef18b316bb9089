/** The libraries that an executable needs, taken from another system than the one it will run on. */
import { Elf, MACHINE, type Machine, UnfitElf } from "./elf.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** The loader of GNU libc by its name, with what comes in the same package, by their names. */
export interface LibraryFiles {
  readonly machine: Machine;
  readonly loader: Bytes;
  readonly libraries: ReadonlyMap<string, Bytes>;
}

/** What the loader is called by those who need it. */
export const LOADER_NAMES: Readonly<Record<Machine, string>> = {
  [MACHINE.X86_64]: "ld-linux-x86-64.so.2",
  [MACHINE.ARM64]: "ld-linux-aarch64.so.1",
};
export const LIBC = "libc.so.6";
/** Empty since glibc 2.34: all that they had is in the C library, under the same versions. */
export const MERGED: readonly string[] = ["libdl.so.2", "librt.so.1", "libpthread.so.0"];

/** Files of the host that belong to its own C library: what they name must not be loaded into this one. */
const LOADER_FILES: readonly (readonly [path: string, instead: string])[] = [
  ["/etc/ld.so.preload", "/dev/null/preloads"],
  ["/etc/ld.so.cache", "/dev/null/ldcache"],
];
const LIBC_FILES: typeof LOADER_FILES = [["/etc/nsswitch.conf", "/dev/null/nsswitch"]];

/** The library that has what a name stands for. */
export function carrierOf(name: string): string {
  return MERGED.includes(name) ? LIBC : name;
}

/** The loader, which looks for no files of the host. @throws UnfitElf */
export function ownLoader({ machine, loader }: LibraryFiles): Bytes {
  return without(loader, LOADER_NAMES[machine], LOADER_FILES);
}

/**
 * The libraries that a program needs, by name, without those that the C library has taken in; they look for no files of
 * the host. @throws UnfitElf if it needs more than there is
 */
export function neededLibraries(program: Elf, files: LibraryFiles): ReadonlyMap<string, Bytes> {
  const found = new Map<string, Bytes>(), loaderName = LOADER_NAMES[files.machine];
  for (const { library, versions } of program.needs()) {
    const name = carrierOf(library), bytes = name === loaderName ? files.loader : files.libraries.get(name);
    if (bytes === undefined) throw new UnfitElf(`it needs ${library}, which is not at hand`);
    const defined = new Elf(bytes, files.machine).versions();
    const missing = versions.filter((version) => !defined.has(version));
    if (missing.length > 0) throw new UnfitElf(`it needs ${missing.join(", ")} of ${name}, which is older`);
    if (name !== loaderName) found.set(name, without(bytes, name, name === LIBC ? LIBC_FILES : []));
  }
  return found;
}

/** A copy that doesn't look for the host's files. @throws UnfitElf if it doesn't name each exactly once */
function without(bytes: Bytes, name: string, files: typeof LOADER_FILES): Bytes {
  const copy = bytes.slice(), encoder = new TextEncoder();
  for (const [path, instead] of files) {
    const places = placesOf(copy, encoder.encode(`${path}\0`));
    if (places.length !== 1) throw new UnfitElf(`${name} names ${path} ${places.length} times instead of once`);
    for (const place of places) copy.set(encoder.encode(instead), place);
  }
  return copy;
}

function placesOf(bytes: Uint8Array, wanted: Uint8Array): number[] {
  const places: number[] = [], [first = 0] = wanted;
  for (let at = bytes.indexOf(first); at >= 0; at = bytes.indexOf(first, at + 1)) {
    if (wanted.every((byte, index) => bytes[at + index] === byte)) places.push(at);
  }
  return places;
}
