/** From arguments to an exit status. Only parsing happens here: what a command needs is loaded when it runs. */
import { Command, CommanderError } from "commander";
import { Fault } from "../../core/fault.ts";
import { VERSION } from "../../core/version.ts";
import { typedText } from "../../core/written_path.ts";
import { defineHelp } from "../commands/help.ts";
import type { Needs, RunCommand, Work } from "../commands/command.ts";
import { HELP_FORMAT } from "./help_format.ts";
import { LOADERS } from "./one_command.ts";
import { errorJson, errorText } from "../output/terminal/errors.ts";
import { EXIT, exitFor } from "../session/exit.ts";
import { addGlobalOptions, examples, type GlobalOptions } from "../settings/options.ts";
import { type Paint, paintFor } from "../output/terminal/colors.ts";
import { addVaultOptions } from "../settings/vault_options.ts";
import { refuseEmpty, usageFault } from "../settings/usage.ts";
import type { CommandNotices } from "../session/notifications.ts";
import type { CommandHooks } from "../session/command_hooks.ts";
import type { Session } from "../session/session.ts";
import type { Output, World } from "../world.ts";

export class OutputClosed extends Fault {
  readonly code = "output-closed";
  readonly hint = "Redirect it into a file or a pipe; `> /dev/null` throws it away";
  constructor() {
    super("Cannot write the output: standard output is closed");
  }
}

/** Variable with names of targets, for a crontab. */
const NOTIFY_VARIABLE = "BACKUP_TOOL_NOTIFY";

/**
 * Runs the command that the arguments name.
 * @returns the exit status (see exit.ts); errors have been printed by then
 */
export async function run(args: readonly string[], world: World): Promise<number> {
  let status: number = EXIT.done;
  // On Windows a backslash separates, and every name can be typed.
  const words = world.here.isWindows ? args : args.map(typedText);
  const isCompletion = args[0] === "complete";
  const program = await makeProgram(world, async (command, work, needs) => {
    status = await perform(world, command, work, needs);
  }, isCompletion ? undefined : commandNamed(words));
  if (isCompletion) {
    const { complete } = await import("../completion/complete.ts");
    await complete(program, args.slice(args[1] === "--" ? 2 : 1), world);
    return EXIT.done;
  }
  // Usage errors, too, are reported in the requested format.
  tellUsage(program, world, args.includes("--json"));
  try {
    await program.parseAsync(words, { from: "user" });
    return status;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.wrongUsage;
    writeQuietly(
      world.stderr,
      args.includes("--json") ? errorJson(error) : errorText(error, paintOf(world), world.stderr),
    );
    return exitFor(error);
  }
}

const VERSION_OPTION = "-V, --version";

/** The command that the parser will find; undefined if that is uncertain. */
function commandNamed(words: readonly string[]): string | undefined {
  // The option is asked for by scripts, and needs none: one that is quickly loaded stands in.
  if (words.length === 1 && VERSION_OPTION.split(", ").includes(words[0] ?? "")) return "version";
  const program = withGlobalOptions(new Command().exitOverride().configureOutput({ outputError: () => {} }));
  try {
    return program.parseOptions([...words]).operands[0];
  } catch (error) {
    if (error instanceof CommanderError) return undefined;
    throw error;
  }
}

/**
 * All commands and options.
 * @param act runs the work of the chosen command
 * @param only the name of a command; the others are omitted if it exists
 */
export async function makeProgram(world: World, act: RunCommand, only?: string): Promise<Command> {
  const program = new Command("backup-tool")
    .description("Deduplicating backups that you can browse as ordinary files, and encrypted copies of them.")
    .exitOverride()
    .configureHelp(HELP_FORMAT)
    .showSuggestionAfterError(false)
    .configureOutput({
      writeOut: (text) => world.stdout.write(new TextEncoder().encode(text)),
      writeErr: (text) => writeQuietly(world.stderr, text),
    })
    .helpOption("-h, --help", "show this help")
    .version(`backup-tool ${VERSION}`, VERSION_OPTION, "print the version");
  withGlobalOptions(program).addHelpText(
    "after",
    examples(
      "backup-tool backup ~/photos -s /mnt/disk/storage --init",
      "backup-tool snapshots -s /mnt/disk/storage",
      "backup-tool restore latest -s /mnt/disk/storage --target /tmp/restored",
    ),
  );
  if (only !== undefined && Object.hasOwn(LOADERS, only)) (await LOADERS[only]?.())?.(program, act);
  else await defineAll(program, act);
  defineHelp(program, world);
  return program;
}

