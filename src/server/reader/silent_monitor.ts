/** A monitor for reading without an observer. */
import type { Monitor } from "../../core/monitor.ts";

export const SILENT: Monitor = {
  count() {},
  current() {},
  phase() {},
  follow: () => ({ [Symbol.dispose]() {} }),
  setTotal() {},
  problem() {},
  notice() {},
};
