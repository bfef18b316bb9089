/** Lists open directories through the C library, without `.` and `..`. */
import type { Kind } from "../core/entry.ts";
import { type Raw, rawOfBytes, splitRaw } from "../core/raw.ts";
import type { DirListing } from "./disk.ts";
import { type Libc, SYSCALL } from "./libc.ts";
import { kindOfType } from "./linux_stat.ts";

const LISTING_BYTES = 64 * 1024;
const listingBuffer = new Uint8Array(LISTING_BYTES);
const listingView = new DataView(listingBuffer.buffer);
const nameBytes = new Uint8Array(LISTING_BYTES);
const DOT = 46, SLASH = 47;

/** Lists from where the descriptor's position is. @param path for messages @throws DiskFault */
export function listOpened(libc: Libc, fd: number, path: Raw): DirListing {
  const names: Raw[] = [];
  const kinds: (Kind | undefined)[] = [];
  for (;;) {
    let got: number;
    do {
      got = libc.call.getdents64(SYSCALL.getdents64, fd, listingBuffer, LISTING_BYTES);
    } while (libc.again(got));
    if (got < 0) throw libc.fault("list", path);
    if (got === 0) return { names, kinds };
    readEntries(got, names, kinds);
  }
}

/** Moves the names of the listing buffer together, to decode them in one go: they are slices of one string. */
function readEntries(length: number, names: Raw[], kinds: (Kind | undefined)[]): void {
  let end = 0;
  for (let at = 0; at < length; at += listingView.getUint16(at + 16, true)) {
    const start = end;
    for (let from = at + 19; listingBuffer[from] !== 0; from++) nameBytes[end++] = listingBuffer[from]!;
    const size = end - start;
    if (size <= 2 && nameBytes[start] === DOT && (size === 1 || nameBytes[start + 1] === DOT)) {
      end = start;
      continue;
    }
    kinds.push(kindOfType(listingView.getUint8(at + 18)));
    nameBytes[end++] = SLASH;
  }
  if (end === 0) return;
  for (const name of splitRaw(rawOfBytes(nameBytes.subarray(0, end - 1)), "/")) names.push(name);
}
