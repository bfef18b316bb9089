/** What is in the executables besides this project's own source, and under which licences. */
import lockText from "../../deno.lock" with { type: "text" };
import { MODULES } from "../rooms.ts";
import type { Packed } from "./archives/archive.ts";
import { filesOf, PACKAGES } from "./debian.ts";
import { joined } from "./archives/archive.ts";

export interface Component {
  readonly name: string;
  readonly version: string;
  /** SPDX expression. */
  readonly license: string;
  /** A package URL. */
  readonly purl: string;
  /** SHA-512 of the package in hex, where its registry says it. */
  readonly sha512?: string;
}

/** A package as the lock file has it. */
interface Locked {
  readonly integrity?: string;
  readonly dependencies?: readonly string[];
}

/** The npm packages in the executables: those that the source may import, and what these depend on. By name. */
export async function npmComponents(): Promise<readonly Component[]> {
  const directories = await cachedPackages();
  return await Promise.all(
    bundledPackages().map(async ({ name, version, sha512 }) => {
      const description = await describedBy(directories, name, version);
      const license = description.license;
      const purl = `pkg:npm/${name.replace("@", "%40")}@${version}`;
      return { name, version, license, purl, ...(sha512 !== undefined && { sha512 }) };
    }),
  );
}

/** What comes from Debian into the one file and into the image. */
export function debianComponents(): readonly Component[] {
  return [PACKAGES.libc, PACKAGES.libgcc, PACKAGES.busybox].map(({ name, version, license }) => {
    return { name, version, license, purl: `pkg:deb/debian/${name}@${encodeURIComponent(version)}?arch=amd64` };
  });
}

/** @param version of the base runtime */
export function runtimeComponent(version: string): Component {
  return { name: "deno", version, license: "MIT", purl: `pkg:github/denoland/deno@v${version}` };
}

/** Names, versions and sums of the npm packages that get into the executables, sorted by name. */
export function bundledPackages(): readonly { readonly name: string; readonly version: string; sha512?: string }[] {
  const { npm: locked } = JSON.parse(lockText) as { readonly npm: Readonly<Record<string, Locked>> };
  const byName = new Map<string, string>();
  for (const key of Object.keys(locked)) byName.set(key.slice(0, key.lastIndexOf("@")), key);
  const wanted = Object.keys(MODULES).filter((name) => !name.startsWith("node:")), found = new Set<string>();
  for (const name of wanted) {
    const key = byName.get(name) ?? name;
    if (found.has(key)) continue;
    found.add(key);
    wanted.push(...(locked[key]?.dependencies ?? []).map((dependency) => nameIn(dependency)));
  }
  return [...found].sort().map((key) => {
    const integrity = locked[key]?.integrity?.replace("sha512-", "");
    const sha512 = integrity === undefined ? {} : { sha512: Uint8Array.fromBase64(integrity).toHex() };
    return { name: nameIn(key), version: key.slice(key.lastIndexOf("@") + 1), ...sha512 };
  });
}

/** "name@1.2.3" or "name"; the name may begin with "@". */
function nameIn(key: string): string {
  const at = key.lastIndexOf("@");
  return at > 0 ? key.slice(0, at) : key;
}

/** Where Deno keeps npm packages: a directory for each registry. */
async function cachedPackages(): Promise<readonly string[]> {
  const { stdout } = await new Deno.Command(Deno.execPath(), { args: ["info", "--json"] }).output();
  const { npmCache } = JSON.parse(new TextDecoder().decode(stdout)) as { readonly npmCache: string };
  const found: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(npmCache)) if (isDirectory) found.push(`${npmCache}/${name}`);
  return found.sort();
}

interface Description {
  readonly license: string;
  /** What its package says of licence and authors. */
  readonly text: string;
}

/** @throws Error for a package that was never downloaded */
async function describedBy(directories: readonly string[], name: string, version: string): Promise<Description> {
  for (const directory of directories) {
    const place = `${directory}/${name}/${version}`;
    const json = await Deno.readTextFile(`${place}/package.json`).catch(() => undefined); // another registry has it
    if (json === undefined) continue;
    return { license: licenseOf(JSON.parse(json)), text: await licenseIn(place) };
  }
  throw new Error(`${name} ${version} was not downloaded: deno install`);
}

/** @param description a package.json; old ones have a list */
function licenseOf(
  { license, licenses }: { license?: string; licenses?: readonly { readonly type: string }[] },
): string {
  return license ?? licenses?.map(({ type }) => type).join(" OR ") ?? "NOASSERTION";
}

async function licenseIn(place: string): Promise<string> {
  for await (const { name } of Deno.readDir(place)) {
    if (/^licen[cs]e(\.\w+)?$/i.test(name)) return await Deno.readTextFile(`${place}/${name}`);
  }
  return "";
}

/** The texts that have to come with the executables. @throws PackageUnavailable */
export async function licenseTexts(): Promise<readonly Packed[]> {
  const directories = await cachedPackages(), all = await npmComponents();
  const npm = await Promise.all(all.map(async ({ name, version, license }) => {
    const { text } = await describedBy(directories, name, version);
    return `${name} ${version}\n${license}\n\n${text}\n\n${"-".repeat(80)}\n\n`;
  }));
  const [ownText, [libc], [gcc], [busybox], common] = await Promise.all([
    Deno.readTextFile(new URL("../../LICENSE", import.meta.url)),
    filesOf(PACKAGES.libc, ["usr/share/doc/libc6/copyright"]),
    filesOf(PACKAGES.gccBase, ["usr/share/doc/gcc-12-base/copyright"]),
    filesOf(PACKAGES.busybox, ["usr/share/doc/busybox-static/copyright"]),
    filesOf(PACKAGES.texts, ["LGPL-2.1", "GPL-2", "GPL-3"].map((name) => `usr/share/common-licenses/${name}`)),
  ]);
  return [
    { path: "LICENSE", content: ownText },
    { path: "packages.txt", content: npm.join("") },
    { path: "SOURCES.txt", content: sources() },
    { path: "libc.txt", content: libc ?? "" },
    { path: "libgcc.txt", content: gcc ?? "" },
    { path: "busybox.txt", content: busybox ?? "" },
    { path: "LGPL-2.1_GPL-2_GPL-3.txt", content: joined(common.flatMap((text) => [text, "\n\n"])) },
  ];
}

function sources(): string {
  const lines = [PACKAGES.libc, PACKAGES.libgcc, PACKAGES.busybox].map(({ name, version, source, license }) =>
    `${name} ${version} (${license}): source package ${source}`
  );
  return [
    "The executable linux-x64 carries libraries of Debian, the image busybox too. They are unchanged, but for three paths",
    "in the C library and its loader, which name files of the system that must not be read (scripts/package/one_file/ of",
    "this project's source, which also puts other versions of these libraries in their place).",
    "",
    ...lines,
    "",
    "The sources are those of Debian 12: `apt-get source NAME=VERSION`. The runtime is Deno (MIT).",
    "",
  ].join("\n");
}
