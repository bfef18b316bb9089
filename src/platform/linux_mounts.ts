/** Finds the mount of a descriptor on kernels whose statx(2) doesn't report it (before Linux 5.8). */
import { AT, O } from "./libc.ts";
import type { LinuxCalls } from "./linux_calls.ts";

const INFO_BYTES = 1024;

/** Mount id from proc_pid_fdinfo(5); undefined without /proc. */
export function mountIdByProc(calls: LinuxCalls, fd: number): string | undefined {
  const { libc } = calls;
  const file = calls.open(AT.FDCWD, libc.second.path(`/proc/self/fdinfo/${fd}`), O.RDONLY);
  if (file < 0) return undefined;
  try {
    const bytes = new Uint8Array(INFO_BYTES);
    const got = libc.call.pread(file, bytes, INFO_BYTES, 0);
    return /^mnt_id:\s*(\d+)/m.exec(new TextDecoder().decode(bytes.subarray(0, Math.max(got, 0))))?.[1];
  } finally {
    calls.close(file);
  }
}

/** True if something is mounted on a directory. @param name one component below `fd`, ended by NUL */
export function isMountPointByProc(calls: LinuxCalls, fd: number, name: Uint8Array<ArrayBuffer>): boolean {
  const handle = calls.open(fd, name, O.PATH | O.DIRECTORY | O.NOFOLLOW);
  if (handle < 0) return false;
  try {
    return mountIdByProc(calls, handle) !== mountIdByProc(calls, fd);
  } finally {
    calls.close(handle);
  }
}
