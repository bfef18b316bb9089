/** Users' commands that run before and after the work of this tool. */

/** A shell command, or a program with its arguments, which no shell interprets. */
export type HookCommand = string | readonly string[];

/** In the order in which they run. `before` is paired with `after`, which runs whatever the outcome. */
export const HOOK_EVENTS = ["before", "onSuccess", "onFailure", "after"] as const;
export type HookEvent = typeof HOOK_EVENTS[number];

export type HookSet = Readonly<Record<HookEvent, readonly HookCommand[]>> & {
  /** Commands, and kinds of jobs, to which the hooks apply; undefined: all that have hooks. */
  readonly commands?: readonly string[];
  /** Time limit for each command; Infinity: none. */
  readonly timeoutMs: number;
};

/** The commands, and kinds of jobs, that have hooks; those that only read have none. */
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

/**
 * Environment variable with the name of the running hook. A run that finds it set was started by a hook, and runs none
 * itself.
 */
export const HOOK_VARIABLE = "BACKUP_TOOL_HOOK";
