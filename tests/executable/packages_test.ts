/** Packages with the real executable, put where they belong to and used there. */
import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { type Artefact, bytesOfArtefact } from "../package/artefact_bytes.ts";
import { debFor } from "../../scripts/package/artefacts/deb.ts";
import { imageFor } from "../../scripts/package/artefacts/image.ts";
import { qpkgFor } from "../../scripts/package/artefacts/qpkg.ts";
import { spkFor } from "../../scripts/package/artefacts/spk.ts";
import { digest } from "../../scripts/package/archives/archive.ts";
import { bundledLibraries } from "../../scripts/package/c_library.ts";
import { makeOneFile } from "../../scripts/package/one_file/one_file.ts";
import { packageFiles } from "../package/needed_packages.ts";
import { testRelease } from "../package/test_release.ts";
import { has, IS_LINUX, IS_ROOT } from "../support/needs.ts";
import { writeProgram } from "../support/programs.ts";
import { linesOf } from "./topic_lines.ts";

const EXECUTABLE = Deno.env.get("BACKUP_TOOL_EXE");
const can = EXECUTABLE !== undefined && IS_LINUX && Deno.build.arch === "x86_64" && IS_ROOT &&
  has("unshare", "chroot", "tar");
const libraries = can ? await packageFiles(bundledLibraries) : undefined;
const plain = can ? Deno.readFileSync(EXECUTABLE) : undefined;
const oneFile = plain && libraries && makeOneFile(plain, libraries);
const release = testRelease({ "linux-x64": oneFile, "linux-x64-glibc": plain }, { level: 1 });
const PATH = "/usr/sbin:/usr/bin:/sbin:/bin";

interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

class Scratch implements Disposable {
  readonly path = Deno.makeTempDirSync({ prefix: "backup-tool-packages-" });

  [Symbol.dispose](): void {
    Deno.removeSync(this.path, { recursive: true });
  }

  write(artefact: Artefact): string {
    const path = `${this.path}/${artefact.name}`;
    Deno.writeFileSync(path, bytesOfArtefact(artefact));
    return path;
  }

  run(command: string, args: readonly string[], env: Record<string, string> = {}): Ran {
    const { code, stdout, stderr } = new Deno.Command(command, {
      args: [...args],
      cwd: this.path,
      clearEnv: true,
      env: { PATH, ...env },
    }).outputSync();
    const decoder = new TextDecoder();
    return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
  }

  /** @throws if it fails @returns what it printed */
  done(command: string, args: readonly string[], env: Record<string, string> = {}): string {
    const { code, stdout, stderr } = this.run(command, args, env);
    strictEqual(code, 0, `${command} ${args.join(" ")}: ${stderr}${stdout}`);
    return stdout;
  }
}

// The .deb, in a copy of this system that goes away.

const OVERLAY = 'mount -t tmpfs tmpfs "$1"; mkdir "$1/upper" "$1/work" "$1/system"; ' +
  'mount -t overlay overlay -o "lowerdir=/,upperdir=$1/upper,workdir=$1/work" "$1/system"';

function canOverlay(): boolean {
  if (!can || !has("dpkg")) return false;
  using scratch = new Scratch();
  Deno.mkdirSync(`${scratch.path}/on`);
  return scratch.run("unshare", ["--mount", "sh", "-ec", OVERLAY, "sh", `${scratch.path}/on`]).code === 0;
}

