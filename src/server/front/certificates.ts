/** Where the certificate of the server comes from, and whether there is a newer one. */
import { assertUsable } from "./renewed_listener.ts";
import { type Certificate, fingerprint } from "./self_signed.ts";
import type { Awaitable } from "../../core/awaitable.ts";
import type { Clock } from "../../core/clock.ts";
import { Fault, unlessFault } from "../../core/fault.ts";
import { baseName, parentPath, type Raw } from "../../core/raw.ts";
import type { Log } from "../../jobs/log/log.ts";
import type { Disk } from "../../platform/disk.ts";

export interface CertificateSource {
  /** A text that changes when there may be another one. */
  stamp(): string;
  /** @throws Fault */
  read(): Awaitable<Certificate>;
}

/** A certificate and its key in files. */
export interface CertificateFiles {
  /** Absolute. */
  readonly paths: readonly Raw[];
  /** @throws Fault */
  read(): Certificate;
}

/** What is no file, such as a pipe, is never read again. */
export function ofFiles(disk: Disk, { paths, read }: CertificateFiles): CertificateSource {
  return { stamp: () => paths.map((path) => unlessFault(() => stampOf(disk, path), "none")).join("\n"), read };
}

function stampOf(disk: Disk, path: Raw): string {
  const real = disk.realPath(path);
  using dir = disk.openDir(parentPath(real));
  const stat = dir.stat(baseName(real));
  return stat?.kind === "file" ? `${real} ${stat.inode} ${stat.mtime} ${stat.ctime} ${stat.size}` : "none";
}

const LOOK_MS = 60_000;

export interface WatchOptions {
  readonly source: CertificateSource;
  /** The one in use. */
  readonly certificate: Certificate;
  /** The stamp from before it was read. */
  readonly stamp: string;
  readonly clock: Pick<Clock, "every">;
  readonly log: Log;
  /** Receives a newer certificate, which can be used. */
  readonly renew: (certificate: Certificate) => void;
}

/** Looks every minute for a newer certificate. What can't be used is logged, and the former one stays. */
export class CertificateWatch implements AsyncDisposable {
  readonly #options: WatchOptions;
  readonly #timer: Disposable;
  #current: Certificate;
  #seen: string;
  #looking: Promise<void> | undefined;

  constructor(options: WatchOptions) {
    this.#options = options;
    this.#current = options.certificate;
    this.#seen = options.stamp;
    this.#timer = options.clock.every(LOOK_MS, () => this.#begin());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#timer[Symbol.dispose]();
    await this.#looking;
  }

  #begin(): void {
    this.#looking ??= this.#look().finally(() => this.#looking = undefined);
  }

  async #look(): Promise<void> {
    const { source, log, renew } = this.#options;
    try {
      const stamp = source.stamp();
      if (stamp === this.#seen) return;
      // Before it is read: what changes meanwhile is looked at again. What can't be used is named once.
      this.#seen = stamp;
      const next = await source.read();
      if (next.cert === this.#current.cert && next.key === this.#current.key) return;
      assertUsable(next);
      this.#current = next;
      renew(next);
      await logFingerprint(next, log);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error), message = `The certificate stays: ${why}`;
      const isFault = error instanceof Fault, event = isFault ? "certificate-not-renewed" : "server-bug";
      log({ level: isFault ? "warning" : "error", event, message });
    }
  }
}

export async function logFingerprint({ cert }: Certificate, log: Log): Promise<void> {
  const print = await fingerprint(cert);
  log({ level: "info", event: "certificate", message: `SHA-256 fingerprint of the certificate: ${print}` });
}
