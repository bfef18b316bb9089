/** db/main: the settings of a storage, written once. */
import type { Algorithm } from "../../core/digest.ts";
import { BadJson, fieldsOf, parseJson } from "../../core/json.ts";
import { DamagedSettings, FORMAT_VERSION, NewerFormat, parseCoreSettings } from "../../snapshot/origin.ts";

export const STORAGE_FORMAT = "backup-tool storage";

export interface Settings {
  readonly version: typeof FORMAT_VERSION;
  /** UUID. */
  readonly id: string;
  readonly algorithm: Algorithm;
  /** Number of hex digits for each level of directories in `content/`. */
  readonly hexSplit: readonly number[];
  /** ISO 8601, UTC. */
  readonly created: string;
}

export function encodeSettings(settings: Settings): string {
  return JSON.stringify({ format: STORAGE_FORMAT, ...settings }, undefined, 2) + "\n";
}

/** Parses settings. Unknown fields are ignored. @throws DamagedSettings, NewerFormat */
export function parseSettings(text: string): Settings {
  const fields = fieldsOf(parsed(text));
  if (fields["format"] !== STORAGE_FORMAT) throw new DamagedSettings(`its "format" is not "${STORAGE_FORMAT}"`);
  const version = fields["version"];
  if (typeof version !== "number") throw new DamagedSettings(`its "version" is missing`);
  if (version > FORMAT_VERSION) throw new NewerFormat("The storage", version);
  if (version !== FORMAT_VERSION) throw new DamagedSettings(`its "version" is ${version}`);
  const core = parseCoreSettings(fields, (why) => new DamagedSettings(why));
  const { created = "" } = fields;
  if (typeof created !== "string") throw new DamagedSettings(`its "created" is no time`);
  return { version: FORMAT_VERSION, ...core, created };
}

/** The id in settings of any version; undefined if the text has none. */
export function storageIdIn(text: string): string | undefined {
  try {
    const value: unknown = parseJson(text);
    const { format, id } = (typeof value === "object" && value !== null ? value : {}) as Record<string, unknown>;
    return format === STORAGE_FORMAT && typeof id === "string" ? id : undefined;
  } catch (error) {
    if (error instanceof BadJson) return undefined;
    throw error;
  }
}

function parsed(text: string): unknown {
  try {
    return parseJson(text);
  } catch (error) {
    if (error instanceof BadJson) throw new DamagedSettings(error.message);
    throw error;
  }
}
