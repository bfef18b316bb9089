/** Facts about this machine that help when something goes wrong. They contain no names of hosts, users or places. */
import type { Disk } from "./disk.ts";
import { loadLibc } from "./libc.ts";
import { openFileLimit } from "./limits.ts";
import { memoryLimit } from "./memory.ts";

export interface SystemFacts {
  /** Name and version of the runtime. */
  readonly runtime: string;
  /** True for the executable, false when running from source. */
  readonly isExecutable: boolean;
  readonly system: string;
  readonly kernel: string;
  /** Architecture, system and C library that the runtime was built for. */
  readonly target: string;
  readonly cores: number;
  /** Memory of the machine, or the limit of the control group if that is lower. */
  readonly memoryBytes: number;
  readonly availableMemoryBytes: number;
  readonly isRoot: boolean;
  /** True if there are signs that this is a container. */
  readonly isContainer: boolean;
  /** True if the C library was loaded. Without it there are no xattrs, owners and devices, and only UTF-8 names. */
  readonly hasLibrary: boolean;
  /** Maximum number of open files; undefined if unknown. */
  readonly openFiles: number | undefined;
  /** Number of entries in the mount table; 0 where there is none, as without /proc. */
  readonly mounts: number;
}

export function systemFacts(disk: Disk): SystemFacts {
  const { available } = Deno.systemMemoryInfo(), limit = openFileLimit();
  return {
    runtime: `Deno ${Deno.version.deno} (V8 ${Deno.version.v8})`,
    isExecutable: Deno.build.standalone,
    system: Deno.build.os,
    kernel: Deno.osRelease(),
    target: Deno.build.target,
    cores: navigator.hardwareConcurrency,
    memoryBytes: memoryLimit(),
    availableMemoryBytes: available,
    isRoot: disk.uid === 0,
    isContainer: isContainer(),
    hasLibrary: loadLibc() !== undefined,
    openFiles: Number.isFinite(limit) ? limit : undefined,
    mounts: disk.mounts().length,
  };
}

/** Of systemd, Podman and our own image; of Kubernetes. */
const CONTAINER_VARIABLES = ["container", "KUBERNETES_SERVICE_HOST"];
/** Of Docker; of Podman. */
const CONTAINER_FILES = ["/.dockerenv", "/run/.containerenv"];

function isContainer(): boolean {
  if (Deno.build.os !== "linux") return false;
  return CONTAINER_VARIABLES.some((name) => (Deno.env.get(name) ?? "") !== "") || CONTAINER_FILES.some(isThere);
}

function isThere(path: string): boolean {
  try {
    return Deno.lstatSync(path).isFile;
  } catch {
    return false;
  }
}
