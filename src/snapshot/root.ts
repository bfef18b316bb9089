/** Roots: a snapshot exists once its root exists. A root describes the snapshot and lists its hunks. */
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
/** Largest sequence number. It leaves room for later snapshots, whatever a damaged root claims. */
const MOST_SEQUENCE = 2 ** 48;
const MOST_OFFSET_MINUTES = 24 * 60;

export interface Totals {
  /** Number of lines in the manifest. */
  readonly entries: number;
  /** Number of regular files whose content is kept. */
  readonly files: number;
  readonly dirs: number;
  /** Sum of the sizes of these files. */
  readonly bytes: number;
  /** Number of entries that could not be backed up completely. */
  readonly problems: number;
}

/** What a backup excluded in addition to `excludes`. */
export interface LeftOut {
  /** Matches of .backupignore files in the sources. */
  readonly ignored: boolean;
  /** Contents of directories that have a CACHEDIR.TAG. */
  readonly caches: boolean;
  /** Directories that have a file of one of these names; absent: none. */
  readonly markers?: readonly string[];
  /** File systems mounted below the sources. */
  readonly mounts: boolean;
  /** Files larger than this number of bytes; null: no limit. */
  readonly largerThan: number | null;
  /** Everything that was not in a list of paths. */
  readonly unlisted: boolean;
}

/** Identifies one run of a job. */
export interface JobMark {
  /** Name of the job's file. */
  readonly name: string;
  readonly kind: string;
  /** Unique id of the run. */
  readonly run: string;
}

/** A snapshot of another repository: that repository's id, and the snapshot's id there. */
export interface Origin {
  readonly storage: string;
  readonly id: string;
}

/** Fields of a root that another root replaces; they identify it. */
export type Formerly = Pick<Root, "start" | "host" | "name">;

/** Changes that don't affect what a snapshot holds. */
export type LabelChanges = Partial<Pick<Root, "tags" | "alarm" | "description">>;

/** What can be changed of a snapshot afterwards, in addition to its entries. */
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
  /** Increases with every snapshot of a storage, and so gives their order, whatever the clock said. */
  readonly sequence: number;
  /** The snapshot that this one was compared with; null if there was none. */
  readonly previous: RootId | null;
  /**
   * Id of the root that this one replaces: the same snapshot with other tags, or one that {@link formerly} describes.
   */
  readonly replaces?: RootId;
  /**
   * For a rewritten snapshot: fields of the root that it replaces. Entries, host, name and time may differ from those
   * of this root.
   */
  readonly formerly?: Formerly;
  /**
   * For a partial copy: id of the snapshot being copied. Nothing is compared with it, and it is removed once the copy
   * is complete.
   */
  readonly for?: RootId;
  /** For a copy under another algorithm: the original snapshot. */
  readonly origin?: Origin;
  /** Start and end in ISO 8601, UTC, with milliseconds. */
  readonly start: string;
  readonly end: string;
  /** IANA name of the machine's time zone, and its offset from UTC at the start in minutes. */
  readonly timeZone: string;
  readonly offsetMinutes: number;
  /** Path of the tree in the storage; null if there is no tree. */
  readonly tree: string | null;
  /** True if not everybody could reach the sources; the top of the tree is closed to others then. */
  readonly private: boolean;
  readonly host: string;
  readonly user: string;
  /** Host and name identify the series. */
  readonly name: string;
  /**
   * True if a person gave the name, false if it was derived from the sources; absent if the writer didn't record it.
   */
  readonly named?: boolean;
  /** Sources: absolute paths as text, and their places in the snapshot. */
  readonly sources: readonly { readonly path: string; readonly at: string }[];
  readonly excludes: readonly string[];
  /** Undefined if the writer didn't record it. */
  readonly leftOut?: LeftOut;
  readonly tags: readonly string[];
  /** Free text given by a person. */
  readonly description?: string;
  /** The job that made the snapshot; absent if a person did. */
  readonly job?: JobMark;
  /**
   * Figures of the changes since the previous snapshot; absent if there was none, or if the writer didn't record them.
   */
  readonly change?: ChangeFigures;
  /** Set if the changes were unusual. */
  readonly alarm?: Alarm;
  /** True if a repair recreated entries from the catalog, which lack what the catalog doesn't keep. */
  readonly recovered?: true;
  /** False for an interrupted run: the listed entries are whole, and everything that sorts after them is missing. */
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

/**
 * The settings of the storage that a root was made in, and its time; for a storage that has lost its settings. @throws
 * DamagedManifest, NewerFormat
 */
export function rootOrigin(bytes: Uint8Array<ArrayBuffer>): CoreSettings & { readonly created: string } {
  const read = new FieldReader(parseFields(bytes), damaged);
  return { ...parseCoreSettings(read.object("storage"), damaged), created: read.time("start") };
}

/** The sequence number after `sequence`. Roots that share the maximum are ordered like others with equal numbers. */
export function nextSequence(sequence: number): number {
  return Math.min(sequence + 1, MOST_SEQUENCE);
}

/** Name of the series, for display and grouping: "HOST:NAME". */
export function seriesOf(root: Pick<Root, "host" | "name">): string {
  return `${root.host}:${root.name}`;
}

function damaged(why: string): Fault {
  return new DamagedManifest(`a root can't be read: ${why}`);
}

/** The only form that a tree's name can have. It is also the tree's path in the storage. */
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

/** Parses an alarm. Reasons that this version doesn't know are ignored. */
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
