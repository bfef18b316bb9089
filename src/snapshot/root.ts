/** Roots: a snapshot exists when its root exists. A root says what the snapshot is and lists its hunks. */
import { type Apath, compareApath, isApath } from "../core/apath.ts";
import { parseHunkId, parseRootId, type RootId } from "../core/content_id.ts";
import { digestHexLength } from "../core/digest.ts";
import { type Fault, unlessFault } from "../core/fault.ts";
import { FieldReader } from "../core/fields.ts";
import { type Alarm, ALARM_REASONS, type ChangeFigures } from "../core/unusual_change.ts";
import { BadJson, fieldsOf, parseJson } from "../core/json.ts";
import { rawOf, textOf } from "../core/raw.ts";
import { DamagedManifest } from "./entry_line.ts";
import { type HunkRef, MOST_LINES } from "./hunk.ts";
import { type CoreSettings, FORMAT_VERSION, NewerFormat, parseCoreSettings } from "./origin.ts";

export const SNAPSHOT_FORMAT = "backup-tool snapshot";
/** Room enough for those that come after it, whatever a wrong one claims to be. */
const MOST_SEQUENCE = 2 ** 48;
const MOST_OFFSET_MINUTES = 24 * 60;

export interface Totals {
  /** Lines in the manifest. */
  readonly entries: number;
  /** Regular files whose content is kept. */
  readonly files: number;
  readonly dirs: number;
  /** Sum of the sizes of these files. */
  readonly bytes: number;
  /** Items that could not be backed up completely. */
  readonly problems: number;
}

/** What a backup excluded besides its `excludes`. */
export interface LeftOut {
  /** What .backupignore files in the sources say. */
  readonly ignored: boolean;
  /** What directories with a CACHEDIR.TAG hold. */
  readonly caches: boolean;
  /** What is beside a file of one of these names; absent: none. */
  readonly markers?: readonly string[];
  /** What is mounted below the sources. */
  readonly mounts: boolean;
  /** Files with more bytes; null: none for that. */
  readonly largerThan: number | null;
  /** Everything that was not on a list of paths. */
  readonly unlisted: boolean;
}

/** Names one run of a job. */
export interface JobMark {
  /** Name of the job's file. */
  readonly name: string;
  readonly kind: string;
  /** Unique. */
  readonly run: string;
}

/** A snapshot elsewhere: id of the repository, and its own there. */
export interface Origin {
  readonly storage: string;
  readonly id: string;
}

/** Fields that show whether a root is the one that another replaces. */
export type Formerly = Pick<Root, "start" | "host" | "name">;

/** What changes nothing of what a snapshot is of. */
export type LabelChanges = Partial<Pick<Root, "tags" | "alarm" | "description">>;

/** What may be changed of a snapshot afterwards, besides its entries. */
export type RootChanges = Partial<
  Pick<
    Root,
    | "tags"
    | "alarm"
    | "description"
    | "host"
    | "name"
    | "named"
    | "start"
    | "end"
    | "timeZone"
    | "offsetMinutes"
    | "excludes"
  >
>;

export interface Root {
  readonly version: typeof FORMAT_VERSION;
  readonly storage: CoreSettings;
  /** Counts up with every snapshot of one storage: their order, whatever the clock said. */
  readonly sequence: number;
  /** The snapshot that this one was compared with. */
  readonly previous: RootId | null;
  /** The root that this one has taken the place of: the same snapshot with other tags, or what {@link formerly} says. */
  readonly replaces?: RootId;
  /** Of one that was rewritten: what the root said that it replaces. Entries, host, name or time may differ from that one's. */
  readonly formerly?: Formerly;
  /** Of a partial one: the snapshot that is being copied. Nothing is compared with it, and it goes when that is there. */
  readonly for?: RootId;
  /** The snapshot that this one is a copy of under another algorithm. */
  readonly origin?: Origin;
  /** ISO 8601, UTC, with milliseconds. */
  readonly start: string;
  readonly end: string;
  /** IANA name of the machine's time zone, and its offset from UTC at the start. */
  readonly timeZone: string;
  readonly offsetMinutes: number;
  /** Path of the tree in the storage; null if none was made. */
  readonly tree: string | null;
  /** The source was not open to everybody: neither is the top of the tree. */
  readonly private: boolean;
  readonly host: string;
  readonly user: string;
  /** Host and name make the series. */
  readonly name: string;
  /** Somebody gave the name; false: it came from the sources; missing: the writer didn't note it. */
  readonly named?: boolean;
  /** Text of absolute paths, and where they stand in the snapshot. */
  readonly sources: readonly { readonly path: string; readonly at: string }[];
  readonly excludes: readonly string[];
  /** Undefined: the writer didn't note it. */
  readonly leftOut?: LeftOut;
  readonly tags: readonly string[];
  /** What somebody says of it. */
  readonly description?: string;
  /** The job that made it; absent if a person did. */
  readonly job?: JobMark;
  /** What had become of the files of the snapshot before; absent if there was none, or the writer didn't note it. */
  readonly change?: ChangeFigures;
  /** That was unusual. */
  readonly alarm?: Alarm;
  /** A repair made entries again from the catalog: they lack what it doesn't keep. */
  readonly recovered?: true;
  /** False: a run that was interrupted; what is listed is whole, what comes behind it in order is missing. */
  readonly complete: boolean;
  readonly totals: Totals;
  /** Name and version of the program that wrote it. */
  readonly tool: string;
  readonly hunks: readonly HunkRef[];
}

