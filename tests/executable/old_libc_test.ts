/**
 * Executables beside an old glibc. BACKUP_TOOL_TEST_LIBC names the packages of Debian or Ubuntu that have one, as
 * LIBC6.deb+LIBGCC.deb: of a release before 2018, which had glibc 2.27.
 */
import { match, strictEqual } from "node:assert/strict";
import { lowered } from "../../scripts/package/elf/lowered.ts";
import { IS_SLOW } from "../support/effort.ts";
import { has } from "../support/needs.ts";
import { writeProgram } from "../support/programs.ts";
import { ignore as noRoot, Root } from "./bare_root.ts";
import { LIFE } from "./life.ts";

const PACKAGES = (Deno.env.get("BACKUP_TOOL_TEST_LIBC") ?? "").split("+").filter((path) => path !== "");
const ignore = noRoot || !IS_SLOW || PACKAGES.length === 0 || !has("dpkg-deb");
/** What a release promises: see main.ts of the packages. */
const OLDEST = "2.25";
const NAMES = "echo passwd: compat systemd ldap > /etc/nsswitch.conf; echo root:x:0:0::/:/bin/sh > /etc/passwd\n";

/** A root directory with that glibc. */
class OldRoot extends Root {
  constructor() {
    super();
    for (const path of PACKAGES) {
      const { success } = new Deno.Command("dpkg-deb", { args: ["--extract", path, this.path] }).outputSync();
      strictEqual(success, true, path);
    }
  }
}

Deno.test({
  name: "the executable can be had for an old glibc, and runs with a new one",
  ignore: noRoot,
}, () => {
  const directory = Deno.makeTempDirSync();
  try {
    writeProgram(`${directory}/lowered`, lowered(Deno.readFileSync(Deno.env.get("BACKUP_TOOL_EXE")!), OLDEST));
    const { stdout } = new Deno.Command(`${directory}/lowered`, { args: ["version"] }).outputSync();
    match(new TextDecoder().decode(stdout), /^backup-tool \d/);
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
});

Deno.test({ name: "old glibc: the plain executable says which version it lacks (SLOW)", ignore }, () => {
  using root = new OldRoot();
  writeProgram(`${root.path}/plain`, Deno.readFileSync(Deno.env.get("BACKUP_TOOL_EXE")!));
  match(root.shell("/plain version").stderr, /GLIBC_2\.27' not found/);
});

Deno.test({ name: "old glibc: the lowered executable does all that one does with a storage (SLOW)", ignore }, () => {
  using root = new OldRoot();
  writeProgram(`${root.path}/backup-tool`, lowered(Deno.readFileSync(Deno.env.get("BACKUP_TOOL_EXE")!), OLDEST));
  const { code, stdout, stderr } = root.shell(NAMES + LIFE);
  strictEqual(code, 0, stderr + stdout);
  match(stdout, /the same\n$/);
});

Deno.test({ name: "old glibc: the one file does the same, and leaves that glibc alone (SLOW)", ignore }, () => {
  using root = new OldRoot();
  const { code, stdout, stderr } = root.shell(
    `${NAMES}${LIFE}\n` +
      "LD_PRELOAD=/lib/x86_64-linux-gnu/libpthread.so.0 /backup-tool version",
  );
  strictEqual(code, 0, stderr + stdout);
  match(stdout, /the same\n[^]*backup-tool \d\S*\n$/);
});
