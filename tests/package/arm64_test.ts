/**
 * The program on arm64: from its source, by the Deno of that machine in an emulator of processors (qemu-user), in a root
 * directory with Debian's C library for it. Each command takes half a minute there.
 */
import { match, strictEqual } from "node:assert/strict";
import { bundledProgram } from "../../scripts/package/artefacts/bundle.ts";
import { ARM64_PACKAGES, filesOf, PACKAGES } from "../../scripts/package/debian.ts";
import { MACHINE } from "../../scripts/package/elf/elf.ts";
import { IS_SLOW } from "../support/effort.ts";
import { has, IS_LINUX, IS_ROOT } from "../support/needs.ts";
import { writeProgram } from "../support/programs.ts";
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

/** Deno as the program of a bundle: there is no base runtime for arm64 to compile one with. */
const bundle = archive === undefined ? undefined : await packageFiles(async () => ({
  files: await bundledProgram(denoOf(archive), MACHINE.ARM64),
  busybox: (await filesOf(PACKAGES.busybox, ["bin/busybox"]))[0]!,
}));

/** The executable in an archive of npm. */
function denoOf(archive: string): Uint8Array<ArrayBuffer> {
  const { stdout } = new Deno.Command("tar", { args: ["-xzOf", archive, "package/deno"] }).outputSync();
  return stdout;
}

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

/** Shell: the bundle's script, then the program by the loader that it has put there. Only the emulator is beside it. */
const INSTALL = 'root=$1; mount -t proc proc "$root/proc"; mount --rbind /dev "$root/dev"; ' +
  `exec chroot "$root" /bin/sh -ec 'sh /volume1/tool/install.sh /opt/tool; ` +
  `/bin/qemu /opt/tool/backup-tool eval "console.log(Deno.build.arch, Deno.readTextFileSync(\\"/proc/self/maps\\"))"'`;

Deno.test({
  name: "arm64: a bundle is installed and finds its libraries where there are none, in an emulator (SLOW)",
  ignore: bundle === undefined,
}, () => {
  const root = Deno.makeTempDirSync({ prefix: "backup-tool-arm64-" });
  try {
    for (const name of ["bin", "tmp", "proc", "dev", "volume1/tool/lib"]) {
      Deno.mkdirSync(`${root}/${name}`, { recursive: true });
    }
    for (const { path, content = "" } of bundle!.files) {
      // The emulator is no system for arm64 programs: each has to be started by it.
      const text = typeof content === "string"
        ? content.replace('"$new" version', '/bin/qemu "$new" --version')
        : content;
      writeProgram(`${root}/volume1/tool/${path}`, text);
    }
    writeProgram(`${root}/bin/busybox`, bundle!.busybox);
    for (const name of ["sh", "cp", "dd", "mv", "rm", "mkdir", "chmod"]) {
      Deno.symlinkSync("busybox", `${root}/bin/${name}`);
    }
    done("sh", ["-ec", `cp "$(command -v ${QEMU})" "$0/bin/qemu"`, root]);
    const said = done("unshare", ["--mount", "sh", "-ec", INSTALL, "sh", root], {
      HOME: "/tmp",
      PATH: "/bin:/usr/bin:/sbin",
    });
    match(said, /^deno .*\(stable, release, aarch64-unknown-linux-gnu\)/);
    match(said, /\naarch64 [^]* \/opt\/tool\/lib\/libc\.so\.6\n/);
  } finally {
    Deno.removeSync(root, { recursive: true });
  }
});

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
