/**
 * Files from packages of Debian, pinned by version and checksum. What was downloaded is kept in dist/downloads/, and may
 * as well be put there by hand; nothing of it is ever committed.
 */
import { createHash } from "node:crypto";

/** A package can't be had as it is pinned; the message is for the person who builds. */
export class PackageUnavailable extends Error {}

export interface DebianPackage {
  readonly name: string;
  readonly version: string;
  /** As Debian calls it; undefined: amd64. */
  readonly architecture?: "arm64";
  /** Of the .deb, in hex. */
  readonly sha256: string;
  /** The source package and its version, in which anybody finds the source. */
  readonly source: string;
  /** SPDX expression for what is taken of it. */
  readonly license: string;
}

const LIBC: DebianPackage = {
  name: "libc6",
  version: "2.36-9+deb12u14",
  sha256: "ba4f88f73dbc3ae9055f3c20f4523bfdbaf1ad13ff95e258924f77d20b4fbedf",
  source: "glibc 2.36-9+deb12u14",
  license: "LGPL-2.1-or-later",
};
const LIBGCC: DebianPackage = {
  name: "libgcc-s1",
  version: "12.2.0-14+deb12u1",
  sha256: "3016e62cb4b7cd8038822870601f5ed131befe942774d0f745622cc77d8a88f7",
  source: "gcc-12 12.2.0-14+deb12u1",
  license: "GPL-3.0-or-later WITH GCC-exception-3.1",
};
const BUSYBOX: DebianPackage = {
  name: "busybox-static",
  version: "1:1.35.0-4+deb12u1+b1",
  sha256: "3d3fdbe91d4660c873e14b092c213fe81c1da6362daa236eb25d0171eb108744",
  source: "busybox 1:1.35.0-4+deb12u1",
  license: "GPL-2.0-only",
};
/** Only what it says of authors and licences. */
const GCC_BASE: DebianPackage = {
  name: "gcc-12-base",
  version: "12.2.0-14+deb12u1",
  sha256: "1896a2aacf4ad681ff5eacc24a5b0ca4d5d9c9b9c9e4b6de5197bc1e116ea619",
  source: LIBGCC.source,
  license: LIBGCC.license,
};
/** Only texts of licences. */
const TEXTS: DebianPackage = {
  name: "base-files",
  version: "12.4+deb12u15",
  sha256: "3eb1ea6d85488f488cc2a163b98ad640ef88cee4c79287cf14e361aaf6206f47",
  source: "base-files 12.4+deb12u15",
  license: "NONE",
};

/** For tests in an emulator. */
const LIBC_ARM64: DebianPackage = {
  ...LIBC,
  architecture: "arm64",
  sha256: "01f4330719fd4f65580e16ea5a0527f372fca750e8f588d26deaf09f2d3b1cf4",
};
const LIBGCC_ARM64: DebianPackage = {
  ...LIBGCC,
  architecture: "arm64",
  sha256: "576926b283613db80168ddf76380a3bd877602778cf0d226caa7bfbfa71eacf3",
};
export const ARM64_PACKAGES = { libc: LIBC_ARM64, libgcc: LIBGCC_ARM64 } as const;

export const PACKAGES = { libc: LIBC, libgcc: LIBGCC, busybox: BUSYBOX, gccBase: GCC_BASE, texts: TEXTS } as const;

const DOWNLOADS = new URL("../../dist/downloads/", import.meta.url);

/**
 * Files of a package.
 * @param paths in the package, without a leading slash; links in it are followed
 * @returns in the order of `paths` @throws PackageUnavailable
 */
export async function filesOf(
  wanted: DebianPackage,
  paths: readonly string[],
): Promise<readonly Uint8Array<ArrayBuffer>[]> {
  const archive = await download(wanted), directory = await Deno.makeTempDir();
  try {
    await run("dpkg-deb", ["--extract", archive, directory], directory, wanted);
    return await Promise.all(paths.map((path) => Deno.readFile(`${directory}/${path}`)));
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

/** @returns path of the .deb, whose checksum is right */
async function download(wanted: DebianPackage): Promise<string> {
  const kept = new URL(fileNameOf(wanted), DOWNLOADS);
  if (await hasChecksum(kept, wanted.sha256)) return kept.pathname;
  await Deno.mkdir(DOWNLOADS, { recursive: true });
  const directory = await Deno.makeTempDir({ dir: DOWNLOADS.pathname });
  try {
    const options = await foreignOptions(wanted, directory);
    const name = `${wanted.name}:${wanted.architecture ?? "amd64"}=${wanted.version}`;
    await run("apt-get", ["--quiet", ...options, "download", name], directory, wanted);
    for await (const { name } of Deno.readDir(directory)) {
      if (name.endsWith(".deb")) await Deno.rename(`${directory}/${name}`, kept);
    }
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
  if (await hasChecksum(kept, wanted.sha256)) return kept.pathname;
  throw unavailable(wanted, "what was downloaded has another checksum");
}

/** For another architecture than that of this system: lists of its own, so that nothing changes for the system. */
async function foreignOptions(wanted: DebianPackage, directory: string): Promise<readonly string[]> {
  const { architecture } = wanted;
  if (architecture === undefined) return [];
  await Deno.mkdir(`${directory}/lists/partial`, { recursive: true });
  const settings = [
    ...[`APT::Architecture=${architecture}`, `APT::Architectures=${architecture}`],
    ...[`Dir::State::lists=${directory}/lists`, "Dir::State::status=/dev/null"],
    ...["Dir::Cache::pkgcache=", "Dir::Cache::srcpkgcache="],
  ];
  const options = settings.flatMap((setting) => ["--option", setting]);
  await run("apt-get", ["--quiet", ...options, "update"], directory, wanted);
  return options;
}

function fileNameOf({ name, version, architecture }: DebianPackage): string {
  return `${name}_${version.replace(":", "_")}${architecture === undefined ? "" : `_${architecture}`}.deb`;
}

async function hasChecksum(file: URL, sha256: string): Promise<boolean> {
  const bytes = await Deno.readFile(file).catch(() => undefined); // not downloaded yet
  return bytes !== undefined && createHash("sha256").update(bytes).digest("hex") === sha256;
}

async function run(
  command: string,
  args: readonly string[],
  directory: string,
  wanted: DebianPackage,
): Promise<void> {
  try {
    const { success, stderr } = await new Deno.Command(command, { args: [...args], cwd: directory }).output();
    if (!success) throw unavailable(wanted, new TextDecoder().decode(stderr).trim());
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw unavailable(wanted, `this machine has no ${command}`);
  }
}

function unavailable(wanted: DebianPackage, why: string): PackageUnavailable {
  return new PackageUnavailable(
    `Cannot get ${wanted.name} ${wanted.version} of Debian: ${why}\n` +
      `Put it into dist/downloads/ as ${fileNameOf(wanted)} (SHA-256 ${wanted.sha256}), ` +
      "or pin a newer version in scripts/package/debian.ts",
  );
}
