/** What is set for a vault: in the configuration, for a job, or on a command line. */

/** A copy of the vault's list: options and configuration must not have to load it. */
export const COMPRESSIONS = ["off", "fast", "default", "best"] as const;
export type Compression = typeof COMPRESSIONS[number];

export const LEAST_UNIT_BYTES = 4 * 1024 ** 2, MOST_UNIT_BYTES = 1024 ** 3;
export const MOST_CONNECTIONS = 64;

/** What opens it. At most one of the first three. */
export interface LoginSettings {
  /** Absolute path of a file with a key. */
  readonly keyFile?: string;
  /** Absolute path of a file whose first line is the passphrase. */
  readonly passwordFile?: string;
  /** A line for the shell; the first line that it prints is the passphrase. */
  readonly passwordCommand?: string;
  /** False: it is known that everybody who reads the place reads the files. */
  readonly encrypted?: boolean;
}

/** How its bytes travel. */
export interface LinkSettings {
  /** Requests that may be under way at once. */
  readonly connections?: number;
  /** Bytes a second. */
  readonly limitUpload?: number;
  readonly limitDownload?: number;
  /** Absolute path of a file with what the server asks for. */
  readonly credentialsFile?: string;
  /** A line for the shell that prints the same. */
  readonly credentialsCommand?: string;
}

export interface VaultSettings extends LoginSettings, LinkSettings {
  /** Stored bytes of a unit. */
  readonly unitSize?: number;
  /** Of what is stored. */
  readonly compression?: Compression;
  /** False: nothing is noted on this machine. */
  readonly cache?: boolean;
}

/** A vault that the configuration names. */
export interface NamedVault extends VaultSettings {
  /** An absolute path, or `scheme:...`. */
  readonly location: string;
}

/** True if it says what opens a vault. */
export function hasLogin({ keyFile, passwordFile, passwordCommand, encrypted }: LoginSettings): boolean {
  return [keyFile, passwordFile, passwordCommand, encrypted].some((one) => one !== undefined);
}

/** A location that is no path: `s3:...`. A single letter is a drive. */
export function hasScheme(text: string): boolean {
  return /^[a-z][a-z0-9+.-]+:/.test(text);
}
