/**
 * The one file of scripts/package/one_file/ where there is nothing but it: in root directories without any library, with
 * a static busybox for the shell.
 */
import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { has } from "../support/needs.ts";
import { can, ignore, READ_ONLY, Root } from "./bare_root.ts";
import { LIFE } from "./life.ts";

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