Deno.test({
  name: ".deb: installed, used, upgraded, removed and purged in a Debian system; backups and changed settings stay",
  ignore: !canOverlay(),
}, async () => {
  using scratch = new Scratch();
  const [old, next] = await Promise.all([
    debFor(release, "amd64"),
    debFor({ ...release, version: "1.3.0" }, "amd64"),
  ]);
  for (const directory of ["on", "debs"]) Deno.mkdirSync(`${scratch.path}/${directory}`);
  const debs = [old, next].map((deb) => scratch.write({ ...deb, name: `debs/${deb.name}` }));
  const script = `${OVERLAY}
mount -t proc proc "$1/system/proc"; mkdir -p "$1/system/debs"; mount --bind "$2" "$1/system/debs"
exec chroot "$1/system" /bin/sh -ec '
export BACKUP_TOOL_STORAGE=/var/lib/backup-tool/storage HOME=/root
mkdir /photos; seq 1000 > /photos/numbers
dpkg -i /debs/*1.2.3*
echo "# mine" >> /etc/default/backup-tool
mkdir -p /var/lib/backup-tool
backup-tool init; backup-tool backup /photos
dpkg -i /debs/*1.3.0*
dpkg-query --show backup-tool
backup-tool check --read-data
backup-tool restore latest --target /back; cmp /photos/numbers /back/photos/numbers || cmp /photos/numbers /back/numbers
dpkg --verify backup-tool
dpkg --remove backup-tool
test ! -e /usr/bin/backup-tool; grep mine /etc/default/backup-tool; test -d /var/lib/backup-tool/storage/content
dpkg --purge backup-tool
test ! -e /etc/default/backup-tool; test -d /var/lib/backup-tool/storage/content
echo everything stays'`;
  const args = ["--mount", "sh", "-ec", script, "sh", `${scratch.path}/on`, `${scratch.path}/debs`];
  const { code, stdout, stderr } = scratch.run("unshare", args);
  strictEqual(code, 0, stderr + stdout);
  strictEqual(debs.length, 2);
  match(stdout, /backup-tool\t1\.3\.0\n/);
  match(stdout, /everything stays\n$/);
});

/** Enables without a systemd that runs. */
const SYSTEMCTL = 'systemctl() { [ "$2" != --now ] || set -- "$1" "$3"; command systemctl "$@"; }';
/** What systemd does with the unit when it starts it, but once. */
const AS_SYSTEMD = `systemctl is-enabled backup-tool
mkdir -p /var/lib/backup-tool/jobs
echo "{ \\"kind\\": \\"check\\" }" > /var/lib/backup-tool/jobs/check.json
eval "$(sed -n "s/^Environment=/export /p" /usr/lib/systemd/system/backup-tool.service)"
eval "$(sed -n "s/^ExecStart=//p" /usr/lib/systemd/system/backup-tool.service) --once"
backup-tool job history
backup-tool check --read-data`;

Deno.test({
  name: "help install: the lines for Debian install the .deb, make a storage, back up, and enable the service",
  ignore: !canOverlay() || !has("apt-get", "systemctl"),
}, async () => {
  using scratch = new Scratch();
  for (const directory of ["on", "debs"]) Deno.mkdirSync(`${scratch.path}/${directory}`);
  const deb = await debFor(release, "amd64");
  scratch.write({ ...deb, name: `debs/${deb.name}` });
  const lines = linesOf("install", "Debian").map((line) => line.replace("VERSION", release.version));
  strictEqual(lines.length, 5);
  const script = `${OVERLAY}
mount -t proc proc "$1/system/proc"; mkdir -p "$1/system/debs"; mount --bind "$2" "$1/system/debs"
exec chroot "$1/system" /bin/sh -ec 'export HOME=/root; cd /debs; ${SYSTEMCTL}
${lines.join("\n")}
${AS_SYSTEMD}'`;
  const args = ["--mount", "sh", "-ec", script, "sh", `${scratch.path}/on`, `${scratch.path}/debs`];
  const { code, stdout, stderr } = scratch.run("unshare", args);
  strictEqual(code, 0, stderr + stdout);
  match(stdout, /\nenabled\n[^]*check[^]*no damage/, stdout);
});

// The image, unpacked.

interface ImageConfig {
  readonly config: {
    readonly Env: readonly string[];
    readonly Entrypoint: readonly string[];
    readonly Cmd: readonly string[];
    readonly WorkingDir: string;
    readonly Healthcheck: { readonly Test: readonly string[] };
  };
  readonly rootfs: { readonly diff_ids: readonly string[] };
}

