/** Memory that this process may use: that of the machine, or less if a control group (container, slice) limits it. */

/** Text of a small file; undefined if it isn't there. */
type ReadText = (path: string) => string | undefined;

/** Where control groups are mounted: one tree for everything, or one of memory alone. */
const UNIFIED = ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"], OF_MEMORY = "/sys/fs/cgroup/memory";

/** The limit in bytes. */
export function memoryLimit(): number {
  const { total } = Deno.systemMemoryInfo();
  return Deno.build.os === "linux" ? Math.min(total, groupMemoryLimit(readIfThere)) : total;
}

/** The lowest limit of this process's control group and those above it, in bytes; Infinity if there is none. */
export function groupMemoryLimit(read: ReadText): number {
  const files = (read("/proc/self/cgroup") ?? "").split("\n").flatMap(limitFiles);
  return Math.min(Infinity, ...files.map((file) => bytesIn(read(file))));
}

/**
 * Files with the limits that a line of /proc/self/cgroup stands for: "0::/a/b" in the unified tree, "4:memory:/a/b" in one
 * of memory alone. In a container the path may be that of the host, while the container sees its own group at the top: so
 * the directories above are looked at in any case.
 */
function limitFiles(line: string): readonly string[] {
  const [, id, controllers = "", path = ""] = /^(\d+):([^:]*):(.*)$/.exec(line) ?? [];
  const above = path.split("/").filter((part) => part !== "").map((_, index, parts) =>
    `/${parts.slice(0, index + 1).join("/")}`
  );
  if (controllers.split(",").includes("memory")) {
    return ["", ...above].map((group) => `${OF_MEMORY}${group}/memory.limit_in_bytes`);
  }
  if (id !== "0") return [];
  return UNIFIED.flatMap((root) => ["", ...above].map((group) => `${root}${group}/memory.max`));
}

/** "max", or a number near 2^63, stands for no limit. */
function bytesIn(text: string | undefined): number {
  const bytes = /^\d+$/.test(text?.trim() ?? "") ? Number(text) : Infinity;
  return bytes > 0 ? bytes : Infinity;
}

function readIfThere(path: string): string | undefined {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    // Not there, or nobody may look: then there is no limit that is known.
    return undefined;
  }
}
