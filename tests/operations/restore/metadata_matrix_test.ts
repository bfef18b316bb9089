/** Every kind of object with every kind of metadata, restored, restored again, and put right: rsync finds no difference. */
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { rawOf } from "../../../src/core/raw.ts";
import { has, HAS_LINUX_DISK, IS_ROOT } from "../../support/needs.ts";
import { differences, run, World } from "../../support/world.ts";

/** Makes kinds x modes x owners x attributes x ACLs below the current directory. `rights`: what only root may give. */
const MAKE = `
import itertools, os, socket, stat, subprocess, sys
rights = sys.argv[1] == "root"
kinds = ["file", "dir", "symlink", "fifo", "socket"] + (["char", "block"] if rights else [])
modes = [0o0000, 0o0200, 0o0400, 0o0444, 0o0600, 0o0755, 0o1777, 0o2750, 0o4711, 0o6777]
owners = [(0, 0), (1234, 0), (0, 4321), (1234, 4321)] if rights else [(0, 0)]
special = {"fifo": stat.S_IFIFO, "char": stat.S_IFCHR, "block": stat.S_IFBLK}
made = []
for kind, mode, owner in itertools.product(kinds, modes, owners):
    if kind == "symlink" and mode != 0o0600: continue
    for extra in ["", "xattr", "acl", "both"]:
        if "acl" in extra + ("acl" if extra == "both" else "") and kind == "symlink": continue
        name = "%s-%04o-%d-%d-%s" % (kind, mode, *owner, extra)
        if kind == "file": open(name, "w").write(name)
        elif kind == "dir": os.mkdir(name); open(name + "/in", "w").write(name)
        elif kind == "symlink": os.symlink("to-" + name, name)
        elif kind == "socket": socket.socket(socket.AF_UNIX).bind(name)
        else: os.mknod(name, special[kind] | 0o600, os.makedev(1, 3))
        made.append((kind, mode, owner, extra, name))
acls = [name for kind, _, _, extra, name in made if extra in ("acl", "both")]
if acls: subprocess.run(["setfacl", "-m", "u:1:rwx,u:54321:r,g:2:-,m::rx", *acls], check=True)
defaults = [name for kind, _, _, extra, name in made if kind == "dir" and extra == "both"]
subprocess.run(["setfacl", "-d", "-m", "u:1:rw,g:54321:rx", *defaults], check=True)
for at, (kind, mode, owner, extra, name) in enumerate(made):
    if extra in ("xattr", "both"):
        if kind in ("file", "dir"): os.setxattr(name, "user.note", name.encode()); os.setxattr(name, "user.empty", b"")
        if rights: os.setxattr(name, "trusted.note", b"\\0\\xff" + name.encode(), follow_symlinks=False)
    os.chown(name, *owner, follow_symlinks=False)
    # With an ACL the group's bits are its mask.
    if kind != "symlink": os.chmod(name, mode)
    os.utime(name, ns=(0, (at - 300) * 10**15 + 123456789), follow_symlinks=False)
os.utime(".", ns=(0, 123456789))
`;

/** Changes everything but times, which would make another object of it. */
const DISTURB = `
import os, stat, subprocess, sys
rights = sys.argv[1] == "root"
for name in os.listdir("."):
    st = os.lstat(name)
    if rights: os.chown(name, 77, 88, follow_symlinks=False)
    if not stat.S_ISLNK(st.st_mode): os.chmod(name, 0o642)
    if stat.S_ISREG(st.st_mode) or stat.S_ISDIR(st.st_mode):
        os.setxattr(name, "user.extra", b"1")
        if "user.note" in os.listxattr(name): os.setxattr(name, "user.note", b"other"); os.removexattr(name, "user.empty")
    os.utime(name, ns=(0, st.st_mtime_ns), follow_symlinks=False)
others = [name for name in os.listdir(".") if not os.path.islink(name)]
subprocess.run(["setfacl", "-b", *others[::2]], check=True)
subprocess.run(["setfacl", "-m", "u:99:rwx", *others[1::2]], check=True)
`;

type Rights = "root" | "user";

function python(directory: string, script: string, rights: Rights): void {
  run("sh", "-c", `cd "$1" && exec python3 -c "$2" "$3"`, "sh", directory, script, rights);
}

const ready = { ignore: !HAS_LINUX_DISK || !IS_ROOT || !has("python3", "setfacl", "setfattr", "rsync", "setpriv") };

Deno.test(
  "the matrix of metadata comes back for root, also a second time, and over what was changed",
  ready,
  async () => {
    using world = new World();
    python(world.source, MAKE, "root");
    deepStrictEqual((await world.backup()).monitor.problems, []);
    const target = rawOf(`${world.base}/target`);
    for (const disturb of [false, false, true]) {
      if (disturb) python(target, DISTURB, "root");
      const overwrite = disturb || exists(target) ? { overwrite: "if-changed" as const } : {};
      const { monitor } = await world.restore("latest", { target, ...overwrite });
      deepStrictEqual(monitor.problems, []);
      if (overwrite.overwrite !== undefined) strictEqual(monitor.of("restoredFiles"), 0);
      strictEqual(differences(world.source, target), "");
    }
    deepStrictEqual((await world.check()).findings, []);
  },
);

function exists(path: string): boolean {
  try {
    return Deno.statSync(path).isDirectory;
  } catch {
    return false;
  }
}

/** Root without its rights may do with its files what any user may do. */
const AS_USER = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"];

Deno.test(
  "the matrix of metadata comes back for an ordinary user, also a second time, and over what was changed",
  ready,
  async () => {
    using world = new World();
    python(world.source, MAKE, "user");
    deepStrictEqual((await world.backup()).monitor.problems, []);
    const target = `${world.base}/target`, program = new URL("../../../main.ts", import.meta.url).pathname;
    for (const disturb of [false, false, true]) {
      if (disturb) python(target, DISTURB, "user");
      const overwrite = exists(target) ? ["--overwrite", "if-changed"] : [];
      const args = [
        "run",
        "-A",
        "--no-check",
        program,
        "restore",
        "latest",
        "-s",
        world.storagePath,
        "--target",
        target,
        ...overwrite,
      ];
      const [command = "", ...rest] = [...AS_USER, Deno.execPath(), ...args];
      const { code, stderr } = new Deno.Command(command, { args: rest, env: { NO_COLOR: "1" } }).outputSync();
      const text = new TextDecoder().decode(stderr);
      strictEqual(code, 0, text);
      ok(!text.includes("Not restored:"), text);
      strictEqual(differences(world.source, target), "");
    }
  },
);
