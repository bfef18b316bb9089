/** Environment variables of hooks; `help hooks` lists them. */
import type { FaultData } from "../../core/fault_data.ts";
import { HOOK_VARIABLE, type HookEvent } from "./hook_set.ts";

/** Facts that are known from the beginning. */
export interface HookFacts {
  /** Name of the command, or kind of the job. */
  readonly command: string;
  /** Location of the storage or vault; undefined if none was given. */
  readonly storage: string | undefined;
  /** Name of this machine. */
  readonly host: string;
  /** Id of this run. */
  readonly run: string;
  /** Name of the job file. */
  readonly job?: string;
  /** Name of the snapshots concerned. */
  readonly name?: string;
}

export interface HookEnd {
  readonly status: "done" | "problems" | "failed" | "interrupted" | "postponed" | "cancelled";
  /** Exit status as in `help errors`; undefined while the work is not finished. */
  readonly exitStatus: number | undefined;
  readonly error: FaultData | undefined;
  /** Ids of the snapshots that were made, or restored from. */
  readonly snapshots: readonly string[];
  readonly problems: number;
  readonly counts: Readonly<Record<string, number>>;
}

/** The system takes no variable of any length, and nobody wants to read one. */
const LONGEST_ERROR = 4096;

/** Makes the variables for a hook. @param startMs start of the run */
export function hookVariables(event: HookEvent, facts: HookFacts, startMs: number): Record<string, string> {
  const { command, storage, host, run, job, name } = facts;
  return clean({
    [HOOK_VARIABLE]: event,
    BACKUP_TOOL_COMMAND: command,
    BACKUP_TOOL_STORAGE: storage,
    BACKUP_TOOL_HOST: host,
    BACKUP_TOOL_RUN: run,
    BACKUP_TOOL_JOB: job,
    BACKUP_TOOL_NAME: name,
    BACKUP_TOOL_START: new Date(startMs).toISOString(),
  });
}

/** Makes the variables about the outcome. @param endMs end of the work */
export function variablesOfEnd(end: HookEnd, endMs: number): Record<string, string> {
  const { status, exitStatus, error, snapshots, problems, counts } = end;
  return {
    ...clean({
      BACKUP_TOOL_STATUS: status,
      BACKUP_TOOL_EXIT_STATUS: exitStatus?.toString(),
      BACKUP_TOOL_END: new Date(endMs).toISOString(),
      BACKUP_TOOL_PROBLEMS: String(problems),
      BACKUP_TOOL_SNAPSHOT: snapshots.length === 0 ? undefined : snapshots.join("\n"),
      BACKUP_TOOL_ERROR_CODE: error?.code,
      BACKUP_TOOL_ERROR: error?.message.slice(0, LONGEST_ERROR),
    }),
    ...Object.fromEntries(Object.entries(counts).map(([counter, count]) => [variableOf(counter), String(count)])),
  };
}

/** `storedBytes`: BACKUP_TOOL_COUNT_STORED_BYTES. */
function variableOf(counter: string): string {
  return `BACKUP_TOOL_COUNT_${counter.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`;
}

/** No variable can hold a NUL. */
function clean(variables: Readonly<Record<string, string | undefined>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(variables).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, value.replaceAll("\0", "")]]
    ),
  );
}
