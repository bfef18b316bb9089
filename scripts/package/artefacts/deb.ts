/** The package for Debian, Ubuntu, Raspberry Pi OS and OpenMediaVault, for `apt install ./FILE`. */
import postinst from "../files/deb_postinst.sh" with { type: "text" };
import postrm from "../files/deb_postrm.sh" with { type: "text" };
import prerm from "../files/deb_prerm.sh" with { type: "text" };
import settings from "../files/default" with { type: "text" };
import unit from "../files/backup-tool.service" with { type: "text" };
import { ar, type Bytes, bytesOf, digest, gzip, type Packed, tar } from "../archives/archive.ts";
import { type Artefact, DESCRIPTION, executableFor, NAME, type Platform, type Release, SUMMARY } from "../release.ts";

/** Debian's names of processors, and the executable for each: the system has a C library of its own. */
const ARCHITECTURES: readonly { readonly debian: string; readonly platform: Platform }[] = [
  { debian: "amd64", platform: "linux-x64-glibc" },
  { debian: "arm64", platform: "linux-arm64" },
];

/** @throws Unbuildable */
export async function debFor(release: Release, architecture: "amd64" | "arm64"): Promise<Artefact> {
  const platform = ARCHITECTURES.find(({ debian }) => debian === architecture)?.platform ?? "linux-x64-glibc";
  const files = filesOf(release, executableFor(release, platform));
  const control: Packed[] = [
    { path: "control", content: controlOf(release, architecture, files) },
    { path: "conffiles", content: "/etc/default/backup-tool\n" },
    { path: "md5sums", content: sumsOf(files) },
    { path: "postinst", content: postinst, mode: 0o755 },
    { path: "prerm", content: prerm, mode: 0o755 },
    { path: "postrm", content: postrm, mode: 0o755 },
  ];
  const content = ar([
    { name: "debian-binary", content: "2.0\n" },
    { name: "control.tar.gz", content: gzip(await tar(control, release.time, "./")) },
    { name: "data.tar.gz", content: gzip(await tar(files, release.time, "./"), release.level) },
  ], release.time);
  return { name: `${NAME}_${release.version}_${architecture}.deb`, content };
}

function filesOf(release: Release, executable: Bytes): readonly Packed[] {
  const license = release.licenses.map(({ content = "" }) => content).map((text) =>
    new TextDecoder().decode(bytesOf(text))
  );
  return [
    { path: `usr/bin/${NAME}`, content: executable, mode: 0o755 },
    { path: `usr/lib/systemd/system/${NAME}.service`, content: unit },
    { path: `etc/default/${NAME}`, content: settings },
    // For the storage and the jobs of the service: stays as long as anything is in it.
    { path: `var/lib/${NAME}`, mode: 0o700 },
    { path: `usr/share/doc/${NAME}/copyright`, content: license.join("\n\n") },
    ...release.share.map((item) => ({ ...item, path: `usr/share/${item.path}` })),
  ];
}

function controlOf({ version }: Release, architecture: string, files: readonly Packed[]): string {
  const bytes = files.reduce((sum, { content = "" }) => sum + bytesOf(content).length, 0);
  return [
    `Package: ${NAME}`,
    `Version: ${version}`,
    `Architecture: ${architecture}`,
    `Maintainer: ${NAME} contributors <${NAME}@localhost>`,
    `Installed-Size: ${Math.ceil(bytes / 1024)}`,
    "Depends: libc6 (>= 2.27), libgcc-s1",
    "Section: admin",
    "Priority: optional",
    `Description: ${SUMMARY}`,
    ...wrapped(DESCRIPTION).map((line) => ` ${line}`),
    "",
  ].join("\n");
}

function wrapped(text: string): string[] {
  return text.match(/.{1,76}(?: |$)/g)?.map((line) => line.trim()) ?? [];
}

function sumsOf(files: readonly Packed[]): string {
  return files.flatMap(({ path, content }) => {
    return content === undefined || path.startsWith("etc/") ? [] : [`${digest("md5", bytesOf(content))}  ${path}\n`];
  }).join("");
}
