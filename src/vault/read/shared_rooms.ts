/**
 * Memory into which ranges of units are read, and which threads read without a copy. It is used again and again: memory
 * that changes hands brings on a garbage collection in both threads each time.
 */

/** More than a usual unit. */
const ROOM_BYTES = 20 * 1024 * 1024;
/** Less is not worth a room, whose memory the system has to clear. */
const FEWEST_BYTES = 256 * 1024;

export class SharedRooms {
  readonly #free: Uint8Array<SharedArrayBuffer>[] = [];
  readonly #taken = new Set<ArrayBufferLike>();

  /** Memory for so many bytes; undefined for more than are usual, or few. */
  take(bytes: number): Uint8Array<SharedArrayBuffer> | undefined {
    if (bytes > ROOM_BYTES || bytes < FEWEST_BYTES) return undefined;
    const room = this.#free.pop() ?? new Uint8Array(new SharedArrayBuffer(ROOM_BYTES));
    this.#taken.add(room.buffer);
    return room;
  }

  /** Takes memory back that no thread reads any more; does nothing with other memory. @param bytes any view of it */
  give({ buffer }: Uint8Array): void {
    if (buffer instanceof SharedArrayBuffer && this.#taken.delete(buffer)) this.#free.push(new Uint8Array(buffer));
  }
}
