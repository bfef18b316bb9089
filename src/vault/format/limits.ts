/**
 * The limits of the format. A reader refuses anything larger, so that no object can make it use more memory. Writers
 * stay far below. The limits are part of the format and never change within version 1.
 */

const KiB = 1024, MiB = 1024 * KiB;

/** Plain bytes of one frame. */
export const MOST_FRAME_BYTES = 16 * MiB;
/** Stored bytes of a unit: the largest configurable size, and the frame that reaches it. */
export const MOST_UNIT_BYTES = 1024 * MiB + MOST_FRAME_BYTES;
/** Items and copies of one unit together. */
export const MOST_UNIT_ITEMS = 32_768;
/** Bytes of a content that is stored as one item, or of a part of a larger one. */
export const MOST_CONTENT_BYTES = 8 * MiB;
/** Stored bytes of a hunk. */
export const MOST_HUNK_BYTES = 15 * MiB;
/** Lines of a parts list, without its first line. */
export const MOST_LIST_LINES = 16_384;
/** Bytes of a parts list: a line has at most 84, the first one a few more. */
export const MOST_LIST_BYTES = 2 * MiB;
/** Plain bytes of an index object, or of a root with its signature. */
export const MOST_PLAIN_BYTES = 64 * MiB;
/** Bytes of a line in an index object, which describes one unit. */
export const MOST_LINE_BYTES = 8 * MiB;
/** Bytes of an age header with the nonce that follows it. */
export const MOST_HEAD_BYTES = 4 * KiB;
/** Bytes of `config`, and of objects in `keys/` and `locks/`. */
export const MOST_SMALL_BYTES = 64 * KiB;
/** Bytes of a full name in a tar header. */
export const MOST_NAME_BYTES = 64 * KiB;
export const MOST_JSON_NESTING = 8;
/** Stored bytes of objects in `index/` and `snapshots/`: the plain bytes and everything around them. */
export const MOST_SEALED_BYTES = MOST_PLAIN_BYTES + MiB;
