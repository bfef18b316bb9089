/**
 * `config`, the only object of a vault that is not encrypted, because it is read before any key is known. Nothing
 * authenticates it, so nothing dangerous depends on it alone; a machine that knows the vault compares it with what it
 * was before.
 */
import type { ChunkSizes } from "../pack/chunker.ts";
import { BeyondLimit } from "../format/faults.ts";
import { FieldReader, parseJson, VERSION } from "../format/json_fields.ts";
import { MOST_CONTENT_BYTES, MOST_SMALL_BYTES } from "../format/limits.ts";

export const VAULT_FORMAT = "backup-tool vault";
/** Version of the gear table and of the rule for cuts. */
const GEAR = 1;

export interface VaultConfig {
  /** UUID. */
  readonly id: string;
  /** ISO 8601 in UTC. */
  readonly created: string;
  readonly encrypted: boolean;
  readonly chunker: Chunking;
}

/** How large files are cut. It never changes in the life of a vault. */
export interface Chunking extends ChunkSizes {
  /** The largest file that is kept in one piece, in bytes. */
  readonly wholeUpTo: number;
}

export const DEFAULT_CHUNKING: Chunking = { min: 131_072, average: 524_288, max: 2_097_152, wholeUpTo: 8_388_608 };

/** The config as one line of JSON, with a newline. */
export function encodeConfig({ id, created, encrypted, chunker }: VaultConfig): Uint8Array<ArrayBuffer> {
  const { min, average, max, wholeUpTo } = chunker;
  const fields = { id, created, encrypted, chunker: { gear: GEAR, min, average, max, wholeUpTo } };
  return new TextEncoder().encode(`${JSON.stringify({ format: VAULT_FORMAT, version: VERSION, ...fields })}\n`);
}

/** True if the bytes are the `config` of a vault of any version. Never throws. */
export function isVaultConfig(bytes: Uint8Array): boolean {
  if (bytes.length > MOST_SMALL_BYTES) return false;
  try {
    return new FieldReader(parseJson(bytes, "config"), "config").text("format") === VAULT_FORMAT;
  } catch {
    return false; // whatever it is, it is none
  }
}

/** Parses `config`. @throws DamagedObject, BeyondLimit, NewerObject */
export function parseConfig(bytes: Uint8Array): VaultConfig {
  if (bytes.length > MOST_SMALL_BYTES) throw new BeyondLimit("config", "its size", MOST_SMALL_BYTES);
  const read = new FieldReader(parseJson(bytes, "config"), "config").isOfFormat(VAULT_FORMAT);
  return {
    id: read.vaultId("id"),
    created: read.time("created"),
    encrypted: read.flag("encrypted"),
    chunker: chunkingOf(read.section("chunker")),
  };
}

function chunkingOf(read: FieldReader): Chunking {
  if (read.count("gear") !== GEAR) throw read.damaged(`its "gear" is not ${GEAR}`);
  const [min, average, max, wholeUpTo] = (["min", "average", "max", "wholeUpTo"] as const)
    .map((name) => read.count(name, MOST_CONTENT_BYTES)) as [number, number, number, number];
  if (!(min >= 64 && min < average && average < max)) throw read.damaged("its sizes of parts are not in order");
  return { min, average, max, wholeUpTo };
}