interface Described {
  readonly digest: string;
  readonly size: number;
}

/** A container of an image: its files, and mounts as a container has them. */
class Container implements Disposable {
  readonly scratch = new Scratch();
  readonly root = `${this.scratch.path}/root`;
  readonly config: ImageConfig["config"];

  constructor(image: Artefact) {
    const layout = `${this.scratch.path}/layout`;
    for (const directory of [layout, this.root]) Deno.mkdirSync(directory);
    this.scratch.done("tar", ["-xf", this.scratch.write(image), "-C", layout]);
    const { manifests: [found] } = JSON.parse(Deno.readTextFileSync(`${layout}/index.json`)) as {
      manifests: readonly Described[];
    };
    const manifest = JSON.parse(new TextDecoder().decode(blobIn(layout, found))) as {
      config: Described;
      layers: readonly Described[];
    };
    const { config, rootfs } = JSON.parse(new TextDecoder().decode(blobIn(layout, manifest.config))) as ImageConfig;
    this.config = config;
    strictEqual(manifest.layers.length, rootfs.diff_ids.length);
    for (const layer of manifest.layers) {
      blobIn(layout, layer);
      this.scratch.done("tar", ["-xzf", `${layout}/blobs/sha256/${hexOf(layer)}`, "-C", this.root]);
    }
  }

  [Symbol.dispose](): void {
    this.scratch[Symbol.dispose]();
  }

  /**
   * Words that run a command as the only process group of a container.
   * @param readOnly its root @param volumes shell commands that mount them, from "$base" to "$root"
   */
  command(words: readonly string[], env: Record<string, string> = {}, readOnly = false, volumes = ""): Deno.Command {
    const more = readOnly
      ? 'mount --bind "$root" "$root"; mount -o remount,bind,ro "$root"; mount --rbind "$base/data" "$root/data"; mount -t tmpfs tmpfs "$root/tmp"; '
      : "";
    const script =
      `base=$1 root=$1/root; shift; mount --make-rprivate /; ${more}${volumes}mount -t proc proc "$root/proc"; ` +
      `mount --rbind /dev "$root/dev"; cd "$root"; exec chroot "$root" /bin/sh -c 'cd ${this.config.WorkingDir}; exec "$@"' sh "$@"`;
    Deno.mkdirSync(`${this.scratch.path}/data`, { recursive: true });
    const variables = Object.fromEntries(this.config.Env.map((line) => line.split("=", 2) as [string, string]));
    return new Deno.Command("unshare", {
      args: ["--mount", "--pid", "--fork", "--kill-child", "/bin/sh", "-ec", script, "sh", this.scratch.path, ...words],
      clearEnv: true,
      env: { ...variables, PATH: `${variables["PATH"]}:/usr/sbin:/sbin`, ...env },
      stdout: "piped",
      stderr: "piped",
    });
  }

  run(args: readonly string[], env: Record<string, string> = {}, readOnly = false): Ran {
    const { code, stdout, stderr } = this.command([...this.config.Entrypoint, ...args], env, readOnly).outputSync();
    const decoder = new TextDecoder();
    return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
  }
}

function hexOf({ digest }: Described): string {
  return digest.replace("sha256:", "");
}

function blobIn(layout: string, described: Described | undefined): Uint8Array<ArrayBuffer> {
  const content = Deno.readFileSync(`${layout}/blobs/sha256/${hexOf(described!)}`);
  strictEqual(digest("sha256", content), hexOf(described!));
  strictEqual(content.length, described!.size);
  return content;
}

const image = oneFile && await packageFiles(() => imageFor(release));
const noImage = image === undefined;

function container(): Container {
  const made = new Container(image!);
  Deno.mkdirSync(`${made.root}/source`);
  Deno.writeTextFileSync(`${made.root}/source/photo`, "light");
  return made;
}

