/** Allows one writer at a time: an exclusive lock of the operating system on db/lock, which ends with its process. */
import type { Clock } from "../../core/clock.ts";
import { rawOf, textOf } from "../../core/raw.ts";
import { type Dir, DiskFault, type OpenFile } from "../../platform/disk.ts";
import { clearForFile } from "./quarantine.ts";
import { Locked } from "./faults.ts";

const NAME = rawOf("lock");
const LONGEST_NOTE_BYTES = 200;

/** Attempts at the lock: readers check for a writer by taking it for an instant, which must not turn a writer away. */
const ATTEMPTS = 4, PAUSE_MS = 10;

/**
 * Takes the writer lock, until disposed.
 * @param holder plain text, shown to others who find the storage locked; the lock itself is the kernel's
 * @throws Locked
 */
export function takeWriterLock(storage: Dir, db: Dir, { holder, clock }: { holder: string; clock: Clock }): Disposable {
  clearForFile(storage, db, NAME, rawOf("db-lock"));
  const file = db.openOrCreate(NAME, 0o600);
  if (!isTaken(file, clock)) {
    const note = new Uint8Array(LONGEST_NOTE_BYTES);
    const got = file.read(note, 0);
    file[Symbol.dispose]();
    throw new Locked(storage.path, textOf(String.fromCharCode(...note.subarray(0, got))).trim());
  }
  tryNote(file, holder);
  return file;
}

/** True if the writer lock is held now. */
export function hasWriter(db: Dir): boolean {
  if (db.stat(NAME)?.kind !== "file") return false;
  using file = db.open(NAME);
  return file !== undefined && !file.tryLock();
}

function isTaken(file: OpenFile, clock: Clock): boolean {
  for (let attempt = 1; attempt < ATTEMPTS; attempt++) {
    if (file.tryLock()) return true;
    clock.sleepSync(PAUSE_MS);
  }
  return file.tryLock();
}

/** Writes the holder's note. A failure is ignored: a full disk must not keep a writer from making room on it. */
function tryNote(file: OpenFile, holder: string): void {
  try {
    file.truncate(0);
    file.write(new TextEncoder().encode(`${holder.slice(0, LONGEST_NOTE_BYTES - 1)}\n`), 0);
  } catch (error) {
    if (error instanceof DiskFault) return;
    file[Symbol.dispose]();
    throw error;
  }
}
