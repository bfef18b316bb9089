/**
 * db/policy: which snapshots a `forget` without rules of its own keeps. Losing it removes nothing: `forget` refuses
 * then.
 */
import { openDirIfThere } from "../../platform/open_optional.ts";
import { BadUsage, Fault } from "../../core/fault.ts";
import { BadJson, fieldsOf, parseJson } from "../../core/json.ts";
import { parsePolicy, type Policy } from "../../core/policy.ts";
import { rawOf } from "../../core/raw.ts";
import { type Dir, DiskFault } from "../../platform/disk.ts";
import { NewerFormat } from "../../snapshot/origin.ts";
import { clearForFile } from "./quarantine.ts";

const POLICY_FORMAT = "backup-tool policy";
const POLICY_VERSION = 1;
const DB = rawOf("db"), TMP = rawOf("tmp"), NAME = rawOf("policy");
const LARGEST_BYTES = 64 * 1024;

export class DamagedPolicy extends Fault {
  readonly code = "damaged-policy";
  readonly hint = "Set it again with `backup-tool policy set`, or remove it with `backup-tool policy clear`";
  constructor(why: string) {
    super(`Cannot read db/policy: ${why}`);
  }
}

/** The retention policy; undefined if there is none. @throws DamagedPolicy, NewerFormat */
export function readPolicy(storage: Dir): Policy | undefined {
  using db = openDirIfThere(storage, DB);
  const kind = db?.stat(NAME)?.kind;
  if (kind !== undefined && kind !== "file") throw new DamagedPolicy("it is no regular file");
  using file = db?.open(NAME);
  if (file === undefined) return undefined;
  const bytes = new Uint8Array(LARGEST_BYTES + 1), got = file.read(bytes, 0);
  if (got > LARGEST_BYTES) throw new DamagedPolicy("it is too large");
  return decodePolicy(new TextDecoder().decode(bytes.subarray(0, got)));
}

/** Writes the policy, or removes it if undefined. Only for a writer. */
export function writePolicy(storage: Dir, policy: Policy | undefined): void {
  using db = storage.openDir(DB);
  clearForFile(storage, db, NAME, rawOf("db-policy"));
  if (policy === undefined) db.unlink(NAME);
  else {
    using temp = storage.openDir(TMP);
    temp.unlink(NAME);
    using file = temp.create(NAME, 0o600);
    if (file === undefined) throw new DiskFault("EEXIST", "create", NAME);
    file.write(new TextEncoder().encode(encodePolicy(policy)), 0);
    file.sync();
    temp.rename(NAME, db, NAME);
  }
  db.sync();
}

export function encodePolicy(policy: Policy): string {
  return JSON.stringify({ format: POLICY_FORMAT, version: POLICY_VERSION, keep: policy }, undefined, 2) + "\n";
}

/** Parses a policy. @throws DamagedPolicy, NewerFormat */
export function decodePolicy(text: string): Policy {
  const fields = fieldsOf(parsed(text));
  if (fields["format"] !== POLICY_FORMAT) throw new DamagedPolicy(`its "format" is not "${POLICY_FORMAT}"`);
  const version = fields["version"];
  if (typeof version === "number" && version > POLICY_VERSION) throw new NewerFormat("The policy", version);
  if (version !== POLICY_VERSION) throw new DamagedPolicy(`its "version" is not ${POLICY_VERSION}`);
  try {
    return parsePolicy(fields["keep"]);
  } catch (error) {
    if (error instanceof BadUsage) throw new DamagedPolicy(error.message);
    throw error;
  }
}

function parsed(text: string): unknown {
  try {
    return parseJson(text);
  } catch (error) {
    if (error instanceof BadJson) throw new DamagedPolicy(error.message);
    throw error;
  }
}