Deno.test(
  { name: "image: init, backup, check and restore in a container; hooks find a shell", ignore: noImage },
  () => {
    using here = container();
    for (
      const args of [["init"], ["backup", "/source", "--name", "photos"], ["check", "--read-data"], [
        "restore",
        "photos:latest",
        "--target",
        "/data/back",
      ]]
    ) {
      const { code, stderr } = here.run(args);
      strictEqual(code, 0, `${args.join(" ")}: ${stderr}`);
    }
    strictEqual(Deno.readTextFileSync(`${here.root}/data/back/photo`), "light");
    const piped = here.run(["backup", "--stdin-name", "seq", "--command", "seq 3 | tr 1 x"]);
    strictEqual(piped.code, 0, piped.stderr);
  },
);

/** What `docker run` is given. */
interface DockerRun {
  /** Shell commands that mount the volumes. */
  readonly volumes: string;
  readonly image: string;
  readonly args: readonly string[];
}

function dockerRun(line: string): DockerRun {
  const words = line.split(" ").slice(2), volumes: string[] = [];
  while (words[0]?.startsWith("-")) {
    if (words.shift() !== "-v") continue;
    const [host, inside, mode] = (words.shift() ?? "").split(":"), to = `"$root${inside}"`;
    volumes.push(`mkdir -p "$base${host}" ${to}; mount --bind "$base${host}" ${to}; `);
    if (mode === "ro") volumes.push(`mount -o remount,bind,ro ${to}; `);
  }
  const [image = "", ...args] = words;
  return { volumes: volumes.join(""), image, args };
}

Deno.test({ name: "help nas: the lines for containers make a storage and do a job", ignore: noImage }, () => {
  using here = container();
  const lines = linesOf("nas", "Containers").join("\n").replaceAll("\\\n ", "").replaceAll("VERSION", release.version);
  const [load, init, serve, ...others] = lines.replaceAll(/ +/g, " ").split("\n");
  deepStrictEqual([load, others], [`docker load -i ${image!.name}`, []]);
  const follow = (line: string, ...more: readonly string[]) => {
    const { volumes, image, args } = dockerRun(line), { Entrypoint, Cmd } = here.config;
    strictEqual(image, `backup-tool:${release.version}`);
    const words = [...Entrypoint, ...args.length === 0 ? Cmd : args, ...more];
    const { code, stdout, stderr } = here.command(words, {}, false, volumes).outputSync();
    strictEqual(code, 0, new TextDecoder().decode(stderr));
    return new TextDecoder().decode(stdout);
  };
  follow(init!);
  const { path } = here.scratch;
  for (const name of ["photos", "backup/jobs"]) Deno.mkdirSync(`${path}/srv/${name}`, { recursive: true });
  Deno.writeTextFileSync(`${path}/srv/photos/beach`, "sand and sea");
  const job = '{ "kind": "backup", "name": "photos", "sources": ["/source"] }';
  Deno.writeTextFileSync(`${path}/srv/backup/jobs/a.json`, job);
  // The service ends when there is nothing to do.
  follow(serve!, "--once");
  strictEqual(follow(init!.replace(/init$/, "cat latest /source/beach")), "sand and sea");
});

Deno.test({ name: "image: PUID and PGID say whom everything in the volume belongs to", ignore: noImage }, () => {
  using here = container();
  const made = here.run(["init"], { PUID: "1234", PGID: "5678" });
  strictEqual(made.code, 0, made.stderr);
  const { uid, gid } = Deno.statSync(`${here.root}/data/storage`);
  deepStrictEqual([uid, gid], [1234, 5678]);
  strictEqual(here.run(["backup", "/source"], { PUID: "1234", PGID: "5678" }).code, 0);
  match(here.run(["init"], { PUID: "anna" }).stderr, /PUID and PGID must be numbers/);
});

Deno.test(
  { name: "image: with a read-only root it runs, and says how to have another user there", ignore: noImage },
  () => {
    using here = container();
    const made = here.run(["init"], {}, true);
    strictEqual(made.code, 0, made.stderr);
    match(here.run(["init"], { PUID: "1234" }, true).stderr, /--user 1234:1234/);
  },
);

