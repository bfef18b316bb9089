/** An entry of a snapshot for people and for JSON. */
import type { Clock } from "../../../core/clock.ts";
import type { Entry, Kind } from "../../../core/entry.ts";
import { textOf } from "../../../core/raw.ts";
import type { SizeText } from "../../../core/size_text.ts";
import { isoOfNs, localTimeText, msOfNs } from "../../../core/time_text.ts";
import type { PathVersion, State } from "../../../snapshot/catalog_queries.ts";

const KIND_LETTERS: Readonly<Record<Kind, string>> = {
  file: "-",
  dir: "d",
  symlink: "l",
  fifo: "p",
  socket: "s",
  char: "c",
  block: "b",
};
const OWNER_CELLS = 8, SIZE_CELLS = 9;

/** Kind and mode as in `ls`: "drwxr-xr-x". */
export function modeText({ kind, mode }: Pick<Entry, "kind" | "mode">): string {
  const special = [[0o4000, "s"], [0o2000, "s"], [0o1000, "t"]] as const;
  const triples = special.map(([bit, letter], i) => {
    const bits = mode >> (6 - 3 * i);
    const last = mode & bit ? (bits & 1 ? letter : letter.toUpperCase()) : bits & 1 ? "x" : "-";
    return (bits & 4 ? "r" : "-") + (bits & 2 ? "w" : "-") + last;
  });
  return KIND_LETTERS[kind] + triples.join("");
}

/** How sizes and times are shown; provided by a session. */
export interface Look {
  readonly world: { readonly clock: Clock };
  readonly sizeText: SizeText;
}
type Described = Pick<Entry, "kind" | "size" | "mtime" | "uid" | "gid" | "user" | "group" | "device">;

/** Owner, group, size and time, in columns that are usually wide enough. */
export function longColumns(entry: Described, session: Look): string {
  const owner = (entry.user ?? String(entry.uid)).padEnd(OWNER_CELLS);
  const group = (entry.group ?? String(entry.gid)).padEnd(OWNER_CELLS);
  const amount = amountText(entry, session).padStart(SIZE_CELLS);
  return `${owner} ${group} ${amount} ${timeText(msOfNs(entry.mtime), session)}`;
}

/** Local time with its zone. */
export function timeText(atMs: number, { world }: Look): string {
  return localTimeText(atMs, world.clock.offsetMinutes(atMs));
}

function amountText({ kind, size, device }: Described, session: Look): string {
  if (kind === "file") return session.sizeText(size);
  return device === undefined ? "-" : `${device.major}, ${device.minor}`;
}

/** Output of `ls --json` for an entry: times in ISO 8601 with nanoseconds, mode in octal. Part of the interface. */
export function entryJson(entry: Entry) {
  const { path, ctime, inode, hardLink, sparse, xattrs, aclNames, birthtime, flags } = entry;
  return {
    path: textOf(path),
    ...stateJson(entry),
    ctime: ctime === undefined ? undefined : isoOfNs(ctime),
    inode,
    hardLink,
    sparse,
    xattrs,
    aclNames,
    birthtime: birthtime === undefined ? undefined : isoOfNs(birthtime),
    flags,
  };
}

/** JSON of a version of a path, for `find` and `history`. Part of the interface. */
export function versionJson(version: PathVersion) {
  const { path, host, name } = version;
  return { path: textOf(path), host, name, ...stateJson(version) };
}

/** JSON of a path's state. Part of the interface. */
export function stateJson(
  { kind, size, mtime, mode, uid, gid, user, group, device, content, target, problems }:
    & Omit<State, "content" | "xattrs">
    & { content?: State["content"] },
) {
  return {
    kind,
    size: kind === "file" ? size : undefined,
    mtime: isoOfNs(mtime),
    mode: octal(mode),
    uid,
    gid,
    user,
    group,
    device,
    content,
    target: target === undefined ? undefined : textOf(target),
    problems,
  };
}

function octal(mode: number): string {
  return mode.toString(8).padStart(4, "0");
}
