/** Commands of people that run before and after the work of this tool. */

/** A line for the shell, or a program with its arguments, which no shell takes apart. */
export type HookCommand = string | readonly string[];

/** In the order in which they may run. `before`, and `after` however the work ended, are a pair. */
export const HOOK_EVENTS = ["before", "onSuccess", "onFailure", "after"] as const;
export type HookEvent = typeof HOOK_EVENTS[number];

export type HookSet = Readonly<Record<HookEvent, readonly HookCommand[]>> & {
  /** Of the commands, and kinds of jobs, that they are for; undefined: all that have hooks. */
  readonly commands?: readonly string[];
  /** For each command; Infinity for none. */
  readonly timeoutMs: number;
};

/** The commands, and kinds of jobs, that do work: those that only look have no hooks. */
export const HOOKED_WORK = [
  "backup",
  "import",
  "copy",
  "restore",
  "forget",
  "prune",
  "rewrite",
  "tag",
  "alarm",
  "tree",
  "check",
  "drill",
  "repair",
  "rebuild",
  "salvage",
] as const;

/** In the variables of every hook: which one it is. A run that finds it set has been started by a hook, and runs none. */
export const HOOK_VARIABLE = "BACKUP_TOOL_HOOK";
