/** This machine's memory of drills: when each series of a repository was last proven restorable. */
import { BadJson, fieldsOf, parseJson } from "../../core/json.ts";
import { Fault } from "../../core/fault.ts";
import { rawOf } from "../../core/raw.ts";
import { type SeriesMember, sourcesKey } from "../../core/series.ts";
import type { Machine } from "../../platform/machine.ts";
import { readStateFile, replaceStateFile, type StatePlace } from "../../platform/state_file.ts";

/** The result of the last drill of a series. Times are ISO 8601 in UTC. */
export interface DrillNote {
  readonly host: string;
  readonly name: string;
  readonly sources: readonly string[];
  /** When a whole sample was last restored correctly; null: never. */
  readonly proven: string | null;
  /** Number of files in that sample, and their size. */
  readonly files: number;
  readonly bytes: number;
  /** When a drill last failed, if that was after `proven`; otherwise null. */
  readonly failed: string | null;
}

type NotingMachine = Pick<Machine, "disk" | "state" | "random">;

const FORMAT = "backup-tool drills";

function placeOf(repository: string): StatePlace {
  return { directory: rawOf("drills"), name: rawOf(`${repository}.json`) };
}

/** Reads the notes. @param repository its UUID @returns an empty list if they are missing or unreadable */
export function readDrillNotes(machine: NotingMachine, repository: string): readonly DrillNote[] {
  try {
    const text = readStateFile(machine, placeOf(repository)),
      fields = text === undefined ? {} : fieldsOf(parseJson(text));
    if (fields["format"] !== FORMAT || fields["version"] !== 1 || !Array.isArray(fields["series"])) return [];
    return fields["series"].flatMap((value: unknown) => noteIn(fieldsOf(value)) ?? []);
  } catch (error) {
    if (error instanceof Fault || error instanceof BadJson) return []; // the next drill begins anew
    throw error;
  }
}

/** Replaces the notes of these series. @throws DiskFault */
export function writeDrillNotes(machine: NotingMachine, repository: string, notes: readonly DrillNote[]): void {
  const all = new Map([...readDrillNotes(machine, repository), ...notes].map((note) => [drillKey(note), note]));
  const fields = { format: FORMAT, version: 1, repository, series: [...all.values()] };
  replaceStateFile(machine, placeOf(repository), `${JSON.stringify(fields, undefined, 2)}\n`);
}

/** A key that is equal for notes of the same series. */
export function drillKey({ host, name, sources }: SeriesMember): string {
  return JSON.stringify([host, name, sourcesKey(sources)]);
}

function noteIn(fields: Readonly<Record<string, unknown>>): DrillNote | undefined {
  const { host, name, sources, proven, failed } = fields, [files, bytes] = [fields["files"], fields["bytes"]];
  if (typeof host !== "string" || typeof name !== "string" || !isTexts(sources)) return undefined;
  if (!isCount(files) || !isCount(bytes) || !isTimeOrNull(proven) || !isTimeOrNull(failed)) return undefined;
  return { host, name, sources, proven, files, bytes, failed };
}

function isTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((each) => typeof each === "string");
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}

function isTimeOrNull(value: unknown): value is string | null {
  return value === null || (typeof value === "string" && !Number.isNaN(Date.parse(value)));
}
