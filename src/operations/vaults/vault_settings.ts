/** Settings of a vault: in the configuration, in a job, or on a command line. */

/** A copy of the vault room's list, so that options and configuration needn't load that room. */
export const COMPRESSIONS = ["off", "fast", "default", "best"] as const;
export type Compression = typeof COMPRESSIONS[number];

export const LEAST_UNIT_BYTES = 4 * 1024 ** 2, MOST_UNIT_BYTES = 1024 ** 3;
export const MOST_CONNECTIONS = 64;

/** How a vault is opened. At most one of the first three is set. */
export interface LoginSettings {
  /** Absolute path of a file with a key. */
  readonly keyFile?: string;
  /** Absolute path of a file whose first line is the passphrase. */
  readonly passwordFile?: string;
  /** Shell command; the first line of its output is the passphrase. */
  readonly passwordCommand?: string;
  /** False: the vault is unencrypted, and the user accepts that everybody who can read the place can read the files. */
  readonly encrypted?: boolean;
}

/** How data is transferred. */
export interface LinkSettings {
  /** Maximum number of concurrent requests. */
  readonly connections?: number;
  /** Maximum rate, in bytes per second. */
  readonly limitUpload?: number;
  readonly limitDownload?: number;
  /** Absolute path of a file with the server's credentials. */
  readonly credentialsFile?: string;
  /** Shell command that prints the credentials. */
  readonly credentialsCommand?: string;
}

export interface VaultSettings extends LoginSettings, LinkSettings {
  /** Stored size of a unit, in bytes. */
  readonly unitSize?: number;
  /** Compression of stored data. */
  readonly compression?: Compression;
  /** False: nothing about the vault is recorded on this machine. */
  readonly cache?: boolean;
}

/** A vault that the configuration defines. */
export interface NamedVault extends VaultSettings {
  /** An absolute path, or `scheme:...`. */
  readonly location: string;
}

/** True if the settings contain a login. */
export function hasLogin({ keyFile, passwordFile, passwordCommand, encrypted }: LoginSettings): boolean {
  return [keyFile, passwordFile, passwordCommand, encrypted].some((one) => one !== undefined);
}

/** True for a location that is not a path: `s3:...`. A single letter is a drive. */
export function hasScheme(text: string): boolean {
  return /^[a-z][a-z0-9+.-]+:/.test(text);
}
