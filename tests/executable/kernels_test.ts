/**
 * The one file on other kernels, in virtual machines without a C library. BACKUP_TOOL_TEST_KERNELS names packages of
 * Debian or Ubuntu (linux-image-VERSION_*.deb), separated by colons: old ones, and a current one as the control. What has
 * its modules in a package of its own is given as IMAGE+MODULES. Without hardware support a machine takes some minutes.
 */
import { match, strictEqual } from "node:assert/strict";
import { filesOf, PACKAGES } from "../../scripts/package/debian.ts";
import { bundledLibraries } from "../../scripts/package/c_library.ts";
import { makeOneFile } from "../../scripts/package/one_file/one_file.ts";
import { packageFiles } from "../package/needed_packages.ts";
import { IS_SLOW } from "../support/effort.ts";
import { has, IS_LINUX } from "../support/needs.ts";
import { LIFE } from "./life.ts";

const EXECUTABLE = Deno.env.get("BACKUP_TOOL_EXE");
const KERNELS = (Deno.env.get("BACKUP_TOOL_TEST_KERNELS") ?? "").split(":").filter((path) => path !== "");
const can = EXECUTABLE !== undefined && IS_SLOW && IS_LINUX && has("qemu-system-x86_64", "dpkg-deb", "gzip", "find");
const parts = can && KERNELS.length > 0
  ? await packageFiles(async () => ({
    libraries: await bundledLibraries(),
    busybox: (await filesOf(PACKAGES.busybox, ["bin/busybox"]))[0]!,
  }))
  : undefined;

/** For a source of entropy, without which old kernels let programs wait for random numbers; in order of need. */
const MODULES = "virtio virtio_ring virtio_pci_legacy_dev virtio_pci_modern_dev virtio_pci rng-core virtio-rng".split(
  " ",
);

const INIT = `#!/bin/sh
bb=/bin/busybox
$bb mount -t devtmpfs dev /dev; $bb mount -t proc proc /proc; $bb mount -t tmpfs tmpfs /data
for name in ${MODULES.join(" ")}; do [ ! -e /modules/$name.ko ] || $bb insmod /modules/$name.ko; done
export HOME=/data BACKUP_TOOL_STORAGE=/data/storage
/bin/sh /life > /data/said 2>&1; status=$?
$bb cat /data/said
echo "kernel $($bb uname -r) ended with $status."
$bb poweroff -f
`;

function done(command: string, args: readonly string[], cwd: string): string {
  const { code, stdout, stderr } = new Deno.Command(command, { args: [...args], cwd }).outputSync();
  strictEqual(code, 0, new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout);
}

/** Files of what the machine begins with, in memory; `base` has the kernel's package in `kernel/`. */
function fillRoot(base: string): void {
  const root = `${base}/root`, mode = 0o755;
  for (const name of ["bin", "proc", "dev", "data", "modules"]) Deno.mkdirSync(`${root}/${name}`, { recursive: true });
  Deno.writeFileSync(`${root}/backup-tool`, makeOneFile(Deno.readFileSync(EXECUTABLE!), parts!.libraries), { mode });
  Deno.writeFileSync(`${root}/bin/busybox`, parts!.busybox, { mode });
  Deno.symlinkSync("busybox", `${root}/bin/sh`);
  Deno.writeTextFileSync(`${root}/init`, INIT, { mode });
  Deno.writeTextFileSync(`${root}/life`, LIFE);
  for (const name of MODULES) {
    const [found] = done("find", ["kernel", "-name", `${name}.ko`], base).split("\n");
    if (found) Deno.copyFileSync(`${base}/${found}`, `${root}/modules/${name}.ko`);
  }
}

/** @returns all that the machine wrote to its console until it was off */
function boot(kernel: string): string {
  const base = Deno.makeTempDirSync({ prefix: "backup-tool-kernel-" });
  try {
    for (const path of kernel.split("+")) done("dpkg-deb", ["--extract", Deno.realPathSync(path), "kernel"], base);
    fillRoot(base);
    done("sh", ["-ec", "cd root; find . | bin/busybox cpio -o -H newc | gzip -1 > ../initrd"], base);
    const [image = ""] = done("find", ["kernel/boot", "-name", "vmlinuz-*"], base).split("\n");
    const machine = "-accel tcg -m 1024 -smp 2 -nographic -no-reboot -nic none -device virtio-rng-pci -initrd initrd";
    return done("qemu-system-x86_64", [
      ...machine.split(" "),
      ...["-kernel", image, "-append", "console=ttyS0 panic=-1 quiet"],
    ], base);
  } finally {
    Deno.removeSync(base, { recursive: true });
  }
}

for (const kernel of KERNELS) {
  const name = kernel.replace(/\+.*$/, "").replace(/^.*\/|_.*$/g, "");
  Deno.test({ name: `one file: backup, check and restore on ${name} (SLOW)`, ignore: parts === undefined }, () => {
    const said = boot(kernel);
    match(said, /the same\s+kernel \S+ ended with 0\./);
  });
}

if (KERNELS.length === 0) {
  Deno.test({ name: "one file: on kernels that BACKUP_TOOL_TEST_KERNELS names (SLOW)", ignore: true, fn: () => {} });
}
