/**
 * The one file of scripts/package/one_file/ where there is nothing but it: in root directories without any library, with
 * a static busybox for the shell.
 */
import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { filesOf, PACKAGES } from "../../scripts/package/debian.ts";
import { bundledLibraries } from "../../scripts/package/one_file/libraries.ts";
import { makeOneFile } from "../../scripts/package/one_file/one_file.ts";
import { packageFiles } from "../package/needed_packages.ts";
import { has, IS_LINUX, IS_ROOT } from "../support/needs.ts";
import { writeProgram } from "../support/programs.ts";

const EXECUTABLE = Deno.env.get("BACKUP_TOOL_EXE");
const can = EXECUTABLE !== undefined && IS_LINUX && Deno.build.arch === "x86_64" && IS_ROOT && has("unshare", "chroot");
const parts = can
  ? await packageFiles(async () => ({
    libraries: await bundledLibraries(),
    busybox: (await filesOf(PACKAGES.busybox, ["bin/busybox"]))[0]!,
  }))
  : undefined;
const ignore = parts === undefined;
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
const READ_ONLY = `${PROC}; mount -t tmpfs -o noexec,nosuid tmpfs "$1/data"; mount --bind "$1" "$1.ro"; ` +
  'mount -o remount,bind,ro "$1.ro"; mount --rbind "$1/data" "$1.ro/data"; mount --rbind "$1/proc" "$1.ro/proc"; ' +
  'mount --rbind "$1/dev" "$1.ro/dev"; set -- "$1.ro" "$2"';

/** A root directory with the program, busybox and a few devices. */
class Root implements Disposable {
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

/** All that one does with a storage, with a directory of many kinds; ends with what differs. */
const LIFE = `set -e
bb=/bin/busybox; tool=/backup-tool
$bb mkdir -p /data/source/below
$bb seq 20000 > /data/source/numbers; $bb ln -s numbers /data/source/link; $bb ln /data/source/numbers /data/source/below/same
echo hello > "/data/source/below/a name"; $bb chmod 640 "/data/source/below/a name"; $bb touch -d "2020-01-02 03:04:05" /data/source/numbers
$tool init
$tool backup /data/source --name life
$tool ls -l life:latest
echo again >> /data/source/below/new
$tool backup /data/source --name life
$tool diff life:latest~1 life:latest
$tool check --read-data
$tool restore life:latest --target /data/back
$tool rebuild
$tool check
(cd /data/source && $bb find . -exec $bb stat -c "%n %a %U %s %Y %h %F" {} + | $bb sort) > /data/before
(cd /data/back/data/source 2>/dev/null || cd /data/back; $bb find . -exec $bb stat -c "%n %a %U %s %Y %h %F" {} + | $bb sort) > /data/after
$bb cmp /data/before /data/after
$bb diff -r /data/source /data/back/data/source || $bb diff -r /data/source /data/back
echo the same`;

Deno.test(
  { name: "one file: init, backup, ls, diff, check, restore and rebuild where there is no C library", ignore },
  () => {
    using root = new Root();
    const { code, stdout, stderr } = root.shell(LIFE);
    strictEqual(code, 0, stderr + stdout);
    match(stdout, /the same\n$/);
  },
);

Deno.test({ name: "one file: the same with a read-only root and noexec in the only place to write", ignore }, () => {
  using root = new Root();
  const { code, stdout, stderr } = root.shell(LIFE, { before: READ_ONLY });
  strictEqual(code, 0, stderr + stdout);
  match(stdout, /the same\n$/);
});

Deno.test({ name: "one file: without /proc it says what is missing", ignore }, () => {
  using root = new Root();
  deepStrictEqual(root.shell("exec /backup-tool version", { before: "true" }), {
    code: 127,
    stdout: "",
    stderr: "backup-tool: /proc is not mounted: mount -t proc proc /proc\n",
  });
});

Deno.test({ name: "one file: names of users come from the files of the system it runs on", ignore }, () => {
  using root = new Root();
  Deno.mkdirSync(`${root.path}/etc`);
  Deno.writeTextFileSync(`${root.path}/etc/passwd`, "root:x:0:0::/:/bin/sh\nanna:x:1234:1234::/:/bin/sh\n");
  Deno.writeTextFileSync(`${root.path}/etc/nsswitch.conf`, "passwd: compat systemd ldap\n");
  const { code, stdout, stderr } = root.shell(
    "/bin/busybox mkdir /data/s && echo x > /data/s/f && /bin/busybox chown 1234 /data/s/f && " +
      "/backup-tool init >/dev/null && /backup-tool backup /data/s --quiet && /backup-tool ls -l latest",
  );
  strictEqual(code, 0, stderr);
  match(stdout, /anna/);
});

const canTrace = can && has("strace");
const WITHOUT_MEMFD = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=memfd_create", "-e"].concat(
  "inject=memfd_create:error=ENOSYS",
);

Deno.test({
  name: "one file: without memfd_create its libraries are files without names for a moment",
  ignore: ignore || !canTrace,
}, () => {
  using root = new Root();
  Deno.mkdirSync(`${root.path}/tmp`);
  const { code, stdout, stderr } = root.shell("/backup-tool version && /bin/busybox ls -A /tmp", {
    wrapper: WITHOUT_MEMFD,
  });
  strictEqual(code, 0, stderr);
  match(stdout, /^backup-tool \S+\n$/);
});

Deno.test({
  name: "one file: with no place for its libraries it says which were tried",
  ignore: ignore || !canTrace,
}, () => {
  using root = new Root();
  const { code, stderr } = root.shell("cd /data && exec /backup-tool version", {
    before: READ_ONLY,
    wrapper: WITHOUT_MEMFD,
  });
  strictEqual(code, 127);
  match(stderr, /^backup-tool: nowhere to put its C library: .*\/dev\/shm, \/run, \/tmp, \/var\/tmp/);
});
