/**
 * The limits of the format: what a reader refuses, so that no object can make it use more memory than this. Writers stay
 * far below. They are a part of the format and never change within version 1.
 */

const KiB = 1024, MiB = 1024 * KiB;

/** Plain bytes of one frame. */
export const MOST_FRAME_BYTES = 16 * MiB;
/** Stored bytes of a unit: the largest that can be asked for, and the frame that reaches it. */
export const MOST_UNIT_BYTES = 1024 * MiB + MOST_FRAME_BYTES;
/** Items and copies of one unit. */
export const MOST_UNIT_ITEMS = 32_768;
/** A content that is stored as one item, or a part of a larger one. */
export const MOST_CONTENT_BYTES = 8 * MiB;
/** A hunk as it is stored. */
export const MOST_HUNK_BYTES = 15 * MiB;
/** Lines of a parts list, without its first. */
export const MOST_LIST_LINES = 16_384;
/** A line of a list is 84 bytes at most, its first a few more. */
export const MOST_LIST_BYTES = 2 * MiB;
/** Plain bytes of an index object, and of a root with its signature. */
export const MOST_PLAIN_BYTES = 64 * MiB;
/** One line of an index object: one unit. */
export const MOST_LINE_BYTES = 8 * MiB;
/** An age header, with the nonce that follows it. */
export const MOST_HEAD_BYTES = 4 * KiB;
/** `config`, and objects of `keys/` and `locks/`. */
export const MOST_SMALL_BYTES = 64 * KiB;
/** A whole name in a tar header. */
export const MOST_NAME_BYTES = 64 * KiB;
export const MOST_JSON_NESTING = 8;
/** Objects of `index/`, `snapshots/`: everything around the plain bytes. */
export const MOST_SEALED_BYTES = MOST_PLAIN_BYTES + MiB;
