/**
 * Makes of an executable that needs the C library of GNU one that carries it, and runs on any Linux: with musl, with an
 * old glibc, with none.
 *
 * The kernel is shown other program headers than the loader. To it, the file is a program without a loader, whose
 * segments are those of the program, a stub (stub.c), the libraries as plain bytes, and those of the loader: it maps all of
 * them. The stub gives each library to the loader as a file in memory, and the loader sees the program headers of before.
 *
 * In the file, what is added lies behind the sections, in the same order as in memory:
 *
 *     program | stub, headers for the loader, headers for the kernel | libraries | paths | loader | appended program text
 */
import { withoutAppended } from "../elf/embedded.ts";
import {
  Elf,
  HEADER_BYTES,
  MACHINE,
  PAGE_BYTES,
  PT,
  roundUp,
  type Segment,
  segmentBytes,
  UnfitElf,
} from "../elf/elf.ts";
import { carrierOf, type LibraryFiles, neededLibraries, ownLoader } from "../elf/needs.ts";
import { STUB, STUB_FIRST } from "./stub_bytes.ts";

/** The stub writes "/proc/self/fd/N" there. */
const PATH_BYTES = 32;
/** Numbers in the stub's table, of 8 bytes: seven, then three for each library. */
const TABLE_NUMBERS = 7, LIBRARY_NUMBERS = 3, MOST_LIBRARIES = 4;
const READ = 4, READ_EXECUTE = 5, READ_WRITE = 6;

interface Library {
  readonly name: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly address: number;
  readonly path: number;
}

/** Addresses of what is added. */
interface Layout {
  readonly start: number;
  readonly loaderHeaders: number;
  readonly kernelHeaders: number;
  readonly libraries: readonly Library[];
  readonly paths: number;
  readonly loader: number;
}

/**
 * @param program a position-independent executable for x86-64 @returns the one file; the same for the same arguments
 * @throws UnfitElf if it, or a library, isn't what it has to be, or a library or version it needs is missing
 */
export function makeOneFile(program: Uint8Array<ArrayBuffer>, files: LibraryFiles): Uint8Array<ArrayBuffer> {
  const { body, appended } = withoutAppended(program);
  const elf = new Elf(body.slice(), MACHINE.X86_64), loader = new Elf(ownLoader(files), MACHINE.X86_64);
  const layout = layOut(elf, bundled(elf, files));
  const forKernel = kernelHeaders(elf, layout, loader);
  const parts = [
    { address: layout.start, bytes: filledStub(elf, layout, loader) },
    { address: layout.loaderHeaders, bytes: segmentBytes(loaderHeaders(elf, layout)) },
    { address: layout.kernelHeaders, bytes: segmentBytes(forKernel) },
    ...layout.libraries,
    { address: layout.paths, bytes: new Uint8Array(PAGE_BYTES) },
    { address: layout.loader, bytes: loader.bytes },
  ];
  elf.pointNeedsAt((name) => layout.libraries.find((library) => library.name === carrierOf(name))?.path);
  placeHeaders(elf, layout, forKernel);
  elf.entry = layout.start + STUB_FIRST;
  return joined(elf, layout, parts, appended);
}

/** The libraries to carry, by name. @throws UnfitElf */
function bundled(elf: Elf, files: LibraryFiles): ReadonlyMap<string, Uint8Array<ArrayBuffer>> {
  const found = neededLibraries(elf, files);
  if (found.size > MOST_LIBRARIES) {
    throw new UnfitElf(`it needs ${found.size} libraries: the stub takes ${MOST_LIBRARIES}`);
  }
  return found;
}

function layOut(elf: Elf, libraries: ReadonlyMap<string, Uint8Array<ArrayBuffer>>): Layout {
  const start = roundUp(elf.end);
  const loaderHeaders = roundUp(start + STUB.length, 64);
  const kernelHeaders = loaderHeaders + elf.segments.length * HEADER_BYTES;
  // The kernel needs no more headers than the loader, and one for each part and segment that is added.
  let next = roundUp(kernelHeaders + (elf.segments.length + 16) * HEADER_BYTES);
  const placed = [...libraries].map(([name, bytes]) => {
    const address = next;
    next = roundUp(address + bytes.length);
    return { name, bytes, address };
  });
  const paths = next;
  return {
    start,
    loaderHeaders,
    kernelHeaders,
    libraries: placed.map((library, index) => ({ ...library, path: paths + index * PATH_BYTES })),
    paths,
    loader: paths + PAGE_BYTES,
  };
}

