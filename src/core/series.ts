/**
 * Which snapshots belong together. Host and name make a series; but a name that nobody gave, which came from the sources,
 * stands only for these sources: two directories that happen to be called alike are two series.
 */

/** What is to be known of a snapshot. */
export interface SeriesMember {
  readonly host: string;
  readonly name: string;
  /** Text of absolute paths. */
  readonly sources?: readonly string[];
  /** Somebody gave the name; false: it came from the sources; undefined: the writer didn't note it. */
  readonly named?: boolean;
}

/** The same for the same sources, in whatever order they were given. */
export function sourcesKey(sources: readonly string[] = []): string {
  return JSON.stringify([...new Set(sources)].sort());
}

/** The series of all members, in the order in which they first appear; their members in the order given. */
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

/** Keys ({@link nameKey}) of names that stand for different sources: people have to be shown which. */
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

/** What a series that nobody has given a name is called. */
export interface ChosenName {
  readonly name: string;
  /** Sources that have the name which was not free; undefined if there is nothing new to report. */
  readonly takenBy: readonly string[] | undefined;
}

/**
 * The name under which these sources were backed up before; else the first of `wanted`, "wanted-2", "wanted-3" ... that
 * no snapshot of the host has. @param snapshots of the storage, oldest first
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
