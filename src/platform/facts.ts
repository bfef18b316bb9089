/** What is to be known of this machine when something goes wrong. No names of hosts, users or places. */
import type { Disk } from "./disk.ts";
import { loadLibc } from "./libc.ts";
import { openFileLimit } from "./limits.ts";
import { memoryLimit } from "./memory.ts";

export interface SystemFacts {
  /** Name and version of the runtime. */
  readonly runtime: string;
  /** True of the executable, false of the source. */
  readonly isExecutable: boolean;
  readonly system: string;
  readonly kernel: string;
  /** Architecture, system and C library that the runtime was made for. */
  readonly target: string;
  readonly cores: number;
  /** Of the machine, or of the control group if that has less. */
  readonly memoryBytes: number;
  readonly availableMemoryBytes: number;
  readonly isRoot: boolean;
  /** Something that runs containers has left its marks. */
  readonly isContainer: boolean;
  /** The C library could be loaded: without it there are no xattrs, owners, devices and names that aren't UTF-8. */
  readonly hasLibrary: boolean;
  /** Maximum number of open files; undefined if unknown. */
  readonly openFiles: number | undefined;
  /** Entries in the table of mounts; 0 where there is none, as without /proc. */
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
