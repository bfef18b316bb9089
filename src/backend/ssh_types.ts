/** The types used from the package `ssh2`, which has none of its own. */
import type { Buffer } from "node:buffer";
import type { Duplex } from "node:stream";

export interface SftpError extends Error {
  /**
   * Status code of the protocol: 2 no such file, 3 permission denied, 4 failure; undefined if the connection failed.
   */
  readonly code?: number;
}

export type Done<T = void> = (error: SftpError | null | undefined, value: T) => void;

export interface SftpAttributes {
  readonly size: number;
  /** Modification time in seconds since 1970. */
  readonly mtime: number;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  isSymbolicLink(): boolean;
  isFile(): boolean;
  isDirectory(): boolean;
}

export interface SftpName {
  readonly filename: string;
  readonly attrs: SftpAttributes;
}

export interface Sftp {
  open(path: string, flags: string, attributes: { readonly mode?: number }, done: Done<Buffer>): void;
  close(handle: Buffer, done: Done): void;
  read(handle: Buffer, into: Buffer, at: number, length: number, position: number, done: Done<number>): void;
  write(handle: Buffer, from: Buffer, at: number, length: number, position: number, done: Done): void;
  fstat(handle: Buffer, done: Done<SftpAttributes>): void;
  stat(path: string, done: Done<SftpAttributes>): void;
  readdir(path: string, done: Done<readonly SftpName[]>): void;
  readlink(path: string, done: Done<string>): void;
  unlink(path: string, done: Done): void;
  mkdir(path: string, attributes: { readonly mode?: number }, done: Done): void;
  rename(from: string, to: string, done: Done): void;
  ext_openssh_hardlink(from: string, to: string, done: Done): void;
  ext_openssh_fsync(handle: Buffer, done: Done): void;
  ext_openssh_statvfs(path: string, done: Done<{ readonly f_bavail: number }>): void;
}

/** One authentication method. */
export type SshMethod =
  | { readonly type: "publickey"; readonly username: string; readonly key: string; readonly passphrase?: string }
  | { readonly type: "agent"; readonly username: string; readonly agent: string }
  | { readonly type: "password"; readonly username: string; readonly password: string }
  | {
    readonly type: "keyboard-interactive";
    readonly username: string;
    readonly prompt: (
      name: string,
      instructions: string,
      language: string,
      prompts: readonly unknown[],
      finish: (answers: readonly string[]) => void,
    ) => void;
  };

export interface SshConfig {
  readonly sock: Duplex;
  readonly username: string;
  readonly authHandler: readonly SshMethod[];
  readonly hostVerifier: (key: Buffer) => boolean;
  readonly algorithms: Readonly<Record<string, readonly string[]>>;
  readonly readyTimeout: number;
  readonly keepaliveInterval: number;
  readonly keepaliveCountMax: number;
}

export interface SshError extends Error {
  /** "client-authentication", "client-timeout" ... */
  readonly level?: string;
}

export interface SshClient {
  on(event: "ready" | "close", listener: () => void): void;
  on(event: "error", listener: (error: SshError) => void): void;
  sftp(done: Done<Sftp>): void;
  connect(config: SshConfig): void;
  end(): void;
  destroy(): void;
}

export interface Ssh2 {
  readonly Client: new () => SshClient;
  readonly utils: { parseKey(text: string, passphrase?: string): unknown };
}
