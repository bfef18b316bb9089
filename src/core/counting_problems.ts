/** Monitors that overhear. */
import type { Monitor } from "./monitor.ts";

/** Passes everything on. @param heard is called for each problem, before it is passed on */
export function hearingProblems(monitor: Monitor, heard: (fault: Error) => void): Monitor {
  return {
    count: (counter, by) => monitor.count(counter, by),
    at: (what) => monitor.at(what),
    phase: (phase) => monitor.phase(phase),
    follow: (counter, done) => monitor.follow(counter, done),
    expect: (total) => monitor.expect(total),
    problem: (fault) => {
      heard(fault);
      monitor.problem(fault);
    },
    notice: (text) => monitor.notice(text),
    ...(monitor.fate !== undefined && { fate: monitor.fate }),
  };
}
