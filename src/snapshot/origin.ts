/** Where a snapshot was made: the settings of the repository that its root repeats, and the version of the format. */
import { type Algorithm, ALGORITHMS } from "../core/digest.ts";
import { Fault } from "../core/fault.ts";

/** Version of the format that this tool writes, and the newest that it reads. */
export const FORMAT_VERSION = 1;

/** The part of the settings that every root repeats, so that a storage without db/ explains itself. */
export interface CoreSettings {
  /** A UUID, or what another writer uses. */
  readonly id: string;
  readonly algorithm: Algorithm;
  /** Number of hex digits for each level of directories in `content/`. */
  readonly hexSplit: readonly number[];
}

export class NewerFormat extends Fault {
  readonly code = "newer-format";
  readonly hint = "Use a newer version of backup-tool";
  constructor(what: string, version: number) {
    super(`${what} has format version ${version}; this program knows versions up to ${FORMAT_VERSION}`);
  }
}

export class BadHexSplit extends Fault {
  readonly code = "bad-hex-split";
  readonly hint = "Use 2 or 3; or 1,1 to 2,2 or 3,1 for two levels";
  constructor(split: readonly number[]) {
    super(`Cannot split ids as "${split.join(",")}": one or two levels of 1 to 3 digits, 4 digits in all at most`);
  }
}

/**
 * Checks the directory levels. They are limited to 65,536 directories, which are created in advance. @throws
 * BadHexSplit
 */
export function checkHexSplit(split: readonly number[]): void {
  const isSound = split.length >= 1 && split.length <= 2 &&
    split.every((level) => Number.isInteger(level) && level >= 1 && level <= 3);
  if (!isSound || split.reduce((sum, level) => sum + level, 0) > 4) throw new BadHexSplit(split);
}

/** Id of a storage: a UUID from this tool; other writers may use something else. */
const STORAGE_ID = /^[\x21-\x7e]{1,100}$/;

/**
 * Reads the settings that a root repeats.
 * @param bad creates the fault to throw
 * @throws the fault that `bad` returns
 */
export function parseCoreSettings(
  fields: Readonly<Record<string, unknown>>,
  bad: (why: string) => Fault,
): CoreSettings {
  const { id, algorithm, hexSplit } = fields;
  if (typeof id !== "string" || !STORAGE_ID.test(id)) throw bad(`its "id" is missing, or is none`);
  const known = ALGORITHMS.find((name) => name === algorithm);
  if (known === undefined) {
    throw bad(`its "algorithm" is ${shortText(algorithm)}, which is none this program knows`);
  }
  if (!Array.isArray(hexSplit) || !hexSplit.every(Number.isInteger)) throw bad(`its "hexSplit" is no list of numbers`);
  try {
    checkHexSplit(hexSplit as number[]);
  } catch (error) {
    if (error instanceof BadHexSplit) throw bad(`its "hexSplit" is ${shortText(hexSplit)}`);
    throw error;
  }
  return { id, algorithm: known, hexSplit: hexSplit as number[] };
}

const LONGEST_SHOWN = 40;

function shortText(value: unknown): string {
  const text = JSON.stringify(value) ?? "missing";
  return text.length > LONGEST_SHOWN ? `${text.slice(0, LONGEST_SHOWN)}…` : text;
}

export class DamagedSettings extends Fault {
  readonly code = "damaged-settings";
  readonly hint = "Move db/main away: the settings are then taken from a snapshot";
  constructor(why: string) {
    super(`Cannot read db/main: ${why}`);
  }
}
