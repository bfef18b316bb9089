/** The program text that the runtime keeps in its executable. */
import { Elf, type Machine, PT, UnfitElf } from "./elf.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** Of the notes that Deno 2.9 keeps its program in (libsui 0.16): owner and type, as in the file. */
const NOTE_OWNER = "SUI\0", NOTE_TYPE = 0x53554901;

/**
 * Up to Deno 2.6, the runtime finds its program by the last 16 bytes of the file: magic, hash, length with those 16.
 * @returns `appended` is empty if nothing is
 */
export function withoutAppended(program: Bytes): { readonly body: Bytes; readonly appended: Bytes } {
  const view = new DataView(program.buffer, program.byteOffset, program.byteLength), end = program.length;
  if (end < 16 || view.getUint32(end - 16, true) !== 0x501e) return { body: program, appended: new Uint8Array() };
  const length = Number(view.getBigUint64(end - 8, true));
  if (length > end) throw new UnfitElf("what is appended to the program is cut off");
  return { body: program.subarray(0, end - length), appended: program.subarray(end - length) };
}

/**
 * An executable of another runtime, whose program would be lost on the way, must not become a package.
 * @throws UnfitElf if the program is kept in neither of the ways that are known: at the end, or in a note in memory
 */
export function requireProgram(executable: Bytes, machine: Machine): void {
  if (withoutAppended(executable).appended.length > 0) return;
  const elf = new Elf(executable, machine), view = new DataView(executable.buffer, executable.byteOffset);
  const notes = elf.segments.filter(({ type, offset }) => {
    const owner = new TextDecoder().decode(executable.subarray(offset + 12, offset + 16));
    return type === PT.NOTE && owner === NOTE_OWNER && view.getUint32(offset + 8, true) === NOTE_TYPE;
  });
  const isLoaded = notes.some(({ address }) =>
    elf.loaded.some((part) => address >= part.address && address < part.address + part.fileBytes)
  );
  if (!isLoaded) throw new UnfitElf("the runtime keeps its program in a way that only plain executables can have");
}