async function defineAll(program: Command, act: RunCommand): Promise<void> {
  const { COMMANDS } = await import("./commands.ts");
  for (const [group, commands] of Object.entries(COMMANDS)) {
    program.commandsGroup(`${group}:`);
    for (const define of commands) define(program, act);
  }
}

function withGlobalOptions(program: Command): Command {
  return addVaultOptions(addGlobalOptions(program));
}

/** Makes usage errors look like all other errors. */
function tellUsage(command: Command, world: World, json: boolean): void {
  command.configureOutput({
    outputError: (text) => {
      const fault = usageFault(text, command);
      writeQuietly(world.stderr, json ? errorJson(fault) : errorText(fault, paintOf(world), world.stderr));
    },
  });
  for (const inner of command.commands) tellUsage(inner, world, json);
}

/** Runs a command to its end and reports the outcome. */
async function perform(
  world: World,
  command: Command,
  work: Work,
  { config = true, output = false, hooks: hasHooks = false }: Needs = {},
): Promise<number> {
  const [{ Session }, { NO_CONFIG, settle }] = await Promise.all([
    import("../session/session.ts"),
    import("../settings/settings.ts"),
  ]);
  const fail = (error: unknown): number => {
    const options = command.optsWithGlobals<GlobalOptions>();
    writeQuietly(world.stderr, options.json ? errorJson(error) : errorText(error, paintOf(world), world.stderr));
    return exitFor(error);
  };
  let loaded = NO_CONFIG;
  try {
    refuseEmpty(command);
    if (config) loaded = await settle(command, world);
  } catch (error) {
    return fail(error);
  }
  await using session = new Session(world, command.optsWithGlobals<GlobalOptions>(), loaded);
  let notices: CommandNotices | undefined, hooks: CommandHooks | undefined;
  try {
    if (output && world.stdout.isClosed()) throw new OutputClosed();
    notices = await noticesOf(session, command);
    hooks = hasHooks ? await hooksOf(session, command) : undefined;
    await hooks?.before();
    const done = await work(session) ?? EXIT.done;
    session.monitor.finish();
    session.out.flush();
    const statusNow = () => done === EXIT.done && session.monitor.problems > 0 ? EXIT.someFailed : done;
    const ended = hooks, status = statusNow();
    hooks = undefined;
    await ended?.ended(status);
    await notices?.ended(statusNow());
    return statusNow();
  } catch (error) {
    session.monitor.finish();
    const status = fail(error);
    await hooks?.ended(status, error);
    await notices?.ended(status, error);
    return status;
  } finally {
    await notices?.[Symbol.asyncDispose]();
  }
}

/** Notifications of this run; undefined if there are no targets. @throws BadUsage */
async function noticesOf(session: Session, command: Command): Promise<CommandNotices | undefined> {
  const { notify = [] } = session.options, variable = session.world.env(NOTIFY_VARIABLE)?.split(/[\s,]+/) ?? [];
  const names = notify.length > 0 ? notify : variable.filter((name) => name !== "");
  if (names.length === 0) return undefined;
  const { beginNotices } = await import("../session/notifications.ts");
  return await beginNotices(session, names, command);
}

/** Hooks of this run; undefined if the configuration has none for it. */
async function hooksOf(session: Session, command: Command): Promise<CommandHooks | undefined> {
  if (session.loaded.config.hooks === undefined) return undefined;
  const { commandHooks } = await import("../session/command_hooks.ts");
  return await commandHooks(session, command);
}

function paintOf(world: World): Paint {
  return paintFor(world.stderr, (name) => world.env(name));
}

/** Writes to standard error. A missing reader is ignored, because it must not stop the work. */
function writeQuietly(output: Output, text: string): void {
  try {
    output.write(new TextEncoder().encode(text));
  } catch {
    // Only messages are lost: the exit status still reports the outcome.
  }
}
