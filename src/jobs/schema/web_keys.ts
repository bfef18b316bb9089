/**
 * What a job with `limits` may say: a list of what is allowed, so that a key that is added later is closed until somebody
 * has thought about it. A whole job file is as much as root's password: it runs commands, reads any file, and removes.
 */
const WHOLE_ID = /^[0-9a-f]{40,140}$/;

type LimitedRole = "run" | "admin";

/** Of restores: keys for all, and those for the role admin only. */
const KEYS: readonly string[] = [
  "kind",
  "by",
  "limits",
  "snapshot",
  "paths",
  "include",
  "exclude",
  "target",
  "strip",
  "owners",
];
const ADMIN_KEYS: readonly string[] = ["inPlace", "overwrite"];

export interface Beyond {
  readonly key: string;
  readonly message: string;
}

/** What of a restore is not for that role. @param job as it stands in the file */
export function beyondLimits(job: Readonly<Record<string, unknown>>, role: LimitedRole): Beyond[] {
  const allowed = role === "admin" ? [...KEYS, ...ADMIN_KEYS] : KEYS;
  const closed = Object.keys(job).filter((key) => !allowed.includes(key))
    .map((key) => ({ key, message: `Expected no "${key}" with these "limits"` }));
  // "latest" may be another series' by the time the job is done.
  const { snapshot } = job, isWhole = typeof snapshot === "string" && WHOLE_ID.test(snapshot);
  return isWhole ? closed : [...closed, { key: "snapshot", message: 'Expected a whole id with "limits"' }];
}