Deno.test({ name: "image: TZ is the time zone of what is shown", ignore: noImage }, () => {
  using here = container();
  here.run(["init"]);
  here.run(["backup", "/source"]);
  const hourIn = (TZ: string) => Number(/ (\d\d):\d\d/.exec(here.run(["snapshots"], { TZ }).stdout)?.[1]);
  strictEqual((hourIn("Asia/Tokyo") - hourIn("UTC") + 24) % 24, 9);
});

Deno.test({
  name: "image: serves as the first process, is healthy while it does, and ends at SIGTERM",
  ignore: noImage,
}, async () => {
  using here = container();
  here.run(["init"]);
  const { Entrypoint, Cmd, Healthcheck } = here.config;
  await using served = here.command([...Entrypoint, ...Cmd]).spawn();
  const said = await untilSaid(served.stderr, /Taking jobs/);
  const first = Number(Deno.readTextFileSync(`/proc/${served.pid}/task/${served.pid}/children`).trim());
  const health = () =>
    here.scratch.run("nsenter", ["--target", `${first}`, "--mount", "--pid", "--root", ...Healthcheck.Test.slice(1)])
      .code;
  strictEqual(health(), 0);
  Deno.kill(first, "SIGTERM");
  await Promise.all([served.stdout.cancel(), said.end]);
  strictEqual((await served.status).code, 0);
  strictEqual(here.command(Healthcheck.Test.slice(1)).outputSync().code, 1);
});

/** Reads until the text fits; the rest is read away. @returns a promise of the end of the stream */
async function untilSaid(
  stream: ReadableStream<Uint8Array<ArrayBuffer>>,
  wanted: RegExp,
): Promise<{ readonly end: Promise<unknown> }> {
  const reader = stream.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  while (!wanted.test(text)) {
    const { value, done } = await reader.read();
    if (done) throw new Error(`It ended before it said ${wanted}: ${text}`);
    text += value;
  }
  return { end: readAway(reader) };
}

async function readAway(reader: ReadableStreamDefaultReader<string>): Promise<void> {
  while (!(await reader.read()).done);
}

// The packages for NAS, with stand-ins for what installs them.

/** A job that is done when this returns. */
async function doneJob(jobs: string): Promise<void> {
  const watcher = Deno.watchFs(jobs);
  Deno.writeTextFileSync(`${jobs}/check.tmp`, JSON.stringify({ kind: "check" }));
  Deno.renameSync(`${jobs}/check.tmp`, `${jobs}/check.json`);
  for await (const { kind, paths } of watcher) {
    if (
      /remove|rename|modify/.test(kind) && paths.some((path) => path.endsWith("check.json")) &&
      isGone(`${jobs}/check.json`)
    ) {
      break;
    }
  }
}

function isGone(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return false;
  } catch {
    return true;
  }
}

Deno.test(
  { name: ".spk: what DSM does with it: install, start, stop, upgrade, remove; data stays", ignore: !oneFile },
  async () => {
    using scratch = new Scratch();
    const base = scratch.path, spk = scratch.write(await spkFor(release));
    for (const name of ["package", "target", "var", "data/jobs"]) {
      Deno.mkdirSync(`${base}/${name}`, {
        recursive: true,
      });
    }
    scratch.done("tar", ["-xf", spk, "-C", `${base}/package`]);
    const info = Deno.readTextFileSync(`${base}/package/INFO`);
    match(info, /^package="backup-tool"\nversion="1\.2\.3-0001"\n/);
    match(info, new RegExp(`checksum="${digest("md5", Deno.readFileSync(`${base}/package/package.tgz`))}"`));
    scratch.done("tar", ["-xzf", `${base}/package/package.tgz`, "-C", `${base}/target`]);
    const env = {
      SYNOPKG_PKGDEST: `${base}/target`,
      SYNOPKG_PKGVAR: `${base}/var`,
      BACKUP_TOOL_DATA: `${base}/data`,
      HOME: base,
    };
    const call = (script: string, ...args: string[]) =>
      scratch.run("sh", [`${base}/package/scripts/${script}`, ...args], env).code;
    const service = (word: string) => call("start-stop-status", word);
    deepStrictEqual([call("preinst"), call("postinst"), service("status")], [0, 0, 3]);
    try {
      strictEqual(service("start"), 0);
      strictEqual(service("status"), 0);
      await doneJob(`${base}/data/jobs`);
    } finally {
      strictEqual(service("stop"), 0);
    }
    strictEqual(service("status"), 3);
    const upgrade = ["preupgrade", "preuninst", "postuninst", "preinst", "postinst", "postupgrade"];
    deepStrictEqual(upgrade.map((script) => call(script)), upgrade.map(() => 0));
    scratch.done(`${base}/target/bin/backup-tool`, ["check", "-s", `${base}/data/storage`], { HOME: base });
  },
);

