/** Names of Linux error numbers; the same on x86-64 and aarch64 (asm-generic/errno.h). */
const FIRST =
  "EPERM ENOENT ESRCH EINTR EIO ENXIO E2BIG ENOEXEC EBADF ECHILD EAGAIN ENOMEM EACCES EFAULT ENOTBLK EBUSY " +
  "EEXIST EXDEV ENODEV ENOTDIR EISDIR EINVAL ENFILE EMFILE ENOTTY ETXTBSY EFBIG ENOSPC ESPIPE EROFS EMLINK EPIPE " +
  "EDOM ERANGE EDEADLK ENAMETOOLONG ENOLCK ENOSYS ENOTEMPTY ELOOP";

const NAMES: ReadonlyMap<number, string> = new Map([
  ...FIRST.split(" ").map((name, at): [number, string] => [at + 1, name]),
  [61, "ENODATA"],
  [71, "EPROTO"],
  [74, "EBADMSG"],
  [75, "EOVERFLOW"],
  [84, "EILSEQ"],
  [95, "ENOTSUP"],
  [107, "ENOTCONN"],
  [110, "ETIMEDOUT"],
  [111, "ECONNREFUSED"],
  [112, "EHOSTDOWN"],
  [113, "EHOSTUNREACH"],
  [116, "ESTALE"],
  [117, "EUCLEAN"],
  [121, "EREMOTEIO"],
  [122, "EDQUOT"],
  [123, "ENOMEDIUM"],
  [126, "ENOKEY"],
  [127, "EKEYEXPIRED"],
]);

export const EPERM = 1;
export const ENOENT = 2;
export const EINTR = 4;
export const ENXIO = 6;
export const EAGAIN = 11;
export const EACCES = 13;
export const EEXIST = 17;
export const EXDEV = 18;
export const EINVAL = 22;
export const EMLINK = 31;
export const ERANGE = 34;
export const ENOSYS = 38;
export const ENODATA = 61;
export const ENOTSUP = 95;

/** Symbolic name of an error number, such as "ENOSPC". */
export function errnoName(errno: number): string {
  return NAMES.get(errno) ?? `E${errno}`;
}
