/** A thread that lists directories ahead of a walk, and looks at each name in them. */
import { joinRaw, rawOf } from "../core/raw.ts";
import { DiskFault } from "./disk.ts";
import { loadLibc } from "./libc.ts";
import { LinuxCalls } from "./linux_calls.ts";
import { listOpened } from "./linux_listing.ts";
import { LookAheadTable, SEEN, UNSEEN } from "./look_ahead_table.ts";
import { systemClock } from "./system_clock.ts";
import { workerScope } from "./worker_scope.ts";

const ITSELF = rawOf(".");

/** Serves the table that the first message brings until that is closed. @param early messages that have arrived already */
export function serveLookAhead(early: readonly MessageEvent<SharedArrayBuffer>[]): void {
  const scope = workerScope<SharedArrayBuffer>();
  const serve = ({ data }: MessageEvent<SharedArrayBuffer>) => serveTable(new LookAheadTable(data));
  scope.onmessage = serve;
  early.forEach(serve);
}

function serveTable(table: LookAheadTable): void {
  const libc = loadLibc();
  if (libc === undefined) return;
  const calls = new LinuxCalls(libc);
  for (let slot = table.claim(); slot !== undefined; slot = table.claim()) {
    look(table, slot, calls);
  }
}

/** Answers for a claimed slot. What can't be seen, the walk looks at by itself, and reports what is wrong. */
export function look(table: LookAheadTable, slot: number, calls: LinuxCalls): void {
  table.answer(slot, see(table, slot, calls) ? SEEN : UNSEEN);
}

function see(table: LookAheadTable, slot: number, calls: LinuxCalls): boolean {
  const { libc, statx } = calls, { rootPath, relative } = table.placeOf(slot), atMs = systemClock.nowMs();
  let top = -1, fd = -1;
  try {
    top = calls.openFollowing(rootPath);
    fd = calls.openBeneath(top, relative, joinRaw(rootPath, relative));
    const names = [...listOpened(libc, fd, rootPath).names].sort();
    return table.put(slot, names, atMs, (name, into, at) => {
      const path = name === undefined ? libc.first.path(ITSELF) : libc.first.component(name);
      return statx.keep(fd, path, into, at);
    });
  } catch (error) {
    if (error instanceof DiskFault) return false;
    throw error;
  } finally {
    for (const opened of [fd, top]) if (opened >= 0) calls.close(opened);
  }
}
