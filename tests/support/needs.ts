/**
 * What this machine has and allows. A test that needs something names it with `ignore: !…`, so that it counts as ignored
 * where that is missing; tests/ignored.txt lists the tests that may be.
 */

export const IS_LINUX = Deno.build.os === "linux";
export const IS_WINDOWS = Deno.build.os === "windows";
export const IS_ROOT = Deno.uid() === 0;
export const HAS_FFI = IS_LINUX && Deno.permissions.querySync({ name: "ffi" }).state === "granted";

/** The disk that keeps everything is the one in use: no other system, and none that was asked for. */
export const HAS_LINUX_DISK = HAS_FFI && Deno.env.get("BACKUP_TOOL_DISK") !== "portable";

/** True if all of the commands can be started. */
export function has(...commands: readonly string[]): boolean {
  return commands.every((command) => {
    try {
      new Deno.Command(command, { args: ["--version"], stdin: "null", stdout: "null", stderr: "null" }).outputSync();
      return true;
    } catch {
      return false;
    }
  });
}

/** True if this process may mount a file system of that kind. */
export function canMount(kind: "tmpfs" | "bind" | "loop"): boolean {
  if (!IS_LINUX || !IS_ROOT || !has("mount", "umount")) return false;
  const base = Deno.makeTempDirSync({ prefix: "backup-tool-test-mount-" });
  try {
    return run("mount", ...mountArguments(kind, base)) && run("umount", `${base}/on`);
  } finally {
    Deno.removeSync(base, { recursive: true });
  }
}

/** A directory on another file system than temporary files; undefined if there is none. */
export function otherFileSystem(): string | undefined {
  return ["/dev/shm", "/var/tmp"].find(isElsewhere);
}

function isElsewhere(path: string): boolean {
  const base = Deno.makeTempDirSync({ prefix: "backup-tool-test-device-" });
  try {
    return Deno.statSync(path).dev !== Deno.statSync(base).dev;
  } catch {
    return false;
  } finally {
    Deno.removeSync(base, { recursive: true });
  }
}

function mountArguments(kind: "tmpfs" | "bind" | "loop", base: string): string[] {
  for (const name of ["on", "of"]) Deno.mkdirSync(`${base}/${name}`);
  if (kind === "tmpfs") return ["-t", "tmpfs", "none", `${base}/on`];
  if (kind === "bind") return ["--bind", `${base}/of`, `${base}/on`];
  Deno.truncateSync(touched(`${base}/image`), 16 * 1024 * 1024);
  run("mkfs.ext4", "-q", `${base}/image`);
  return ["-o", "loop", `${base}/image`, `${base}/on`];
}

function touched(path: string): string {
  Deno.writeFileSync(path, new Uint8Array());
  return path;
}

function run(command: string, ...args: string[]): boolean {
  try {
    return new Deno.Command(command, { args, stdin: "null", stdout: "null", stderr: "null" }).outputSync().success;
  } catch {
    return false;
  }
}
