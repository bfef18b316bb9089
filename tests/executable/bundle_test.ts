/** The executable with its libraries beside it, where there is no C library, nor anything but a shell. */
import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { bundledProgram } from "../../scripts/package/artefacts/bundle.ts";
import { bytesOf } from "../../scripts/package/archives/archive.ts";
import { MACHINE } from "../../scripts/package/elf/elf.ts";
import { writeProgram } from "../support/programs.ts";
import { ignore, Root } from "./bare_root.ts";
import { LIFE } from "./life.ts";

const bundle = ignore ? [] : await bundledProgram(Deno.readFileSync(Deno.env.get("BACKUP_TOOL_EXE")!), MACHINE.X86_64);

/** A root directory with the bundle in /volume1/tool, and the commands that install.sh needs. */
class BundleRoot extends Root {
  constructor() {
    super();
    Deno.removeSync(`${this.path}/backup-tool`);
    Deno.mkdirSync(`${this.path}/volume1/tool/lib`, { recursive: true });
    for (const { path, content = "" } of bundle) writeProgram(`${this.path}/volume1/tool/${path}`, bytesOf(content));
    for (const name of ["chmod", "cp", "dd", "mkdir", "mv", "rm"]) {
      Deno.symlinkSync("busybox", `${this.path}/bin/${name}`);
    }
  }
}

Deno.test(
  { name: "bundle: installed, it does all that one does with a storage where there is no C library", ignore },
  () => {
    using root = new BundleRoot();
    const { code, stdout, stderr } = root.shell(
      `set -e; sh /volume1/tool/install.sh; ln=/bin/busybox; $ln ln -s /volume1/tool/backup-tool /backup-tool\n${LIFE}`,
    );
    strictEqual(code, 0, stderr + stdout);
    match(stdout, /^backup-tool \d[^]*the same\n$/);
  },
);

Deno.test({ name: "bundle: it installs itself elsewhere, and over itself while it runs", ignore }, () => {
  using root = new BundleRoot();
  const twice = "set -e; for i in 1 2; do sh /volume1/tool/install.sh /opt/tool > /dev/null; done; rm -rf /volume1; ";
  const ran = root.shell(
    `${twice}/opt/tool/backup-tool init && /opt/tool/backup-tool backup --stdin-name seq ` +
      `--command "sh /opt/tool/install.sh" && /opt/tool/backup-tool cat latest /seq`,
  );
  strictEqual(ran.code, 0, ran.stderr);
  match(ran.stdout, /backup-tool \d\S*\n$/);
  deepStrictEqual([...Deno.readDirSync(`${root.path}/opt/tool`)].map(({ name }) => name).sort(), [
    ...["backup-tool", "install.sh", "lib"],
  ]);
});
