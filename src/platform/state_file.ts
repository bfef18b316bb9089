/**
 * Small files in the directory of this program's own state, which are read and replaced as a whole. They only save
 * time, or remember something: nothing depends on one, and readers validate what it contains.
 */
import { bytesOf, joinRaw, type Raw, raw, rawOf, rawOfBytes, textOf } from "../core/raw.ts";
import { type Dir, DiskFault, makeDirectories } from "./disk.ts";
import type { Machine } from "./machine.ts";
import { openFileIfThere, unlessNoDirectory } from "./open_optional.ts";

const PRIVATE_DIRECTORY = 0o700, PRIVATE_FILE = 0o600;
const MOST_BYTES = 16 * 1024 * 1024;
const RANDOM_BYTES = 6;

/** Location of a file: a directory inside the state directory, and a name. */
export interface StatePlace {
  readonly directory: Raw;
  readonly name: Raw;
}

/** Reads a file; undefined if it, or the state directory, doesn't exist. @throws DiskFault */
export function readStateFile({ disk, state }: Pick<Machine, "disk" | "state">, place: StatePlace): string | undefined {
  const top = state?.[0];
  if (top === undefined) return undefined;
  using directory = unlessNoDirectory(() => disk.openDir(joinRaw(top, place.directory)));
  using file = directory && openFileIfThere(directory, place.name);
  if (file === undefined) return undefined;
  const bytes = new Uint8Array(Math.min(file.stat().size, MOST_BYTES));
  let done = 0;
  for (let got = 1; got > 0 && done < bytes.length; done += got) got = file.read(bytes.subarray(done), done);
  return textOf(rawOfBytes(bytes.subarray(0, done)));
}

/** Durably replaces a file. Does nothing without a state directory. @throws DiskFault */
export function replaceStateFile(
  { disk, state, random }: Pick<Machine, "disk" | "state" | "random">,
  { directory, name }: StatePlace,
  text: string,
): void {
  const top = state?.[0];
  if (top === undefined) return;
  using into = makeDirectories(disk, joinRaw(top, directory), PRIVATE_DIRECTORY);
  const temporary = raw`.${name}-${rawOf(hexOf(random(RANDOM_BYTES)))}`;
  try {
    writeFile(into, temporary, text);
    into.rename(temporary, into, name);
    into.sync();
  } catch (error) {
    into.unlink(temporary);
    throw error;
  }
}

function writeFile(into: Dir, name: Raw, text: string): void {
  using file = into.create(name, PRIVATE_FILE);
  if (file === undefined) throw new DiskFault("EEXIST", "create", joinRaw(into.path, name));
  file.write(bytesOf(rawOf(text)), 0);
  file.sync();
}

function hexOf(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
