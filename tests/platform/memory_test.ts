import { ok, strictEqual } from "node:assert/strict";
import { workersFor } from "../../src/cli/session/session.ts";
import { groupMemoryLimit, memoryLimit } from "../../src/platform/memory.ts";

const MIB = 2 ** 20;

function limitWith(files: Readonly<Record<string, string>>): number {
  return groupMemoryLimit((path) => files[path]);
}

Deno.test("groupMemoryLimit() takes the lowest limit of the group and those above it", () => {
  const root = "/sys/fs/cgroup", self = { "/proc/self/cgroup": "0::/system.slice/backup.service\n" };
  strictEqual(limitWith({ ...self, [`${root}/system.slice/backup.service/memory.max`]: "max\n" }), Infinity);
  strictEqual(
    limitWith({
      ...self,
      [`${root}/system.slice/backup.service/memory.max`]: `${512 * MIB}\n`,
      [`${root}/system.slice/memory.max`]: `${400 * MIB}\n`,
    }),
    400 * MIB,
  );
});

Deno.test("groupMemoryLimit() knows control groups of memory alone, and a container's own at the top", () => {
  const self = { "/proc/self/cgroup": "9:name=systemd:/\n4:cpu,memory:/docker/1a2b\n0::/\n" };
  const top = "/sys/fs/cgroup/memory";
  strictEqual(limitWith({ ...self, [`${top}/docker/1a2b/memory.limit_in_bytes`]: `${300 * MIB}\n` }), 300 * MIB);
  strictEqual(limitWith({ ...self, [`${top}/memory.limit_in_bytes`]: `${200 * MIB}\n` }), 200 * MIB);
  strictEqual(limitWith({ ...self, [`${top}/memory.limit_in_bytes`]: "9223372036854771712\n" }) > 2 ** 60, true);
});

Deno.test("groupMemoryLimit() finds no limit where nothing can be read", () => {
  strictEqual(limitWith({}), Infinity);
  strictEqual(
    limitWith({ "/proc/self/cgroup": "nonsense\n0::/a\n", "/sys/fs/cgroup/a/memory.max": "much\n" }),
    Infinity,
  );
});

Deno.test("memoryLimit() is some memory, and no more than the machine has", () => {
  const limit = memoryLimit();
  ok(limit > 0 && limit <= Deno.systemMemoryInfo().total, `${limit}`);
});

Deno.test("workersFor() leaves room: none with 256 MiB, two with 512 MiB, more than any machine takes with 1 GiB", () => {
  const workers = [128, 256, 383, 384, 512, 1024].map((mib) => workersFor(mib * MIB));
  strictEqual(workers.join(), "0,0,0,1,2,6");
});