export function encodeRoot(root: Root): string {
  const hunks = root.hunks.map(({ first, count, id }) => ({ first: textOf(first), count, id }));
  return JSON.stringify({ format: SNAPSHOT_FORMAT, ...root, hunks }, undefined, 2) + "\n";
}

/** Reads a root of any repository. @throws DamagedManifest, NewerFormat */
export function parseRoot(bytes: Uint8Array<ArrayBuffer>): Root {
  const fields = parseFields(bytes);
  const read = new FieldReader(fields, damaged);
  const storage = parseCoreSettings(read.object("storage"), damaged);
  const digits = digestHexLength(storage.algorithm);
  const rootId = (name: string) =>
    read.judged(name, "id of a snapshot", (value) => idOrNone(value, digits, parseRootId));
  return {
    version: FORMAT_VERSION,
    storage,
    sequence: read.count("sequence", MOST_SEQUENCE),
    previous: (fields["previous"] ?? null) === null ? null : rootId("previous"),
    ...(read.has("replaces") && { replaces: rootId("replaces") }),
    ...(read.has("formerly") && { formerly: formerlyOf(read.section("formerly")) }),
    ...(read.has("for") && { for: rootId("for") }),
    ...(read.has("origin") && { origin: originOf(read.section("origin")) }),
    start: read.time("start"),
    end: read.time("end"),
    timeZone: read.text("timeZone"),
    offsetMinutes: read.integer("offsetMinutes", [-MOST_OFFSET_MINUTES, MOST_OFFSET_MINUTES]),
    tree: fields["tree"] === null ? null : read.judged("tree", "name of a tree", treeNameOrNone),
    private: read.flag("private"),
    host: read.text("host"),
    user: read.text("user"),
    name: read.text("name"),
    ...(read.has("named") && { named: read.flag("named") }),
    sources: read.sections("sources").map(sourceOf),
    excludes: read.texts("excludes"),
    ...(read.has("leftOut") && { leftOut: leftOutOf(read.section("leftOut")) }),
    tags: read.texts("tags"),
    ...(read.has("description") && { description: read.text("description") }),
    ...(read.has("job") && { job: jobOf(read.section("job")) }),
    ...(read.has("change") && { change: changeOf(read.section("change")) }),
    ...(read.has("alarm") && { alarm: alarmOf(read.section("alarm")) }),
    ...(read.flag("recovered") && { recovered: true as const }),
    complete: read.flag("complete"),
    totals: totalsOf(read.section("totals")),
    tool: read.text("tool"),
    hunks: hunksOf(read.sections("hunks"), digits),
  };
}

/** Where a root was made, and when; for a storage that has lost its settings. @throws DamagedManifest, NewerFormat */
export function rootOrigin(bytes: Uint8Array<ArrayBuffer>): CoreSettings & { readonly created: string } {
  const read = new FieldReader(parseFields(bytes), damaged);
  return { ...parseCoreSettings(read.object("storage"), damaged), created: read.time("start") };
}

/** The sequence number of the next root. Two at the maximum are ordered as any others with equal numbers. */
export function nextSequence(sequence: number): number {
  return Math.min(sequence + 1, MOST_SEQUENCE);
}

/** Names the series for people and for grouping. */
export function seriesOf(root: Pick<Root, "host" | "name">): string {
  return `${root.host}:${root.name}`;
}

