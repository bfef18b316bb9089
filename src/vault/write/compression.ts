/** Levels of compression for a writer. */
import type { Level } from "../pack/zstd.ts";

export const COMPRESSIONS = ["off", "fast", "default", "best"] as const;
/** "off" stores contents as they are; metadata is compressed all the same. */
export type Compression = typeof COMPRESSIONS[number];

const LEVELS: Readonly<Record<Compression, Level>> = { off: 1, fast: 1, default: 3, best: 9 };

export function levelOf(compression: Compression): Level {
  return LEVELS[compression];
}
