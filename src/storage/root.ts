/** Roots: a snapshot exists when its root exists. A root says what the snapshot is and lists its hunks. */
import { compareApath, parseApath } from "../core/apath.ts";
import { parseHunkId, parseRootId, type RootId } from "../core/content_id.ts";
import { BadId, BadPath, type Fault } from "../core/fault.ts";
import { textOf } from "../core/raw.ts";
import { digestHexLength } from "./digest.ts";
import type { HunkRef } from "./hunk.ts";
import { DamagedManifest } from "./line.ts";
import { type CoreSettings, FORMAT_VERSION, NewerFormat, parseCoreSettings, type Settings } from "./settings.ts";

export const SNAPSHOT_FORMAT = "backup-tool snapshot";

/** A root that is whole, but of another storage. */
export class ForeignSnapshot extends DamagedManifest {
  readonly storage: string;
  constructor(storage: string) {
    super(`a root belongs to the storage ${storage}`);
    this.storage = storage;
  }
}

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

/** What a backup left out besides what its `excludes` say. */
export interface LeftOut {
  /** What .backupignore files in the sources say. */
  readonly ignored: boolean;
  /** What directories with a CACHEDIR.TAG hold. */
  readonly caches: boolean;
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

export interface Root {
  readonly version: typeof FORMAT_VERSION;
  readonly storage: CoreSettings;
  /** Counts up with every snapshot of the storage: their order, whatever the clock said. */
  readonly sequence: number;
  /** The snapshot that this one was compared with. */
  readonly previous: RootId | null;
  /** The root that this one has taken the place of: the same snapshot with other tags. */
  readonly replaces?: RootId;
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
  /** Text of absolute paths, and where they stand in the snapshot. */
  readonly sources: readonly { readonly path: string; readonly at: string }[];
  readonly excludes: readonly string[];
  /** Undefined: the writer didn't note it. */
  readonly leftOut?: LeftOut;
  readonly tags: readonly string[];
  /** The job that made it; absent if a person did. */
  readonly job?: JobMark;
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

/** @throws DamagedManifest, NewerFormat */
export function parseRoot(bytes: Uint8Array<ArrayBuffer>, settings: Settings): Root {
  const fields = parseFields(bytes);
  const storage = parseCoreSettings(section(fields, "storage"), damaged);
  if (storage.id !== settings.id) throw new ForeignSnapshot(storage.id);
  const read = new FieldReader(fields);
  const digits = digestHexLength(settings.algorithm);
  const previous = fields["previous"] ?? null, replaces = fields["replaces"];
  return {
    version: FORMAT_VERSION,
    storage,
    sequence: read.count("sequence"),
    previous: previous === null ? null : sound("previous", () => parseRootId(String(previous), digits)),
    ...(replaces !== undefined && { replaces: sound("replaces", () => parseRootId(String(replaces), digits)) }),
    start: read.time("start"),
    end: read.time("end"),
    timeZone: read.string("timeZone"),
    offsetMinutes: read.integer("offsetMinutes"),
    tree: fields["tree"] === null ? null : read.string("tree"),
    private: fields["private"] === true,
    host: read.string("host"),
    user: read.string("user"),
    name: read.string("name"),
    sources: read.list("sources").map(sourceOf),
    excludes: read.list("excludes").map(String),
    ...(fields["leftOut"] !== undefined && { leftOut: leftOutOf(section(fields, "leftOut")) }),
    tags: read.list("tags").map(String),
    ...(fields["job"] !== undefined && { job: jobOf(section(fields, "job")) }),
    ...(fields["recovered"] === true && { recovered: true as const }),
    complete: fields["complete"] === true,
    totals: totalsOf(section(fields, "totals")),
    tool: read.string("tool"),
    hunks: hunksOf(read.list("hunks"), digits),
  };
}

/** The settings that a root carries; for a storage that has lost its own. @throws DamagedManifest, NewerFormat */
export function rootSettings(bytes: Uint8Array<ArrayBuffer>): Settings {
  const fields = parseFields(bytes);
  const core = parseCoreSettings(section(fields, "storage"), damaged);
  return { version: FORMAT_VERSION, ...core, created: new FieldReader(fields).time("start") };
}

/** Names the series for people and for grouping. */
export function seriesOf(root: Pick<Root, "host" | "name">): string {
  return `${root.host}:${root.name}`;
}

function damaged(why: string): Fault {
  return new DamagedManifest(`a root can't be read: ${why}`);
}

/** A wrong path or id in a root is damage of the root, not a person's typing error. */
function sound<T>(name: string, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (error instanceof BadId || error instanceof BadPath) throw damaged(`its "${name}" is wrong: ${error.message}`);
    throw error;
  }
}

function parseFields(bytes: Uint8Array<ArrayBuffer>): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (error) {
    throw damaged(`it is not JSON (${(error as Error).message})`);
  }
  const fields = (typeof value === "object" && value !== null ? value : {}) as Record<string, unknown>;
  if (fields["format"] !== SNAPSHOT_FORMAT) throw damaged(`its "format" is not "${SNAPSHOT_FORMAT}"`);
  const version = fields["version"];
  if (typeof version !== "number") throw damaged(`its "version" is missing`);
  if (version > FORMAT_VERSION) throw new NewerFormat("A snapshot", version);
  return fields;
}

