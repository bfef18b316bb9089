/**
 * The program on arm64: from its source, by the Deno of that machine in an emulator of processors (qemu-user), in a root
 * directory with Debian's C library for it. Each command takes half a minute there.
 */
import { strictEqual } from "node:assert/strict";
import { ARM64_PACKAGES, filesOf } from "../../scripts/package/debian.ts";
import { IS_SLOW } from "../support/effort.ts";
import { has, IS_LINUX, IS_ROOT } from "../support/needs.ts";
import { packageFiles } from "./needed_packages.ts";

const QEMU = "qemu-aarch64-static", LIBRARIES = "lib/aarch64-linux-gnu", LOADER = "ld-linux-aarch64.so.1";
const LIBC = [LOADER, ...["libc.so.6", "libm.so.6", "libdl.so.2", "librt.so.1", "libpthread.so.0"]];
const PROJECT = new URL("../..", import.meta.url).pathname, DOWNLOADS = `${PROJECT}/dist/downloads`;
const DENO_PACKAGE = `@deno/linux-arm64-glibc@${Deno.version.deno}`;

const can = IS_SLOW && IS_LINUX && IS_ROOT && has(QEMU, "npm", "tar", "unshare", "chroot");
const archive = can ? denoArchive() : undefined;
const libraries = archive === undefined ? undefined : await packageFiles(async () => [
  ...await filesOf(ARM64_PACKAGES.libc, LIBC.map((name) => `${LIBRARIES}/${name}`)),
  ...await filesOf(ARM64_PACKAGES.libgcc, [`${LIBRARIES}/libgcc_s.so.1`]),
]);

/** Downloads it once. @returns path of an archive of npm; undefined where it can't be had */
function denoArchive(): string | undefined {
  const path = `${DOWNLOADS}/deno-linux-arm64-glibc-${Deno.version.deno}.tgz`;
  Deno.mkdirSync(DOWNLOADS, { recursive: true });
  try {
    if (Deno.statSync(path).isFile) return path;
  } catch {
    // not downloaded yet
  }
  return new Deno.Command("npm", { args: ["pack", DENO_PACKAGE], cwd: DOWNLOADS }).outputSync().success
    ? path
    : undefined;
}

function done(command: string, args: readonly string[], env: Record<string, string> = {}): string {
  const { code, stdout, stderr } = new Deno.Command(command, { args: [...args], env }).outputSync();
  strictEqual(code, 0, new TextDecoder().decode(stderr) + new TextDecoder().decode(stdout));
  return new TextDecoder().decode(stdout);
}

/** A root directory with Deno, its C library and the emulator. */
function fillRoot(root: string): void {
  for (const name of ["bin", "data", "tmp", "proc", "dev", "project", "cache/npm", LIBRARIES]) {
    Deno.mkdirSync(`${root}/${name}`, { recursive: true });
  }
  const names = [...LIBC, "libgcc_s.so.1"];
  libraries!.forEach((bytes, index) =>
    Deno.writeFileSync(`${root}/${LIBRARIES}/${names[index]}`, bytes, { mode: 0o755 })
  );
  Deno.symlinkSync(`${LIBRARIES.slice(4)}/${LOADER}`, `${root}/lib/${LOADER}`);
  done("tar", ["-xzf", archive!, "-C", `${root}/bin`, "--strip-components=1", "package/deno"]);
  done("sh", ["-ec", `chmod 755 "$0/bin/deno"; cp "$(command -v ${QEMU})" "$0/bin/qemu"`, root]);
}

const MAIN_JOB = [
  ["init"],
  ["backup", "/data", "--name", "life"],
  ["ls", "-l", "life:latest"],
  ["check", "--read-data"],
  ["restore", "life:latest", "--target", "/tmp/back"],
];

/** Shell: mounts that go away with it, then one command of the program. */
const RUN = 'root=$1 cache=$2 project=$3; shift 3; mount -t proc proc "$root/proc"; mount --rbind /dev "$root/dev"; ' +
  'mount --bind "$cache/npm" "$root/cache/npm"; mount --bind "$project" "$root/project"; ' +
  'exec chroot "$root" /bin/qemu /bin/deno run -A --no-check --cached-only /project/main.ts "$@"';

Deno.test({
  name: "arm64: init, backup, ls, check and restore from the source, in an emulator (SLOW)",
  ignore: libraries === undefined,
}, () => {
  const root = Deno.makeTempDirSync({ prefix: "backup-tool-arm64-" });
  try {
    fillRoot(root);
    Deno.writeTextFileSync(`${root}/data/letter`, "Dear Ada,\n");
    Deno.linkSync(`${root}/data/letter`, `${root}/data/same`);
    Deno.utimeSync(`${root}/data/letter`, 1_600_000_000.123, 1_600_000_000.123);
    const { denoDir } = JSON.parse(done(Deno.execPath(), ["info", "--json"])) as { readonly denoDir: string };
    const env = {
      DENO_DIR: "/cache",
      HOME: "/tmp",
      BACKUP_TOOL_STORAGE: "/tmp/storage",
      PATH: "/bin:/usr/bin:/sbin:/usr/sbin",
    };
    for (const words of MAIN_JOB) {
      done("unshare", ["--mount", "sh", "-ec", RUN, "sh", root, denoDir, PROJECT, ...words], env);
    }
    done("diff", ["-r", `${root}/data`, `${root}/tmp/back`]);
    const [before, after] = [`${root}/data/letter`, `${root}/tmp/back/letter`].map((path) => Deno.statSync(path));
    strictEqual(after?.mtime?.getTime(), before?.mtime?.getTime());
    strictEqual(after?.nlink, 2);
  } finally {
    Deno.removeSync(root, { recursive: true });
  }
});
