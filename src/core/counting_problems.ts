/** Monitors that overhear. */
import type { Monitor } from "./monitor.ts";

/** Passes everything on. @param heard is called for each problem, before it is passed on */
export function countingProblems(monitor: Monitor, heard: (fault: Error) => void): Monitor {
  return {
    count: (counter, by) => monitor.count(counter, by),
    current: (what) => monitor.current(what),
    phase: (phase) => monitor.phase(phase),
    follow: (counter, done) => monitor.follow(counter, done),
    setTotal: (total) => monitor.setTotal(total),
    problem: (fault) => {
      heard(fault);
      monitor.problem(fault);
    },
    notice: (text) => monitor.notice(text),
    ...(monitor.status !== undefined && { status: monitor.status }),
  };
}
