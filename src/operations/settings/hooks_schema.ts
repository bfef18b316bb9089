/** Schema of hooks in files: the configuration, or a job. */
import * as z from "zod";
import { HOOK_EVENTS, type HookCommand, HOOKED_WORK, type HookSet } from "../hooks/hook_set.ts";
import { parseDuration } from "./prune_pace.ts";
import { readableBy } from "./readable.ts";

const word = z.string().regex(/^[^\0]*$/, "A command has no NUL");
const line = word.min(1);
const command = z.union([line, z.array(word).min(1)]);

/** One line, or a list of commands: each of them a line for the shell, or a list of words that no shell takes apart. */
function commands(description: string) {
  return z.union([line, z.array(command).min(1)]).describe(description).exactOptional();
}

const SHAPE = {
  before: commands("Commands to run before the work, which is not done if one fails"),
  onSuccess: commands("Commands to run if the exit status is 0"),
  onFailure: commands("Commands to run if it is not"),
  after: commands("Commands to run after the work, however it ended"),
  timeout: z.string().refine(readableBy(parseDuration), "Expected a time, such as 30s, 90m or 2h")
    .describe("End a command that takes longer; default: 1h, `0` for never").exactOptional(),
};

const HINT = "Hooks need a command: before, onSuccess, onFailure or after";

/** Hooks of a job. */
export const HOOKS_SCHEMA = z.strictObject(SHAPE).refine(hasCommand, HINT)
  .describe("Commands to run before and after this job");

const named = z.strictObject({
  commands: z.array(z.enum(HOOKED_WORK)).min(1)
    .describe("Commands, and kinds of jobs, that they are for; default: all").exactOptional(),
  ...SHAPE,
}).refine(hasCommand, HINT);

/** Hooks of all commands, and of all jobs of a service. */
export const CONFIG_HOOKS_SCHEMA = z.union([named, z.array(named).min(1)])
  .describe("Commands to run before and after backups, and all other work");

type Written = z.output<typeof named>;
export type WrittenHooks = Written | readonly Written[];

function hasCommand(hooks: z.output<z.ZodObject<typeof SHAPE>>): boolean {
  return HOOK_EVENTS.some((event) => hooks[event] !== undefined);
}

const USUAL_TIMEOUT = "1h";

/** Converts hooks. @param written in either form */
export function hookSetsFrom(written: WrittenHooks): readonly HookSet[] {
  const sets: readonly Written[] = isList(written) ? written : [written];
  return sets.map(({ commands, timeout = USUAL_TIMEOUT, before, onSuccess, onFailure, after }) => ({
    ...(commands !== undefined && { commands }),
    timeoutMs: parseDuration(timeout) || Infinity,
    before: listOf(before),
    onSuccess: listOf(onSuccess),
    onFailure: listOf(onFailure),
    after: listOf(after),
  }));
}

function isList(written: WrittenHooks): written is readonly Written[] {
  return Array.isArray(written);
}

function listOf(written: string | readonly HookCommand[] | undefined): readonly HookCommand[] {
  if (written === undefined) return [];
  return typeof written === "string" ? [written] : written;
}
