/** Root directories without any library, with the one file of scripts/package/one_file/ and a static busybox for the shell. */
import { filesOf, PACKAGES } from "../../scripts/package/debian.ts";
import { bundledLibraries } from "../../scripts/package/c_library.ts";
import { makeOneFile } from "../../scripts/package/one_file/one_file.ts";
import { packageFiles } from "../package/needed_packages.ts";
import { has, IS_LINUX, IS_ROOT } from "../support/needs.ts";
import { writeProgram } from "../support/programs.ts";

const EXECUTABLE = Deno.env.get("BACKUP_TOOL_EXE");
/** The executable is there, and this machine can enter root directories. */
export const can = EXECUTABLE !== undefined && IS_LINUX && Deno.build.arch === "x86_64" && IS_ROOT &&
  has("unshare", "chroot");
const parts = can
  ? await packageFiles(async () => ({
    libraries: await bundledLibraries(),
    busybox: (await filesOf(PACKAGES.busybox, ["bin/busybox"]))[0]!,
  }))
  : undefined;
/** No such directory can be made here. */
export const ignore = parts === undefined;
const oneFile = parts && makeOneFile(Deno.readFileSync(EXECUTABLE!), parts.libraries);

interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

interface Surroundings {
  /** Shell commands before the root is entered, in mounts of its own; `$1` is the root. */
  readonly before?: string;
  /** What is run instead of `chroot`, with its arguments behind. */
  readonly wrapper?: readonly string[];
}

const PROC = 'mount -t proc proc "$1/proc"';
/** A read-only root with only one place to write, from which nothing can be run. */
export const READ_ONLY = `${PROC}; mount -t tmpfs -o noexec,nosuid tmpfs "$1/data"; mount --bind "$1" "$1.ro"; ` +
  'mount -o remount,bind,ro "$1.ro"; mount --rbind "$1/data" "$1.ro/data"; mount --rbind "$1/proc" "$1.ro/proc"; ' +
  'mount --rbind "$1/dev" "$1.ro/dev"; set -- "$1.ro" "$2"';

/** A root directory with the program, busybox and a few devices. */
export class Root implements Disposable {
  readonly base = Deno.makeTempDirSync({ prefix: "backup-tool-root-" });
  readonly path = `${this.base}/root`;

  constructor() {
    for (const name of ["bin", "proc", "dev", "data"]) Deno.mkdirSync(`${this.path}/${name}`, { recursive: true });
    Deno.mkdirSync(`${this.path}.ro`);
    writeProgram(`${this.path}/backup-tool`, oneFile!);
    writeProgram(`${this.path}/bin/busybox`, parts!.busybox);
    Deno.symlinkSync("busybox", `${this.path}/bin/sh`);
    Deno.writeTextFileSync(`${this.path}/dev/null`, "");
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.base, { recursive: true });
  }

  /** Runs a line of the shell in there. Mounts are gone with it. */
  shell(line: string, { before = PROC, wrapper = [] }: Surroundings = {}): Ran {
    const words = [...wrapper, "chroot"].join(" ");
    const script = `set -e; ${before}; mount --bind /dev/null "$1/dev/null"; exec ${words} "$1" /bin/sh -c "$2"`;
    const { code, stdout, stderr } = new Deno.Command("unshare", {
      args: ["--mount", "sh", "-c", script, "sh", this.path, line],
      cwd: this.base,
      clearEnv: true,
      env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", HOME: "/data", BACKUP_TOOL_STORAGE: "/data/storage" },
    }).outputSync();
    const decoder = new TextDecoder();
    return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
  }
}
