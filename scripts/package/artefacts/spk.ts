/** The package for Synology's DSM 7: a tar of descriptions, scripts, and the files as an archive in it. */
import nothing from "../files/spk_nothing.sh" with { type: "text" };
import startStopStatus from "../files/spk_start_stop_status.sh" with { type: "text" };
import { digest, gzip, type Packed, tar } from "../archives/archive.ts";
import { icon } from "../archives/icon.ts";
import { type Artefact, DESCRIPTION, executableFor, NAME, type Release } from "../release.ts";

/** Called around an installation; all leave the data alone. */
const HOOKS = ["preinst", "postinst", "preuninst", "postuninst", "preupgrade", "postupgrade"];

/** The user that the service runs as. */
const USER = "sc-backup-tool";

/** A shared folder, and the command for those who log in. */
const RESOURCES = {
  "data-share": { shares: [{ name: NAME, permission: { rw: [USER] } }] },
  "usr-local-linker": { bin: [`bin/${NAME}`] },
};

/** @throws Unbuildable */
export async function spkFor(release: Release): Promise<Artefact> {
  const files: Packed[] = [
    { path: `bin/${NAME}`, content: executableFor(release, "linux-x64"), mode: 0o755 },
    ...release.licenses.map((item) => ({ ...item, path: `licenses/${item.path}` })),
  ];
  const inner = gzip(await tar(files, release.time), release.level);
  const packed: Packed[] = [
    { path: "INFO", content: infoOf(release, digest("md5", inner)) },
    { path: "package.tgz", content: inner },
    { path: "conf/privilege", content: text({ defaults: { "run-as": "package" }, username: USER, groupname: USER }) },
    { path: "conf/resource", content: text(RESOURCES) },
    { path: "scripts/start-stop-status", content: startStopStatus, mode: 0o755 },
    ...HOOKS.map((hook) => ({ path: `scripts/${hook}`, content: nothing, mode: 0o755 })),
    { path: "PACKAGE_ICON.PNG", content: icon(64) },
    { path: "PACKAGE_ICON_256.PNG", content: icon(256) },
  ];
  return { name: `${NAME}-${release.version}-x86_64.spk`, content: await tar(packed, release.time) };
}

function infoOf({ version }: Release, sum: string): string {
  const fields = {
    package: NAME,
    version: `${version}-0001`,
    os_min_ver: "7.0-40000",
    arch: "x86_64",
    displayname: "Backup Tool",
    description: DESCRIPTION,
    maintainer: `${NAME} contributors`,
    thirdparty: "yes",
    startable: "yes",
    ctl_stop: "yes",
    silent_install: "yes",
    silent_upgrade: "yes",
    silent_uninstall: "yes",
    checksum: sum,
  };
  return Object.entries(fields).map(([name, value]) => `${name}="${value}"\n`).join("");
}

function text(value: unknown): string {
  return JSON.stringify(value, undefined, 2) + "\n";
}
