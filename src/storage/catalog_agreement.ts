/**
 * A note of the state of `content/` and of the catalog when they were last seen to agree, so that opening the catalog
 * need not list `content/` while nothing has changed. It is only a shortcut: losing it costs one listing.
 */
import { rawOf, rawOfBytes } from "../core/raw.ts";
import { type Dir, DiskFault } from "../platform/disk.ts";
import { hashBytes } from "./digest.ts";

const NOTE = rawOf("catalog.agreed");
const NOTE_BYTES = 64;

/** @param fingerprint of `content/` @param known ids of the snapshots that the catalog knows, in its order */
export function agreementOf(fingerprint: string, known: readonly string[]): string {
  return hashBytes("sha256", new TextEncoder().encode(`${fingerprint} ${known.join(" ")}`));
}

/** Undefined if there is none that can be read. */
export function readAgreement(storage: Dir): string | undefined {
  return tolerant(() => {
    using db = storage.openDir(rawOf("db"));
    using file = db.open(NOTE);
    if (file === undefined) return undefined;
    const bytes = new Uint8Array(NOTE_BYTES);
    return rawOfBytes(bytes.subarray(0, file.read(bytes, 0)));
  });
}

/** Readers do it too, where they may. If it fails, the next one has to list `content/` again. */
export function writeAgreement(storage: Dir, agreement: string): void {
  tolerant(() => {
    using temp = storage.openDir(rawOf("tmp"));
    using db = storage.openDir(rawOf("db"));
    const name = rawOf(`agreed-${agreement}`);
    using file = temp.create(name, 0o600);
    if (file === undefined) return; // somebody else is about to
    file.write(new TextEncoder().encode(agreement), 0);
    temp.rename(name, db, NOTE);
  });
}

function tolerant<T>(action: () => T): T | undefined {
  try {
    return action();
  } catch (error) {
    if (error instanceof DiskFault) return undefined;
    throw error;
  }
}
