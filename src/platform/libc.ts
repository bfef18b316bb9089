/**
 * The C library of Linux, through FFI. All calls are synchronous, because `errno` belongs to the thread that made the
 * call. Buffers are allocated once and reused: at a microsecond per system call, an allocation would be noticeable. So
 * no buffer may be kept across calls, and each result is decoded before the next call. Every isolate (main thread,
 * Worker) loads the library itself and has its own buffers.
 */
import { knownRaw, type Raw, rawOf, rawOfBytes } from "../core/raw.ts";
import { DiskFault } from "./disk.ts";
import { EAGAIN, EINTR, errnoName } from "./errno.ts";

const SYMBOLS = {
  __errno_location: { parameters: [], result: "pointer" },
  umask: { parameters: ["u32"], result: "u32" },
  geteuid: { parameters: [], result: "u32" },
  getegid: { parameters: [], result: "u32" },
  getcwd: { parameters: ["buffer", "usize"], result: "pointer" },
  openat: { parameters: ["i32", "buffer", "i32", "u32"], result: "i32" },
  close: { parameters: ["i32"], result: "i32" },
  statx: { parameters: ["i32", "buffer", "i32", "u32", "buffer"], result: "i32", optional: true },
  // Results of up to 32 bits are declared as i32: the upper half of the register is ignored, and no bigint is
  // created.
  pread: { parameters: ["i32", "buffer", "usize", "i64"], result: "i32" },
  pwrite: { parameters: ["i32", "buffer", "usize", "i64"], result: "i32" },
  lseek: { parameters: ["i32", "i64", "i32"], result: "i64" },
  ftruncate: { parameters: ["i32", "i64"], result: "i32" },
  mkdirat: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  linkat: { parameters: ["i32", "buffer", "i32", "buffer", "i32"], result: "i32" },
  symlinkat: { parameters: ["buffer", "i32", "buffer"], result: "i32" },
  readlinkat: { parameters: ["i32", "buffer", "buffer", "usize"], result: "i32" },
  renameat: { parameters: ["i32", "buffer", "i32", "buffer"], result: "i32" },
  unlinkat: { parameters: ["i32", "buffer", "i32"], result: "i32" },
  fchown: { parameters: ["i32", "u32", "u32"], result: "i32" },
  fchownat: { parameters: ["i32", "buffer", "u32", "u32", "i32"], result: "i32" },
  fchmod: { parameters: ["i32", "u32"], result: "i32" },
  chmod: { parameters: ["buffer", "u32"], result: "i32" },
  futimens: { parameters: ["i32", "buffer"], result: "i32" },
  utimensat: { parameters: ["i32", "buffer", "buffer", "i32"], result: "i32" },
  fsync: { parameters: ["i32"], result: "i32" },
  sync_file_range: { parameters: ["i32", "i64", "i64", "u32"], result: "i32", optional: true },
  // The one call that may take minutes: on a thread of its own.
  syncfs: { parameters: ["i32"], result: "i32", nonblocking: true },
  getrlimit: { parameters: ["i32", "buffer"], result: "i32" },
  setrlimit: { parameters: ["i32", "buffer"], result: "i32" },
  flock: { parameters: ["i32", "i32"], result: "i32" },
  // Not in every C library.
  mallopt: { parameters: ["i32", "i32"], result: "i32", optional: true },
  setpriority: { parameters: ["i32", "u32", "i32"], result: "i32" },
  socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
  sendto: { parameters: ["i32", "buffer", "usize", "i32", "buffer", "u32"], result: "i32" },
  fstatfs: { parameters: ["i32", "buffer"], result: "i32" },
  flistxattr: { parameters: ["i32", "buffer", "usize"], result: "i32" },
  fgetxattr: { parameters: ["i32", "buffer", "buffer", "usize"], result: "i32" },
  fsetxattr: { parameters: ["i32", "buffer", "buffer", "usize", "i32"], result: "i32" },
  fremovexattr: { parameters: ["i32", "buffer"], result: "i32" },
  llistxattr: { parameters: ["buffer", "buffer", "usize"], result: "i32" },
  lgetxattr: { parameters: ["buffer", "buffer", "buffer", "usize"], result: "i32" },
  lsetxattr: { parameters: ["buffer", "buffer", "buffer", "usize", "i32"], result: "i32" },
  lremovexattr: { parameters: ["buffer", "buffer"], result: "i32" },
  getpwuid_r: { parameters: ["u32", "buffer", "buffer", "usize", "buffer"], result: "i32" },
  getgrgid_r: { parameters: ["u32", "buffer", "buffer", "usize", "buffer"], result: "i32" },
  getpwnam_r: { parameters: ["buffer", "buffer", "buffer", "usize", "buffer"], result: "i32" },
  getgrnam_r: { parameters: ["buffer", "buffer", "buffer", "usize", "buffer"], result: "i32" },
  // Variadic in C; with the convention of both processors a fixed signature is the same (not so on macOS).
  ioctl: { parameters: ["i32", "u64", "i32"], result: "i32" },
  ioctlBuffer: { name: "ioctl", parameters: ["i32", "u64", "buffer"], result: "i32" },
  // Calls for which older C libraries have no exported function: by number.
  getdents64: { name: "syscall", parameters: ["i64", "i32", "buffer", "usize"], result: "i32" },
  openat2: { name: "syscall", parameters: ["i64", "i32", "buffer", "buffer", "usize"], result: "i32" },
  mknodat: { name: "syscall", parameters: ["i64", "i32", "buffer", "u32", "u32"], result: "i32" },
  renameat2: { name: "syscall", parameters: ["i64", "i32", "buffer", "i32", "buffer", "u32"], result: "i32" },
  ioprio_set: { name: "syscall", parameters: ["i64", "i32", "i32", "i32"], result: "i32" },
  fchmodat2: { name: "syscall", parameters: ["i64", "i32", "buffer", "u32", "i32"], result: "i32" },
  statxByNumber: { name: "syscall", parameters: ["i64", "i32", "buffer", "i32", "u32", "buffer"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;

type Declared = Deno.DynamicLibrary<typeof SYMBOLS>["symbols"];
type Numeric<F> = F extends (...args: infer A) => infer R
  ? (...args: { [K in keyof A]: A[K] extends bigint ? number : A[K] }) => R
  : F;
/** 64-bit arguments are passed as numbers: the runtime takes both, and the fast path only numbers. */
type Calls = { readonly [K in keyof Declared]: Numeric<Declared[K]> };

const IS_ARM = Deno.build.arch === "aarch64";

/** Flags of open(2). */
export const O = {
  RDONLY: 0,
  WRONLY: 1,
  RDWR: 2,
  CREAT: 0o100,
  EXCL: 0o200,
  NOCTTY: 0o400,
  NONBLOCK: 0o4000,
  DIRECTORY: IS_ARM ? 0o40000 : 0o200000,
  NOFOLLOW: IS_ARM ? 0o100000 : 0o400000,
  NOATIME: 0o1000000,
  CLOEXEC: 0o2000000,
  PATH: 0o10000000,
} as const;

/** Flags of the `*at` calls. */
export const AT = { FDCWD: -100, SYMLINK_NOFOLLOW: 0x100, REMOVEDIR: 0x200, EMPTY_PATH: 0x1000 } as const;

/** Numbers of system calls. */
export const SYSCALL = {
  getdents64: IS_ARM ? 61 : 217,
  mknodat: IS_ARM ? 33 : 259,
  statx: IS_ARM ? 291 : 332,
  renameat2: IS_ARM ? 276 : 316,
  ioprio_set: IS_ARM ? 30 : 251,
  openat2: 437,
  fchmodat2: 452,
} as const;

/** Longest path that one call accepts, in bytes, without the final NUL. */
export const LONGEST_PATH_BYTES = 4095;

/**
 * A buffer for a byte string that is passed to a call, terminated by NUL. If it already holds that string, no
 * conversion is made.
 */
export class PathBuffer {
  readonly #bytes = new Uint8Array(LONGEST_PATH_BYTES + 1);
  #held: string | undefined;
  #isComponent = false;

  /**
   * Stores a single component: not empty, not `.` or `..`, and without `/`, so that no call can leave its directory.
   * @throws DiskFault
   */
  component(name: Raw): Uint8Array<ArrayBuffer> {
    if (this.#isComponent && name === this.#held) return this.#bytes;
    this.#fill(name);
    this.#isComponent = !(name === "" || name === "." || name === ".." || name.includes("/"));
    if (!this.#isComponent) throw new DiskFault("EINVAL", "use as a name", name);
    return this.#bytes;
  }

  /** Stores any path. */
  path(path: string): Uint8Array<ArrayBuffer> {
    if (path === this.#held) return this.#bytes;
    this.#isComponent = false;
    this.#fill(path);
    return this.#bytes;
  }

  #fill(raw: string): void {
    const { length } = raw;
    if (length > LONGEST_PATH_BYTES) throw new DiskFault("ENAMETOOLONG", "use as a path", knownRaw(raw));
    const bytes = this.#bytes;
    this.#held = undefined;
    for (let i = 0; i < length; i++) {
      const code = raw.charCodeAt(i);
      if (code === 0) throw new DiskFault("EINVAL", "use as a path", knownRaw(raw));
      if (code > 0xff) throw new Error(`Not a byte string: ${JSON.stringify(raw)}`);
      bytes[i] = code;
    }
    bytes[length] = 0;
    this.#held = raw;
  }
}

/** The empty path, which stands for the descriptor itself with AT_EMPTY_PATH. */
export const EMPTY_PATH = new Uint8Array(1);

/** The C library of one isolate. */
export class Libc {
  readonly call: Calls;
  /** Error number of the last call that {@link again} examined; 0 if there was none. */
  errno = 0;
  /** Buffers for the name that a call is about, and for the second name of calls that take two. */
  readonly first = new PathBuffer();
  readonly second = new PathBuffer();
  readonly #errnoView: Deno.UnsafePointerView;

  constructor(calls: Calls) {
    const location = calls.__errno_location();
    if (location === null) throw new Error("The C library has no errno");
    this.call = calls;
    this.#errnoView = new Deno.UnsafePointerView(location);
  }

  /**
   * The condition of a do-while loop around a call: records the error, and returns true if the call was interrupted by
   * a signal. Also retries once after EAGAIN: locks inside the runtime fail with it on the same thread, and may come
   * between the call and the reading of its error.
   */
  again(result: number): boolean {
    if (result >= 0) return false;
    this.errno = this.#errnoView.getInt32(0);
    this.#isSecondTry = this.errno === EAGAIN && !this.#isSecondTry;
    return this.errno === EINTR || this.#isSecondTry;
  }
  #isSecondTry = false;

  /** Reads the error of a call that signals can't interrupt. */
  readErrno(): number {
    return (this.errno = this.#errnoView.getInt32(0));
  }

  /** Makes a fault of the last error. @param operation a verb, as in "Cannot {operation} {path}" */
  fault(operation: string, path: Raw): DiskFault {
    return new DiskFault(errnoName(this.errno), operation, path);
  }
}

const NAMES = ["libc.so.6", `libc.musl-${Deno.build.arch}.so.1`];
let loaded: Libc | undefined;
let looked = false;

/** Loads the C library for this isolate, once; undefined where there is none, or where FFI isn't permitted. */
export function loadLibc(): Libc | undefined {
  if (!looked) {
    looked = true;
    loaded = Deno.build.os === "linux" && mayUseFfi() ? load() : undefined;
  }
  return loaded;
}

/** Asked first, because dlopen without permission would ask the person. */
export function mayUseFfi(): boolean {
  return Deno.permissions.querySync({ name: "ffi" }).state === "granted";
}

function load(): Libc | undefined {
  for (const name of NAMES) {
    try {
      return new Libc(lazyCalls(name));
    } catch {
      // Not there under this name: the portable implementation is always left.
    }
  }
  return undefined;
}

/** Binds each function on first use: the runtime compiles a trampoline for each, which takes it a quarter of a millisecond. */
function lazyCalls(library: string): Calls {
  const calls = {};
  for (const [name, symbol] of Object.entries(SYMBOLS)) {
    Object.defineProperty(calls, name, {
      configurable: true,
      enumerable: true,
      get() {
        const value = Deno.dlopen(library, { [name]: symbol }).symbols[name];
        Object.defineProperty(calls, name, { value, enumerable: true });
        return value;
      },
    });
  }
  return calls as Calls;
}

/** Current directory, as bytes. */
export function libcCurrentDirectory(libc: Libc): Raw {
  for (let size = 4096;; size *= 4) {
    const buffer = new Uint8Array(size);
    if (libc.call.getcwd(buffer, size) !== null) return rawUpToNul(buffer, 0);
    libc.readErrno();
    if (errnoName(libc.errno) !== "ERANGE") throw libc.fault("find", rawOf("."));
  }
}

/** Bytes up to the next NUL. */
export function rawUpToNul(bytes: Uint8Array, from: number): Raw {
  const end = bytes.indexOf(0, from);
  return rawOfBytes(bytes.subarray(from, Math.max(from, end)));
}
