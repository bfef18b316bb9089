/**
 * A note of the state of `content/` and of the catalog when they last agreed, so that opening the catalog needn't list
 * `content/` while nothing has changed. It is only a shortcut: losing it costs one listing. For catalogs that are not
 * large it also has a digest of the file, so that any change of its bytes is noticed.
 */
import { rawOf, rawOfBytes } from "../../core/raw.ts";
import { type Dir, DiskFault } from "../../platform/disk.ts";
import { hashBytes } from "../../core/digest.ts";

const NOTE = rawOf("catalog.agreed");
const DIGEST_HEX = 64, NOTE_BYTES = 2 * DIGEST_HEX + 1;

export interface Agreement {
  /** The result of {@link agreementOf}. */
  readonly state: string;
  /** SHA-256 of the catalog's file in hex; undefined if it was not taken. */
  readonly digest: string | undefined;
}

/**
 * Digest of a state in which `content/` and the catalog agree, in hex.
 * @param fingerprint of `content/`
 * @param known ids of the snapshots that the catalog knows, in its order
 */
export function agreementOf(fingerprint: string, known: readonly string[]): string {
  return hashBytes("sha256", new TextEncoder().encode(`${fingerprint} ${known.join(" ")}`));
}

/** The note; undefined if there is no readable one. */
export function readAgreement(storage: Dir): Agreement | undefined {
  return tolerant(() => {
    using db = storage.openDir(rawOf("db"));
    using file = db.open(NOTE);
    if (file === undefined) return undefined;
    const bytes = new Uint8Array(NOTE_BYTES);
    const [state = "", digest] = rawOfBytes(bytes.subarray(0, file.read(bytes, 0))).split(" ");
    return { state, digest: digest?.length === DIGEST_HEX ? digest : undefined };
  });
}

/** Writes the note. Readers do it too, where they may. If it fails, the next run has to list `content/` again. */
export function writeAgreement(storage: Dir, { state, digest }: Agreement): void {
  tolerant(() => {
    using temp = storage.openDir(rawOf("tmp"));
    using db = storage.openDir(rawOf("db"));
    const name = rawOf(`agreed-${state}`);
    using file = temp.create(name, 0o600);
    if (file === undefined) return; // somebody else is about to
    file.write(new TextEncoder().encode(digest === undefined ? state : `${state} ${digest}`), 0);
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