/** A program in place of getcfg and setcfg of QTS: keeps each value in a file. */
const GETCFG = `#!/bin/sh
cat "$CFG/$1.$2" 2> /dev/null || { while [ $# -gt 0 ]; do [ "$1" = -d ] && echo "$2"; shift; done; }
`;
const SETCFG = `#!/bin/sh
echo "$3" > "$CFG/$1.$2"
`;

Deno.test({
  name: ".qpkg: what App Center does with it: install, start, upgrade, remove; data and settings stay",
  ignore: !oneFile,
}, async () => {
  using scratch = new Scratch();
  const base = scratch.path;
  for (const name of ["volume", "init", "cfg", "data/jobs"]) Deno.mkdirSync(`${base}/${name}`, { recursive: true });
  writeProgram(`${base}/getcfg`, GETCFG);
  writeProgram(`${base}/setcfg`, SETCFG);
  Deno.writeTextFileSync(`${base}/cfg/SHARE_DEF.defVolMP`, `${base}/volume\n`);
  const env = {
    QPKG_GETCFG: `${base}/getcfg`,
    QPKG_SETCFG: `${base}/setcfg`,
    QPKG_INIT: `${base}/init`,
    CFG: `${base}/cfg`,
    HOME: base,
  };
  const setting = (name: string) => Deno.readTextFileSync(`${base}/cfg/backup-tool.${name}`).trim();
  const artefact = await qpkgFor(release), qpkg = scratch.write(artefact), home = `${base}/volume/.qpkg/backup-tool`;
  strictEqual(new TextDecoder().decode(bytesOfArtefact(artefact).subarray(-10)), "QNAPQPKG  ");
  match(scratch.run("sh", [qpkg], env).stdout, /Not started yet: say in .*settings\.conf/);
  deepStrictEqual([setting("Version"), setting("Install_Path"), setting("Enable")], ["1.2.3", home, "TRUE"]);
  const settings = `STORAGE=${base}/data/storage\nJOBS=${base}/data/jobs\n`;
  Deno.writeTextFileSync(`${home}/settings.conf`, settings);
  scratch.done(`${home}/backup-tool`, ["init", "-s", `${base}/data/storage`], { HOME: base });
  try {
    scratch.done(`${base}/init/backup-tool.sh`, ["start"], env);
    await doneJob(`${base}/data/jobs`);
    // An upgrade, with the service running.
    scratch.done("sh", [qpkg], env);
    strictEqual(Deno.readTextFileSync(`${home}/settings.conf`), settings);
    await doneJob(`${base}/data/jobs`);
  } finally {
    scratch.done("sh", [`${home}/.uninstall.sh`], env);
  }
  strictEqual(isGone(home) && isGone(`${base}/init/backup-tool.sh`), true);
  strictEqual([...Deno.readDirSync(`${base}/data/storage`)].length > 0, true);
  deepStrictEqual([...Deno.readDirSync(base)].map(({ name }) => name).filter((name) => name.startsWith(".")), []);
});
