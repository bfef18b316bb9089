/** A self-signed certificate that the server keeps beside its accounts. */
import type { CertificateSource } from "./certificates.ts";
import { type Certificate, selfSigned, VALID_DAYS } from "./self_signed.ts";
import type { Clock, Random } from "../../core/clock.ts";
import { type Raw, rawOf, rawOfBytes, textOf } from "../../core/raw.ts";
import type { Dir } from "../../platform/disk.ts";
import { openFileIfThere } from "../../platform/open_optional.ts";
import { replaceFile } from "../../platform/private_file.ts";

const CERT = rawOf("tls.pem"), KEY = rawOf("tls.key"), DAY_MS = 24 * 60 * 60 * 1000;

export interface OwnTerms {
  readonly dir: Dir;
  /** Names and addresses that it is for. */
  readonly names: readonly string[];
  readonly clock: Pick<Clock, "nowMs">;
  readonly random: Random;
}

/** The one of an earlier start, or a new one if that expires within a month or is for other names: looked at daily. */
export function ownCertificate(terms: OwnTerms): CertificateSource {
  return { stamp: () => String(dayOf(terms)), read: () => present(terms) };
}

async function present({ dir, names, clock, random }: OwnTerms): Promise<Certificate> {
  const nowMs = clock.nowMs(), today = dayOf({ clock });
  const cert = textIn(dir, CERT), key = textIn(dir, KEY);
  const [, known, day] = /^# (.*) (\d+)\n/.exec(cert ?? "") ?? [];
  const isGood = known === names.join(" ") && today - Number(day) < VALID_DAYS - 30;
  if (cert !== undefined && key !== undefined && isGood) return { cert, key };
  const made = await selfSigned(names, nowMs, random), noted = `# ${names.join(" ")} ${today}\n${made.cert}`;
  replaceFile(dir, KEY, made.key, random);
  replaceFile(dir, CERT, noted, random);
  return { cert: noted, key: made.key };
}

function dayOf({ clock }: Pick<OwnTerms, "clock">): number {
  return Math.floor(clock.nowMs() / DAY_MS);
}

function textIn(dir: Dir, name: Raw): string | undefined {
  using file = openFileIfThere(dir, name);
  if (file === undefined) return undefined;
  const bytes = new Uint8Array(file.stat().size), got = file.read(bytes, 0);
  return textOf(rawOfBytes(bytes.subarray(0, got)));
}