function damaged(why: string): Fault {
  return new DamagedManifest(`a root can't be read: ${why}`);
}

/** The name of a tree, which is also its place in the storage, and can't be any other. */
const TREE_NAME = /^\d{4}\/\d\d-\d\dT\d\d[:-]\d\d(?:-[0-9a-f]{1,16}){0,2}$/;

export function treeNameOrNone(value: unknown): string | undefined {
  return typeof value === "string" && TREE_NAME.test(value) ? value : undefined;
}

function idOrNone<T>(value: unknown, digits: number, parse: (text: string, digits: number) => T): T | undefined {
  return typeof value === "string" ? unlessFault(() => parse(value, digits), undefined) : undefined;
}

function apathOrNone(value: unknown): Apath | undefined {
  if (typeof value !== "string") return undefined;
  const raw: string = rawOf(value);
  return isApath(raw) ? raw : undefined;
}

function parseFields(bytes: Uint8Array<ArrayBuffer>): Readonly<Record<string, unknown>> {
  const fields = fieldsOf(parsed(bytes));
  if (fields["format"] !== SNAPSHOT_FORMAT) throw damaged(`its "format" is not "${SNAPSHOT_FORMAT}"`);
  const version = fields["version"];
  if (typeof version !== "number") throw damaged(`its "version" is missing`);
  if (version > FORMAT_VERSION) throw new NewerFormat("A snapshot", version);
  if (version !== FORMAT_VERSION) throw damaged(`its "version" is ${version}`);
  return fields;
}

function parsed(bytes: Uint8Array<ArrayBuffer>): unknown {
  try {
    return parseJson(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (error) {
    if (error instanceof BadJson) throw damaged(error.message);
    throw damaged(`it is not UTF-8 (${(error as Error).message})`);
  }
}

function jobOf(read: FieldReader): JobMark {
  return { name: read.text("name"), kind: read.text("kind"), run: read.text("run") };
}

export function changeOf(read: FieldReader): ChangeFigures {
  return {
    files: read.count("files"),
    changed: read.count("changed"),
    gone: read.count("gone"),
    renamed: read.count("renamed"),
  };
}

/** Reasons that this version doesn't know are passed over. */
export function alarmOf(read: FieldReader): Alarm {
  return {
    reasons: read.texts("reasons").flatMap((reason) => ALARM_REASONS.find((known) => known === reason) ?? []),
    sampled: read.count("sampled"),
    scrambled: read.count("scrambled"),
    usualChanged: read.count("usualChanged"),
    usualGone: read.count("usualGone"),
    acknowledged: read.flag("acknowledged"),
  };
}

function formerlyOf(read: FieldReader): Formerly {
  return { start: read.time("start"), host: read.text("host"), name: read.text("name") };
}

function originOf(read: FieldReader): Origin {
  return { storage: read.text("storage"), id: read.text("id") };
}

function sourceOf(read: FieldReader): { path: string; at: string } {
  return { path: read.text("path"), at: textOf(read.judged("at", "path inside a snapshot", apathOrNone)) };
}

function leftOutOf(read: FieldReader): LeftOut {
  const largerThan = read.judged("largerThan", "number of bytes, or null", (value = null) => {
    return value === null || (Number.isSafeInteger(value) && Number(value) >= 0) ? { bytes: value } : undefined;
  });
  return {
    ignored: read.flag("ignored"),
    caches: read.flag("caches"),
    ...(read.has("markers") && { markers: read.texts("markers") }),
    mounts: read.flag("mounts"),
    largerThan: largerThan.bytes as number | null,
    unlisted: read.flag("unlisted"),
  };
}

function totalsOf(read: FieldReader): Totals {
  return {
    entries: read.count("entries"),
    files: read.count("files"),
    dirs: read.count("dirs"),
    bytes: read.count("bytes"),
    problems: read.count("problems"),
  };
}

function hunksOf(sections: readonly FieldReader[], digits: number): HunkRef[] {
  const hunks = sections.map((read) => ({
    first: read.judged("first", "path inside a snapshot", apathOrNone),
    count: read.count("count", MOST_LINES),
    id: read.judged("id", "id of a hunk", (value) => idOrNone(value, digits, parseHunkId)),
  }));
  for (let i = 1; i < hunks.length; i++) {
    if (compareApath(hunks[i - 1]!.first, hunks[i]!.first) >= 0) throw damaged("its hunks are out of order");
  }
  return hunks;
}
