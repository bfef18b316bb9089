/** Writes a directory of a snapshot as one ZIP file. Damaged files are skipped, and listed at its end. */
import { Zip, ZipPassThrough } from "fflate";
import { CleanPaths } from "./names.ts";
import type { Tree } from "./tree.ts";
import type { Entry, Reader } from "./reader.ts";

const MOST_FILES = 65_000, MOST_BYTES = 4_000_000_000;
/** Size in bytes up to which a file is verified in memory; larger ones are read twice. */
const MOST_IN_MEMORY = 64 * 1024 * 1024;
const ERRORS = "backup-errors.txt";

export class TooLarge extends Error {
  override readonly name = "TooLarge";
}

export interface ArchiveOptions {
  readonly write: (bytes: Uint8Array) => Promise<void>;
  readonly progress: (files: number, bytes: number) => void;
}

/** Writes the ZIP file. @returns descriptions of the files that were skipped @throws TooLarge */
export async function writeArchive(
  reader: Reader,
  { tree, path }: { readonly tree: Tree; readonly path: string },
  { write, progress }: ArchiveOptions,
): Promise<string[]> {
  assertFits(tree.files(path));
  const chunks: Uint8Array[] = [], errors: string[] = [], paths = new CleanPaths();
  const zip = new Zip((error, chunk) => {
    if (error !== null) throw error;
    chunks.push(chunk);
  });
  const drain = async () => {
    for (const chunk of chunks.splice(0)) await write(chunk);
  };
  let files = 0, bytes = 0;
  for (const entry of tree.files(path)) {
    const wanted = entry.path.slice(path === "/" ? 1 : path.length + 1), name = paths.file(wanted);
    if (name !== wanted) errors.push(`${shown(wanted)} is called ${name} here`);
    try {
      await addFile(zip, reader, { entry, name, drain });
      bytes += entry.size;
    } catch (error) {
      errors.push(`${shown(wanted)} is missing: ${error instanceof Error ? error.message : error}`);
    }
    progress(++files, bytes);
  }
  if (errors.length > 0) addText(zip, paths.file(ERRORS), `${errors.join("\n")}\n`);
  zip.end();
  await drain();
  return errors;
}

function assertFits(files: Iterable<Entry>): void {
  let count = 0, bytes = 0;
  for (const { size } of files) {
    count++;
    bytes += size;
  }
  if (count <= MOST_FILES && bytes <= MOST_BYTES) return;
  throw new TooLarge("That is too much for a ZIP file made by a page: save smaller folders, or use the program");
}

interface FileToAdd {
  readonly entry: Entry;
  readonly name: string;
  readonly drain: () => Promise<void>;
}

async function addFile(zip: Zip, reader: Reader, { entry, name, drain }: FileToAdd): Promise<void> {
  const parts: Uint8Array[] = [], isSmall = entry.size <= MOST_IN_MEMORY;
  for await (const part of reader.content(entry)) if (isSmall) parts.push(part);
  // All of it is right.
  const file = new ZipPassThrough(name);
  file.mtime = timeOf(entry.mtimeMs);
  zip.add(file);
  if (isSmall) { for (const part of parts) file.push(part); }
  else for await (const part of reader.content(entry)) await (file.push(part), drain());
  file.push(new Uint8Array(0), true);
  await drain();
}

function addText(zip: Zip, name: string, text: string): void {
  const file = new ZipPassThrough(name);
  zip.add(file);
  file.push(new TextEncoder().encode(text), true);
}

/** The time, or 1980 if ZIP can't represent it. */
function timeOf(ms: number): Date {
  const time = new Date(ms), year = time.getFullYear();
  return year >= 1980 && year < 2100 ? time : new Date(1980, 0, 1);
}

/** The text with bytes that are not UTF-8 shown as replacement characters. */
export function shown(text: string): string {
  return text.toWellFormed();
}
