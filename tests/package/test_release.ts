/** A release for tests of packages. */
import type { Bytes } from "../../scripts/package/archives/archive.ts";
import type { Platform, Release } from "../../scripts/package/release.ts";

export const TIME = new Date("2026-03-04T05:06:07Z");

export function testRelease(
  executables: Readonly<Partial<Record<Platform, Bytes | undefined>>>,
  changes: Partial<Release> = {},
): Release {
  const there = Object.entries(executables).filter(([, bytes]) => bytes !== undefined) as [Platform, Bytes][];
  return {
    version: "1.2.3",
    time: TIME,
    url: "https://example.org/releases/v1.2.3",
    executables: new Map(there),
    missing: new Map(),
    share: [{ path: "bash-completion/completions/backup-tool", content: "# completes\n" }],
    licenses: [{ path: "LICENSE", content: "do what you like\n" }],
    ...changes,
  };
}
