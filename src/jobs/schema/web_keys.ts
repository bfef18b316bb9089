/**
 * What a job with `limits` may contain: an allow list, so that a key added later is denied until somebody has
 * considered it. A job without limits is as powerful as root's password: it runs commands, reads any file, and removes
 * files.
 */
const WHOLE_ID = /^[0-9a-f]{40,140}$/;
/** Name of a vault in the configuration: neither a path nor `scheme:...`. */
const VAULT_NAME = /^[^/\\~.:\s-][^/\\:\s]*$/;

/** The part of `limits` that matters here. */
export interface Limits {
  readonly role: "run" | "admin";
  readonly remove?: true;
}

const COMMON = ["kind", "by", "limits"], TIMES = ["notify", "every", "timeZone"];

/**
 * Keys by kind: those for the role run, and additional ones for the role admin. Kinds that aren't listed can't be
 * submitted.
 */
const KEYS: Readonly<Record<string, { readonly run?: readonly string[]; readonly admin: readonly string[] }>> = {
  restore: {
    run: ["snapshot", "paths", "include", "exclude", "target", "strip", "owners"],
    admin: ["inPlace", "overwrite"],
  },
  check: { run: ["readData", "readDataSubset", "snapshot", "path"], admin: TIMES },
  drill: { run: ["bytes", "name"], admin: TIMES },
  doctor: { run: [], admin: TIMES },
  // Not `host`: it would make a snapshot of another machine's series. Not `lock`, `hooks`, `excludeFrom`: they run and read.
  backup: {
    admin: [
      ...["name", "sources", "exclude", "iexclude", "presets", "ignoreFiles", "excludeCaches", "excludeIfPresent"],
      ...["excludeLargerThan", "oneFileSystem", "tags", "description", "skipIfUnchanged", "tree", "force"],
      ...["ignoreInode", "ignoreCtime", "keep", ...TIMES],
    ],
  },
  copy: { admin: ["to", "snapshots", "name", "host", "tags", "keep", "prune", "checkSubset", ...TIMES] },
  prune: { admin: ["keep", "name", "host", "tags", "grace", "keepUnused", "maxUnused", "maxRepack", ...TIMES] },
  rewrite: {
    admin: [
      ...["snapshots", "name", "host", "tag", "remove", "exclude"],
      ...["newHost", "newName", "newTime", "newTags", "newDescription", ...TIMES],
    ],
  },
};

/** Kinds of jobs that remove something. */
const REMOVING: readonly string[] = ["prune", "rewrite"];

export interface Beyond {
  readonly key: string;
  readonly message: string;
}

/** Keys allowed in a job of that kind; none: the role may not submit such a job. */
export function keysFor(kind: string, role: Limits["role"]): readonly string[] {
  const of = Object.hasOwn(KEYS, kind) ? KEYS[kind] : undefined;
  if (of === undefined || (role === "run" && of.run === undefined)) return [];
  return [...COMMON, ...of.run ?? [], ...role === "admin" ? of.admin : []];
}

/** Kinds of jobs that an account may submit. */
export function kindsFor({ role, remove }: Limits): readonly string[] {
  return Object.keys(KEYS).filter((kind) =>
    keysFor(kind, role).length > 0 && (remove === true || !REMOVING.includes(kind))
  );
}

/** What the limits don't allow in a job. @param job parsed JSON of the file */
export function beyondLimits(job: Readonly<Record<string, unknown>>, limits: Limits): Beyond[] {
  const kind = String(job.kind);
  if (!kindsFor(limits).includes(kind)) return [{ key: "kind", message: `Expected no "${kind}" with these "limits"` }];
  const allowed = keysFor(kind, limits.role);
  const closed = Object.keys(job).filter((key) => !allowed.includes(key))
    .map((key) => ({ key, message: `Expected no "${key}" with these "limits"` }));
  return [...closed, ...beyondValues(job, limits)];
}

function beyondValues(job: Readonly<Record<string, unknown>>, { remove }: Limits): Beyond[] {
  const { kind, snapshot, sources, to, keep, prune } = job, beyond: Beyond[] = [];
  const tell = (key: string, message: string) => void beyond.push({ key, message });
  // "latest" may be another series' by the time the job is done.
  if (kind === "restore" && !(typeof snapshot === "string" && WHOLE_ID.test(snapshot))) {
    tell("snapshot", 'Expected a whole id with "limits"');
  }
  if (Array.isArray(sources) && !sources.every(isLocal)) {
    tell("sources", 'Expected paths of this machine with "limits"');
  }
  if (to !== undefined && !(typeof to === "string" && VAULT_NAME.test(to))) {
    tell("to", 'Expected the name of a vault in the configuration with "limits"');
  }
  if (remove === true) return beyond;
  if (keep !== undefined && keep !== "policy") tell("keep", 'Expected "policy" with these "limits"');
  if (prune !== undefined && prune !== false) tell("prune", 'Expected no "prune" with these "limits"');
  return beyond;
}

function isLocal(source: unknown): boolean {
  if (typeof source === "string") return source.startsWith("/") || /^[A-Za-z]:[\\/]/.test(source);
  return typeof source === "object" && source !== null && "path" in source;
}
