/** The C library that the one file carries. */
import { filesOf, PACKAGES } from "../debian.ts";
import { type LibraryFiles, LOADER_NAME } from "./one_file.ts";

const LIBC_FILES = [LOADER_NAME, "libc.so.6", "libm.so.6"];
const DIRECTORY = "lib/x86_64-linux-gnu";

/** @throws PackageUnavailable */
export async function bundledLibraries(): Promise<LibraryFiles> {
  const [[loader, ...libc], [libgcc]] = await Promise.all([
    filesOf(PACKAGES.libc, LIBC_FILES.map((name) => `${DIRECTORY}/${name}`)),
    filesOf(PACKAGES.libgcc, [`${DIRECTORY}/libgcc_s.so.1`]),
  ]);
  if (loader === undefined || libgcc === undefined) throw new Error("A package lost its files");
  const named = libc.map((bytes, index) => [LIBC_FILES[index + 1] ?? "", bytes] as const);
  return { loader, libraries: new Map([...named, ["libgcc_s.so.1", libgcc]]) };
}