function section(fields: Record<string, unknown>, name: string): Record<string, unknown> {
  const value = fields[name];
  if (typeof value !== "object" || value === null) throw damaged(`its "${name}" is missing`);
  return value as Record<string, unknown>;
}

/** Takes fields of the right type out of parsed JSON. */
class FieldReader {
  readonly #fields: Record<string, unknown>;

  constructor(fields: Record<string, unknown>) {
    this.#fields = fields;
  }

  string(name: string): string {
    const value = this.#fields[name];
    if (typeof value !== "string") throw damaged(`its "${name}" is no text`);
    return value;
  }

  time(name: string): string {
    const value = this.string(name);
    if (Number.isNaN(Date.parse(value))) throw damaged(`its "${name}" is no time`);
    return value;
  }

  integer(name: string): number {
    const value = this.#fields[name];
    if (typeof value !== "number" || !Number.isSafeInteger(value)) throw damaged(`its "${name}" is no whole number`);
    return value;
  }

  count(name: string): number {
    const value = this.integer(name);
    if (value < 0) throw damaged(`its "${name}" is negative`);
    return value;
  }

  list(name: string): unknown[] {
    const value = this.#fields[name];
    if (!Array.isArray(value)) throw damaged(`its "${name}" is no list`);
    return value;
  }
}

function jobOf(fields: Record<string, unknown>): JobMark {
  const read = new FieldReader(fields);
  return { name: read.string("name"), kind: read.string("kind"), run: read.string("run") };
}

function sourceOf(value: unknown): { path: string; at: string } {
  const read = new FieldReader((value ?? {}) as Record<string, unknown>);
  return { path: read.string("path"), at: read.string("at") };
}

function leftOutOf(fields: Record<string, unknown>): LeftOut {
  const largerThan = (fields["largerThan"] ?? null) === null ? null : new FieldReader(fields).count("largerThan");
  return {
    ignored: fields["ignored"] === true,
    caches: fields["caches"] === true,
    mounts: fields["mounts"] === true,
    largerThan,
    unlisted: fields["unlisted"] === true,
  };
}

function totalsOf(fields: Record<string, unknown>): Totals {
  const read = new FieldReader(fields);
  return {
    entries: read.count("entries"),
    files: read.count("files"),
    dirs: read.count("dirs"),
    bytes: read.count("bytes"),
    problems: read.count("problems"),
  };
}

function hunksOf(values: readonly unknown[], digits: number): HunkRef[] {
  const hunks = values.map((value) => {
    const read = new FieldReader((value ?? {}) as Record<string, unknown>);
    return {
      first: sound("first", () => parseApath(read.string("first"))),
      count: read.count("count"),
      id: sound("id", () => parseHunkId(read.string("id"), digits)),
    };
  });
  for (let i = 1; i < hunks.length; i++) {
    if (compareApath(hunks[i - 1]!.first, hunks[i]!.first) >= 0) throw damaged("its hunks are out of order");
  }
  return hunks;
}
