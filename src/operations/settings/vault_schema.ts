/** Schema of a vault's settings in files: the configuration, or a job. */
import * as z from "zod";
import { parseRate, parseSize } from "../../core/size_text.ts";
import {
  COMPRESSIONS,
  LEAST_UNIT_BYTES,
  MOST_CONNECTIONS,
  MOST_UNIT_BYTES,
  type NamedVault,
} from "../vaults/vault_settings.ts";
import { SIZE_SCHEMA } from "./backup_schema.ts";
import { bytesOfSize } from "./backup_settings.ts";
import { readableBy } from "./readable.ts";

/** A rate in bytes per second, or text that {@link rateOf} parses. */
export const RATE_SCHEMA = z.union([
  z.int().positive(),
  z.string().refine(readableBy(parseRate), "Expected bytes a second, such as 500K or 2M"),
]);

/** Keys for transfers, of vaults and of jobs. */
export const LINK_SHAPE = {
  connections: z.int().min(1).max(MOST_CONNECTIONS).describe("Requests at once; default: 4").exactOptional(),
  limitUpload: RATE_SCHEMA.describe("Send no more a second than that, such as 2M").exactOptional(),
  limitDownload: RATE_SCHEMA.describe("Fetch no more a second than that").exactOptional(),
};

type PathSchema = z.ZodType<string, string>;

/**
 * A vault in the configuration.
 * @param location schema for a path, or `scheme:...`
 * @param path schema for paths of files
 */
export function vaultSchema(location: PathSchema, path: PathSchema) {
  return z.strictObject({
    location: location.describe("A directory, or a URL such as `s3:https://s3.example.net/bucket/nas`"),
    keyFile: path.describe("A file with the key; nobody else may read it").exactOptional(),
    passwordFile: path.describe("A file whose first line is the passphrase; nobody else may read it").exactOptional(),
    passwordCommand: z.string().min(1).describe("A command that prints the passphrase").exactOptional(),
    encrypted: z.boolean().describe("`false`: everybody who reads the place may read the files").exactOptional(),
    credentialsFile: path.describe("A file with what the server asks for; nobody else may read it").exactOptional(),
    credentialsCommand: z.string().min(1).describe("A command that prints the same").exactOptional(),
    ...LINK_SHAPE,
    unitSize: SIZE_SCHEMA.refine(isUnitSize, "Expected a size from 4M to 1G").describe(
      "Stored bytes of a unit, 4M to 1G; default: 16M",
    )
      .exactOptional(),
    compression: z.enum(COMPRESSIONS).describe("Of what is stored: `off`, `fast`, `default` or `best`").exactOptional(),
    cache: z.boolean().describe("Note on this machine what is there; default: true").exactOptional(),
  }).refine(
    ({ keyFile, passwordFile, passwordCommand, encrypted }) =>
      [keyFile, passwordFile, passwordCommand, encrypted === false || undefined].filter((one) => one !== undefined)
        .length <= 1,
    'Expected one of "keyFile", "passwordFile", "passwordCommand" and "encrypted": false',
  );
}

export type WrittenVault = z.output<ReturnType<typeof vaultSchema>>;
type WrittenLink = z.output<z.ZodObject<typeof LINK_SHAPE>>;

function isUnitSize(size: number | string): boolean {
  const bytes = typeof size === "number" ? size : parseSize(size);
  return bytes >= LEAST_UNIT_BYTES && bytes <= MOST_UNIT_BYTES;
}

/** Converts settings. @param absolute makes paths absolute, and leaves URLs unchanged */
export function vaultFrom(written: WrittenVault, absolute: (path: string) => string): NamedVault {
  const {
    location,
    keyFile,
    passwordFile,
    passwordCommand,
    encrypted,
    credentialsFile,
    credentialsCommand,
    unitSize,
    cache,
    compression,
  } = written;
  return {
    ...linkFrom(written),
    ...(passwordCommand !== undefined && { passwordCommand }),
    ...(encrypted !== undefined && { encrypted }),
    ...(cache !== undefined && { cache }),
    ...(compression !== undefined && { compression }),
    ...(credentialsCommand !== undefined && { credentialsCommand }),
    location: absolute(location),
    ...(keyFile !== undefined && { keyFile: absolute(keyFile) }),
    ...(passwordFile !== undefined && { passwordFile: absolute(passwordFile) }),
    ...(credentialsFile !== undefined && { credentialsFile: absolute(credentialsFile) }),
    ...(unitSize !== undefined && { unitSize: bytesOfSize(unitSize) }),
  };
}

/** Converts rates to bytes per second. */
export function linkFrom({ connections, limitUpload, limitDownload }: WrittenLink) {
  return {
    ...(connections !== undefined && { connections }),
    ...(limitUpload !== undefined && { limitUpload: rateOf(limitUpload) }),
    ...(limitDownload !== undefined && { limitDownload: rateOf(limitDownload) }),
  };
}

/** Converts a rate that the schema has accepted to bytes per second. */
export function rateOf(rate: number | string): number {
  return typeof rate === "number" ? rate : parseRate(rate);
}
