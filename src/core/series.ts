/**
 * Which snapshots belong together. Host and name define a series. A name that nobody gave, derived from the sources,
 * counts only for these sources: two directories that happen to have the same name are two series.
 */

/** The properties of a snapshot that define its series. */
export interface SeriesMember {
  readonly host: string;
  readonly name: string;
  /** Absolute paths, as text. */
  readonly sources?: readonly string[];
  /**
   * True if somebody gave the name, false if it was derived from the sources, undefined if the writer didn't record it.
   */
  readonly named?: boolean;
}

/** A key for a set of sources, whatever their order. */
export function sourcesKey(sources: readonly string[] = []): string {
  return JSON.stringify([...new Set(sources)].sort());
}

/** Groups members by series, in order of first appearance; members keep their order. */
export function groupedBySeries<T extends SeriesMember>(members: readonly T[]): T[][] {
  const names = Map.groupBy(members, nameKey);
  const groups = new Map<string, T[]>();
  const kinds = new Map([...names].map(([name, own]) => [name, groupKeys(own)]));
  for (const member of members) {
    const name = nameKey(member), key = JSON.stringify([name, kinds.get(name)!(member)]);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [member]);
    else group.push(member);
  }
  return [...groups.values()];
}

/**
 * Keys ({@link nameKey}) of names that stand for several different sets of sources, so that users must be shown which.
 */
export function ambiguousNames(members: readonly SeriesMember[]): ReadonlySet<string> {
  const names = Map.groupBy(members, nameKey);
  const meet = [...names].filter(([, own]) => new Set(own.map(({ sources }) => sourcesKey(sources))).size > 1);
  return new Set(meet.map(([name]) => name));
}

export function nameKey({ host, name }: SeriesMember): string {
  return JSON.stringify([host, name]);
}

/** Of what an explicit name joins, the key is empty. @param own all of one host and name */
function groupKeys(own: readonly SeriesMember[]): (member: SeriesMember) => string {
  const named = new Set(own.filter(({ named }) => named === true).map(({ sources }) => sourcesKey(sources)));
  return ({ sources, named: isNamed, name }) => {
    const key = sourcesKey(sources);
    const isJoined = isNamed === true || named.has(key) ||
      // Such a name can only have been given.
      isNamed === undefined && named.size > 0 && !mayBeFromSources(name, sources ?? []);
    return isJoined ? "" : key;
  };
}

/** What is added behind are the names of streams, or what sets it apart from another series. */
function mayBeFromSources(name: string, sources: readonly string[]): boolean {
  return name.startsWith(sources.map((path) => path.slice(path.lastIndexOf("/") + 1) || "root").join("+"));
}

/** A name chosen for a series that has none. */
export interface ChosenName {
  readonly name: string;
  /** Sources that already have the wanted name; undefined if there is nothing new to report. */
  readonly takenBy: readonly string[] | undefined;
}

/**
 * Chooses a name: the one under which these sources were backed up before, or the first of `wanted`, "wanted-2",
 * "wanted-3" ... that no snapshot of the host has.
 * @param snapshots of the storage, oldest first
 */
export function chooseName(
  snapshots: readonly SeriesMember[],
  { host, wanted, sources }: { readonly host: string; readonly wanted: string; readonly sources: readonly string[] },
): ChosenName {
  const key = sourcesKey(sources);
  const own = snapshots.filter((snapshot) => snapshot.host === host);
  const before = own.findLast(({ name, sources }) => isNameLike(name, wanted) && sourcesKey(sources) === key);
  if (before !== undefined) return { name: before.name, takenBy: undefined };
  const taken = new Set(own.map(({ name }) => name));
  let name = wanted;
  for (let n = 2; taken.has(name); n++) name = `${wanted}-${n}`;
  const takenBy = own.findLast((snapshot) => snapshot.name === wanted)?.sources ?? [];
  return { name, takenBy: name === wanted ? undefined : takenBy };
}

function isNameLike(name: string, wanted: string): boolean {
  return name === wanted || name.startsWith(`${wanted}-`) && /^-[1-9]\d*$/.test(name.slice(wanted.length));
}
