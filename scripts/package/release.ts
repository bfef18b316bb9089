/** What all packages are made of, and what making them can end with. */
import type { Bytes, Packed } from "./archives/archive.ts";

export const NAME = "backup-tool";
export const SUMMARY = "Backups that you can browse, verify and trust";
export const DESCRIPTION =
  "Backs up directories into a plain directory that you can browse, copy from and check, with " +
  "this tool or without it, and into encrypted vaults on disks and servers.";
export const LICENSE = "MIT";

/**
 * What an executable is for. `linux-x64` has its C library inside, `linux-x64-glibc` takes that of the system, and
 * `linux-x64-old-glibc` an older one, too.
 */
export type Platform =
  | "linux-x64"
  | "linux-x64-glibc"
  | "linux-x64-old-glibc"
  | "linux-arm64"
  | "macos-x64"
  | "macos-arm64"
  | "windows-x64";

export interface Release {
  readonly version: string;
  /** Of everything in archives. */
  readonly time: Date;
  /** For tests: how hard archives are compressed, see gzip(). */
  readonly level?: number;
  /** Where the files will be downloaded from, without a final slash; undefined where nobody knows yet. */
  readonly url: string | undefined;
  readonly executables: ReadonlyMap<Platform, Bytes>;
  /** Why there is no executable. */
  readonly missing: ReadonlyMap<Platform, string>;
  /** Paths as in share/: completions of shells, manual pages. */
  readonly share: readonly Packed[];
  /** Texts of licences, by file name. */
  readonly licenses: readonly Packed[];
}

/** A file of the release. */
export interface Artefact {
  /** Relative path. */
  readonly name: string;
  readonly content: Bytes | string;
  readonly isExecutable?: boolean;
}

/** This artefact can't be made here; the message says why. */
export class Unbuildable extends Error {}

/** @throws Unbuildable */
export function executableFor(release: Release, platform: Platform): Bytes {
  const bytes = release.executables.get(platform);
  if (bytes === undefined) throw new Unbuildable(release.missing.get(platform) ?? `no executable for ${platform}`);
  return bytes;
}

/** The file of an executable in a release. */
export function fileNameOf({ version }: Release, platform: Platform): string {
  return `${NAME}-${version}-${platform}${platform.startsWith("windows") ? ".exe" : ""}`;
}

/** @throws Unbuildable */
export function urlOf(release: Release, file: string): string {
  if (release.url === undefined) throw new Unbuildable("nobody said where it will be downloaded from: --url");
  return `${release.url}/${file}`;
}