/** How much further a byte lies in the file than in memory; a whole number of pages. */
function shiftOf(elf: Elf, { start }: Layout): number {
  return roundUp(elf.bytes.length) - start;
}

/** Those of the program; only the table of headers itself has moved, and by it the loader finds the program in memory. */
function loaderHeaders(elf: Elf, layout: Layout): readonly Segment[] {
  if (!elf.segments.some(({ type }) => type === PT.PHDR)) throw new UnfitElf("no header for the headers");
  const address = layout.loaderHeaders, offset = address + shiftOf(elf, layout);
  return elf.segments.map((segment) => segment.type === PT.PHDR ? { ...segment, address, offset } : segment);
}

function kernelHeaders(elf: Elf, layout: Layout, loader: Elf): readonly Segment[] {
  const shift = shiftOf(elf, layout), [first] = layout.libraries;
  const part = (flags: number, address: number, end: number): Segment => {
    const bytes = end - address;
    return {
      type: PT.LOAD,
      flags,
      offset: address + shift,
      address,
      fileBytes: bytes,
      memoryBytes: bytes,
      align: PAGE_BYTES,
    };
  };
  const ofLoader = loader.loaded.map((segment) => ({
    ...segment,
    address: segment.address + layout.loader,
    offset: segment.offset + layout.loader + shift,
  }));
  return [
    ...elf.loaded,
    part(READ_EXECUTE, layout.start, first?.address ?? layout.paths),
    part(READ, first?.address ?? layout.paths, layout.paths),
    part(READ_WRITE, layout.paths, layout.loader),
    ...ofLoader,
    ...elf.segments.filter(({ type }) => type === PT.GNU_STACK),
  ];
}

function filledStub(elf: Elf, layout: Layout, loader: Elf): Uint8Array<ArrayBuffer> {
  const { start, libraries } = layout;
  const numbers = [
    start,
    elf.entry,
    layout.loaderHeaders,
    elf.segments.length,
    layout.loader,
    layout.loader + loader.entry,
    libraries.length,
    ...libraries.flatMap(({ address, bytes, path }) => [address, bytes.length, path]),
  ];
  const stub = STUB.slice(), view = new DataView(stub.buffer);
  const room = (TABLE_NUMBERS + LIBRARY_NUMBERS * MOST_LIBRARIES) * 8;
  if (stub.subarray(0, room).some((byte) => byte !== 0)) throw new UnfitElf("the stub has no room for its table");
  numbers.forEach((number, index) => view.setBigUint64(8 * index, BigInt(number), true));
  return stub;
}

/** In place of those before; with the parts that were added if there are too many. */
function placeHeaders(elf: Elf, layout: Layout, headers: readonly Segment[]): void {
  if (headers.length > elf.segments.length) {
    elf.setHeaders(layout.kernelHeaders + shiftOf(elf, layout), headers.length);
  } else {
    elf.bytes.set(segmentBytes(headers), elf.headersAt);
    elf.setHeaders(elf.headersAt, headers.length);
  }
}

function joined(
  elf: Elf,
  layout: Layout,
  parts: readonly { readonly address: number; readonly bytes: Uint8Array<ArrayBuffer> }[],
  appended: Uint8Array<ArrayBuffer>,
): Uint8Array<ArrayBuffer> {
  const shift = shiftOf(elf, layout);
  const end = Math.max(...parts.map(({ address, bytes }) => address + shift + bytes.length));
  const whole = new Uint8Array(end + appended.length);
  whole.set(elf.bytes);
  for (const { address, bytes } of parts) whole.set(bytes, address + shift);
  whole.set(appended, end);
  return whole;
}
