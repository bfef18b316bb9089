/** The lines of the topic `nas`, followed to the letter where there is a shell and nothing else. */
import { match, strictEqual } from "node:assert/strict";
import { writeProgram } from "../support/programs.ts";
import { ignore, Root } from "./bare_root.ts";
import { linesOf } from "./topic_lines.ts";

/** A root directory with commands of a system, and what is to be backed up. */
class System extends Root {
  constructor() {
    super();
    for (const name of ["etc/config", "etc/init.d", "usr/bin", "tmp", "photos"]) {
      Deno.mkdirSync(`${this.path}/${name}`, { recursive: true });
    }
    for (const name of ["cat", "chmod", "cp", "grep", "mkdir", "sed"]) {
      Deno.symlinkSync("busybox", `${this.path}/bin/${name}`);
    }
    Deno.writeTextFileSync(`${this.path}/photos/beach`, "sand and sea");
  }

  /** Puts jobs there, for a service that is yet to start. */
  request(jobs: string): void {
    Deno.mkdirSync(`${this.path}${jobs}`, { recursive: true });
    Deno.writeTextFileSync(`${this.path}${jobs}/a.json`, '{ "kind": "backup", "name": "p", "sources": ["/photos"] }');
  }

  /** Follows lines from where the executable lies. @returns what they printed */
  follow(lines: readonly string[]): string {
    const { code, stdout, stderr } = this.shell(["set -e; unset BACKUP_TOOL_STORAGE; cd /", ...lines].join("\n"));
    strictEqual(code, 0, stderr + stdout);
    return stdout;
  }
}

/** A service that ends when there is nothing to do, as the topic offers it. */
function once(line: string): string {
  return line.includes(" serve ") ? `${line} --once` : line;
}

Deno.test({ name: "help nas: the lines for Synology make a storage and do a job, without a C library", ignore }, () => {
  using system = new System();
  system.request("/volume1/backup/jobs");
  const lines = linesOf("nas", "Synology");
  strictEqual(lines.length, 5);
  match(system.follow([...lines.map(once), "./backup-tool snapshots -s storage"]), / p /);
});

/** Does at once what the table of busybox's `crontab` has for later. */
const CROND = `#!/bin/sh
sed 's/^\\*.5 \\* \\* \\* \\* //' /var/spool/cron/crontabs/root > /tmp/now
exec /bin/sh -e /tmp/now
`;

Deno.test({ name: "help nas: the lines for QNAP make a storage, and cron does a job", ignore }, () => {
  using system = new System();
  system.request("/share/backup/jobs");
  Deno.mkdirSync(`${system.path}/var/spool/cron/crontabs`, { recursive: true });
  Deno.writeTextFileSync(`${system.path}/etc/passwd`, "root:x:0:0::/:/bin/sh\n");
  writeProgram(`${system.path}/etc/init.d/crond.sh`, CROND);
  const lines = linesOf("nas", "QNAP");
  strictEqual(lines.filter((line) => !line.startsWith(" ")).length, 5);
  match(system.follow([...lines, "./backup-tool snapshots -s storage"]), / p /);
});

Deno.test({ name: "help nas: the lines for Alpine, OpenWrt and rescue systems back up and check", ignore }, () => {
  using system = new System();
  const lines = linesOf("nas", "Alpine");
  strictEqual(lines.length, 5);
  match(system.follow(lines), /no damage/);
});
