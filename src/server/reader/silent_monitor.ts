/** For readers that nobody watches. */
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
