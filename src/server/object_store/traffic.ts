/** How much went in and out of each repository since the server was started. */
import type { Family } from "../../operations/metrics/exposition.ts";

export const ACTS = ["read", "write", "delete"] as const;
export type Act = typeof ACTS[number];

/** Whose object, and which type. */
interface Of {
  readonly user: string;
  /** Of the repository. */
  readonly name: string;
  readonly type: string;
}

interface Count {
  readonly labels: Readonly<Record<string, string>>;
  objects: number;
  bytes: number;
}

/** So many series of numbers at most: whoever makes repositories without end must not fill the memory. */
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

  /** With the labels of rest-server. */
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
