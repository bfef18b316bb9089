/** Counts bytes in and out of each repository since the server was started. */
import type { Family } from "../../operations/metrics/exposition.ts";

export const ACTS = ["read", "write", "delete"] as const;
export type Act = typeof ACTS[number];

/** Owner and type of an object. */
interface Of {
  readonly user: string;
  /** Name of the repository. */
  readonly name: string;
  readonly type: string;
}

interface Count {
  readonly labels: Readonly<Record<string, string>>;
  objects: number;
  bytes: number;
}

/** Most counters: a client that creates repositories without end must not exhaust the memory. */
const MOST_COUNTS = 3000;

export class Traffic {
  readonly #counts: Readonly<Record<Act, Map<string, Count>>> = {
    read: new Map(),
    write: new Map(),
    delete: new Map(),
  };

  add(act: Act, { user, name: repo, type }: Of, bytes: number): void {
    const counts = this.#counts[act], key = `${user}/${repo}/${type}`;
    const count = counts.get(key) ?? { labels: { user, repo, type }, objects: 0, bytes: 0 };
    count.objects++;
    count.bytes += bytes;
    if (counts.has(key) || counts.size < MOST_COUNTS) counts.set(key, count);
  }

  /** The metrics, with the labels of rest-server. */
  families(): Family[] {
    return ACTS.flatMap((act) => {
      const counts = [...this.#counts[act].values()], name = `backup_tool_object_${act}`;
      const family = (suffix: string, help: string, value: (count: Count) => number): Family => ({
        name: `${name}_${suffix}`,
        type: "counter",
        help,
        samples: counts.map((count) => ({ labels: count.labels, value: value(count) })),
      });
      return [
        family("total", `Objects of other machines: ${act}`, ({ objects }) => objects),
        family("bytes_total", `Their bytes: ${act}`, ({ bytes }) => bytes),
      ];
    });
  }
}
