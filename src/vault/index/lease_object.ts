/** Objects of `locks/`: that a prune or repair is going on, and since when. */
import { FieldReader, parseJson, VERSION } from "../format/json_fields.ts";
import { sign, verified } from "./signed.ts";

const LEASE_FORMAT = "backup-tool lease";

/** Contents of an object in `locks/`. */
export interface LeaseNote {
  readonly host: string;
  /** ISO 8601 in UTC, by the clock of the place. */
  readonly since: string;
  readonly renewed: string;
}

export function encodeLease(
  { host, since, renewed }: LeaseNote,
  { vault, salt, auth }: { readonly vault: string; readonly salt: string; readonly auth: Uint8Array | undefined },
): Uint8Array<ArrayBuffer> {
  const fields = { format: LEASE_FORMAT, version: VERSION, vault, host, since, renewed, salt };
  return sign(new TextEncoder().encode(`${JSON.stringify(fields)}\n`), "lease", auth);
}

/** Verifies and parses a lease. @throws DamagedObject, NewerObject, NotSigned, ForeignObject */
export function parseLease(
  bytes: Uint8Array<ArrayBuffer>,
  what: string,
  { vault, auth }: { readonly vault: string; readonly auth: Uint8Array | undefined },
): LeaseNote {
  const read = new FieldReader(parseJson(verified(bytes, { signed: "lease", auth, what }), what), what);
  read.isOfFormat(LEASE_FORMAT).isOfVault(vault);
  return { host: read.text("host"), since: read.time("since"), renewed: read.time("renewed") };
}
