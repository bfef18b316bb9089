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
  tag: { admin: ["snapshots", "add", "remove", "set", "description", ...TIMES] },
  forget: { admin: ["snapshots", "keep", "name", "host", "tags", ...TIMES] },
  tree: { admin: ["snapshots", "action", ...TIMES] },
  rewrite: {
    admin: [
      ...["snapshots", "name", "host", "tag", "remove", "exclude"],
      ...["newHost", "newName", "newTime", "newTags", "newDescription", ...TIMES],
    ],
  },
};

/** Kinds of jobs that remove something. */
const REMOVING: readonly string[] = ["prune", "rewrite", "forget"];

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
  const { kind, snapshot, snapshots, sources, to } = job, beyond: Beyond[] = [];
  const tell = (key: string, message: string) => void beyond.push({ key, message });
  // "latest" may be another series' by the time the job is done.
  if (kind === "restore" && !isWholeId(snapshot)) tell("snapshot", 'Expected a whole id with "limits"');
  if (kind === "forget" && Array.isArray(snapshots) && !snapshots.every(isWholeId)) {
    tell("snapshots", 'Expected whole ids with "limits"');
  }
  if (Array.isArray(sources) && !sources.every(isLocal)) {
    tell("sources", 'Expected paths of this machine with "limits"');
  }
  if (to !== undefined && !(typeof to === "string" && VAULT_NAME.test(to))) {
    tell("to", 'Expected the name of a vault in the configuration with "limits"');
  }
  return remove === true ? beyond : [...beyond, ...removals(job)];
}

/** What in a job removes something, sooner or later: a snapshot without its tag may be forgotten by a policy. */
function removals({ kind, keep, prune, remove, set, action }: Readonly<Record<string, unknown>>): Beyond[] {
  const beyond: Beyond[] = [];
  const tell = (key: string, expected: string) => void beyond.push({ key, message: `Expected ${expected}` });
  if (keep !== undefined && keep !== "policy") tell("keep", '"policy" with these "limits"');
  if (prune !== undefined && prune !== false) tell("prune", 'no "prune" with these "limits"');
  if (kind === "tag" && remove !== undefined) tell("remove", 'no "remove" with these "limits"');
  if (kind === "tag" && set !== undefined) tell("set", 'no "set" with these "limits"');
  if (kind === "tree" && action === "remove") tell("action", '"build" with these "limits"');
  return beyond;
}

function isWholeId(value: unknown): boolean {
  return typeof value === "string" && WHOLE_ID.test(value);
}

function isLocal(source: unknown): boolean {
  if (typeof source === "string") return source.startsWith("/") || /^[A-Za-z]:[\\/]/.test(source);
  return typeof source === "object" && source !== null && "path" in source;
}
