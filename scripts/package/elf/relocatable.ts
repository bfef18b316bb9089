/**
 * Makes of an executable one that takes its loader and libraries from the directory `lib` beside it, in whatever place
 * both are put to: its loader's path, which the kernel wants absolute, is written over by whoever puts it there.
 *
 * In the file, what is added lies behind the sections. It is at the same place in memory, where kernels before 5.18 take
 * the table of headers to be:
 *
 *     program | table of headers, directory of libraries, MARK, path of the loader | appended program text
 */
import { withoutAppended } from "./embedded.ts";
import { Elf, HEADER_BYTES, MACHINE, type Machine, PT, roundUp, type Segment, segmentBytes } from "./elf.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** Before the path, so that whoever writes over it can see that it is the right place. */
export const MARK = "loader-path:";
/** Bytes of the path and what fills it up: slashes before it, which mean nothing, and a zero behind it. */
export const PATH_BYTES = 1024;
/** Kernels for arm64 have pages of up to so many bytes. */
const ALIGN: Readonly<Record<Machine, number>> = { [MACHINE.X86_64]: 4096, [MACHINE.ARM64]: 65536 };
const READ = 4;

export interface Relocatable {
  readonly bytes: Bytes;
  /** Where MARK and the path begin in the file. */
  readonly markAt: number;
}

/** @returns the same for the same arguments @throws UnfitElf */
export function makeRelocatable(program: Bytes, machine: Machine, loaderName: string): Relocatable {
  const { body, appended } = withoutAppended(program), elf = new Elf(body.slice(), machine);
  const at = roundUp(Math.max(body.length, elf.end), ALIGN[machine]);
  const room = (elf.segments.length + 1) * HEADER_BYTES;
  const texts = new TextEncoder().encode(`$ORIGIN/lib\0${MARK}${paddedPath(`/opt/backup-tool/lib/${loaderName}`)}`);
  const markAt = at + room + "$ORIGIN/lib\0".length, end = at + room + texts.length;
  const headers = segmentBytes(headersOf(elf, { at, end, room, path: markAt + MARK.length, align: ALIGN[machine] }));
  elf.setLibraryPath(at + room);
  elf.setHeaders(at, elf.segments.length + 1);
  const bytes = new Uint8Array(end + appended.length);
  bytes.set(elf.bytes);
  bytes.set(headers, at);
  bytes.set(texts, at + room);
  bytes.set(appended, end);
  return { bytes, markAt };
}

function paddedPath(path: string): string {
  return `${path.padStart(PATH_BYTES - 1, "/")}\0`;
}

interface Added {
  readonly at: number;
  readonly end: number;
  /** Bytes of the table. */
  readonly room: number;
  readonly path: number;
  readonly align: number;
}

/** The kernel reads the new path; the loader knows itself by the old one, which stays where it is in memory. */
function headersOf(elf: Elf, { at, end, room, path, align }: Added): readonly Segment[] {
  const added: Segment = {
    ...{ type: PT.LOAD, flags: READ, offset: at, address: at, align },
    ...{ fileBytes: end - at, memoryBytes: end - at },
  };
  const last = elf.segments.findLastIndex(({ type }) => type === PT.LOAD);
  const changed = elf.segments.map((segment): Segment => {
    if (segment.type === PT.PHDR) return { ...segment, offset: at, address: at, fileBytes: room, memoryBytes: room };
    if (segment.type === PT.INTERP) return { ...segment, offset: path, fileBytes: PATH_BYTES, memoryBytes: PATH_BYTES };
    return segment;
  });
  // Loaded segments must be in the order of their addresses.
  return changed.toSpliced(last + 1, 0, added);
}
