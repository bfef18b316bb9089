/** The package for QNAP's QTS and QuTS hero: a script that unpacks what follows it, and 100 bytes that App Center reads. */
import header from "../files/qpkg_header.sh" with { type: "text" };
import install from "../files/qpkg_install.sh" with { type: "text" };
import service from "../files/qpkg_service.sh" with { type: "text" };
import settings from "../files/qpkg_settings.conf" with { type: "text" };
import uninstall from "../files/qpkg_uninstall.sh" with { type: "text" };
import { bytesOf, gzip, joined, type Packed, tar } from "../archives/archive.ts";
import { type Artefact, executableFor, NAME, type Release } from "../release.ts";

/** As wide as any number that may come there. */
const NUMBER_DIGITS = 12;

/** @throws Unbuildable */
export async function qpkgFor(release: Release): Promise<Artefact> {
  const { version, time } = release;
  const installer = install.replace("@VERSION@", version).replace("@DATE@", time.toISOString().slice(0, 10));
  const licenses = joined(release.licenses.flatMap(({ content = "" }) => [content, "\n\n"]));
  const files: Packed[] = [
    { path: "install.sh", content: installer, mode: 0o755 },
    { path: "package/backup-tool", content: executableFor(release, "linux-x64"), mode: 0o755 },
    { path: "package/backup-tool.sh", content: service, mode: 0o755 },
    { path: "package/.uninstall.sh", content: uninstall, mode: 0o755 },
    { path: "package/settings.conf", content: settings },
    { path: "package/LICENSES.txt", content: licenses },
  ];
  const archive = gzip(await tar(files, time), release.level);
  const content = joined([headerFor(archive.length), archive, tailOf(release)]);
  return { name: `${NAME}_${version}_x86_64.qpkg`, content, isExecutable: true };
}

function headerFor(size: number): string {
  const filled = (offset: number) =>
    header.replace("@OFFSET@", String(offset).padEnd(NUMBER_DIGITS)).replace(
      "@SIZE@",
      String(size).padEnd(NUMBER_DIGITS),
    );
  return filled(bytesOf(filled(0)).length);
}

/** Model, reserved, checksum (written by a NAS only), name, version, kind. */
function tailOf({ version }: Release): string {
  return "".padEnd(10) + "".padEnd(40) + "".padEnd(10) + NAME.padEnd(20) + version.slice(0, 10).padEnd(10) +
    "QNAPQPKG".padEnd(10);
}
