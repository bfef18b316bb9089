/** backup-tool config */
import type { Command } from "commander";
import { policyText } from "../../core/policy.ts";
import { CONFIG_NAME, usualPlaces } from "../settings/config_file.ts";
import { addPaceOptions } from "../settings/pace_options.ts";
import { examples, workersOption } from "../settings/options.ts";
import type { NamedVault } from "../../operations/vaults/vault_settings.ts";
import type { HookSet } from "../../operations/hooks/hook_set.ts";
import type { Session } from "../session/session.ts";
import { type LoadedConfig, type Setting, SETTINGS, settle, VARIABLES } from "../settings/settings.ts";
import type { Define } from "./command.ts";

interface ConfigOptions {
  readonly example?: boolean;
  readonly schema?: boolean;
}

/** Options of other commands, shown with the values that they would have there. */
const PACE = ["nice", "limit", "pause"];

export const defineConfig: Define = (program, act) => {
  const command = program.command("config")
    .summary("show the effective settings and where each comes from")
    .description(
      "Show the effective settings and where each comes from: an option, a variable, the configuration file, or the " +
        `default, in this order. The file is the one that --config or BACKUP_TOOL_CONFIG names, else ` +
        `~/.config/backup-tool/${CONFIG_NAME}, else /etc/${CONFIG_NAME}; --no-config takes none. It may name backups, ` +
        "which `backup NAME` makes.",
    )
    .option("--example", "print a file to begin with")
    .addOption(workersOption().hideHelp()) // to be shown as other commands would have it
    .option("--schema", "print the JSON Schema of the file, for editors")
    .addHelpText(
      "after",
      examples(
        "backup-tool config",
        `backup-tool config --example > ~/.config/backup-tool/${CONFIG_NAME}`,
      ),
    );
  addPaceOptions(command);
  for (const option of command.options) if (PACE.includes(option.attributeName())) option.hideHelp();
  command.action(() =>
    act(command, async (session) => {
      const { example, schema } = command.opts<ConfigOptions>();
      if (example) session.out.exact(EXAMPLE);
      else if (schema) await printSchema(session);
      else print(command, session, await settle(command, session.world));
    }, { config: false })
  );
};

async function printSchema(session: Session): Promise<void> {
  const { configJsonSchema } = await import("../settings/config_schema.ts");
  session.out.json(configJsonSchema());
}

interface Shown {
  readonly name: Setting;
  readonly value: unknown;
  readonly from: string;
}

/** Where a setting comes from: the name of a variable, or the path of the file. */
function shown(command: Command, name: Setting, file: string | undefined): Shown {
  const value = command.optsWithGlobals<Partial<Record<Setting, unknown>>>()[name];
  const source = command.getOptionValueSourceWithGlobals(name);
  const from = source === "env"
    ? VARIABLES[name]
    : source === "config"
    ? file ?? ""
    : source === "cli"
    ? "option"
    : "default";
  return { name, value: value ?? DEFAULTS[name], from };
}

const DEFAULTS: Readonly<Record<Setting, unknown>> = {
  storage: null,
  workers: null,
  bytes: false,
  quiet: false,
  verbose: false,
  wait: null,
  nice: null,
  limit: null,
  pause: null,
};

function print(command: Command, session: Session, { path, config }: LoadedConfig): void {
  const settings = SETTINGS.map((name) => shown(command, name, path));
  const { keep, defaults = {}, vaults = {}, backups = {}, hooks = [], serve } = config;
  if (session.options.json) {
    const shown = mapped(vaults, withoutCommands);
    return session.out.json({
      file: path ?? null,
      settings,
      keep,
      defaults,
      vaults: shown,
      backups,
      hooks: hooks.map(shownHooks),
      ...(serve !== undefined && { serve }),
    });
  }
  session.out.line(
    path === undefined ? "No configuration file; there would be looked for" : `Configuration file ${path}`,
  );
  if (path === undefined) { for (const place of usualPlaces(session.world)) session.out.line(`  ${place}`); }
  const rows = settings.map(({ name, value, from }) => [name, value === null ? "-" : String(value), from]);
  session.out.table([{ title: "SETTING" }, { title: "VALUE" }, { title: "FROM" }], rows);
  if (keep !== undefined) session.out.line(`forget keeps by ${policyText(keep)}`);
  for (const [name, { location }] of Object.entries(vaults)) session.out.line(`vault ${name}: ${location}`);
  for (const [name, { sources }] of Object.entries(backups)) session.out.line(`backup ${name}: ${sources.join(", ")}`);
  for (const set of hooks) session.out.line(hooksText(set));
  for (const address of serve?.listen ?? []) session.out.line(`serve listens on ${address}`);
}

/** Hooks as numbers of commands by event. */
function shownHooks({ commands, timeoutMs, ...events }: HookSet) {
  return {
    commands: commands ?? "all",
    timeoutSeconds: Number.isFinite(timeoutMs) ? timeoutMs / 1000 : null,
    ...mapped(events, (list) => list.length),
  };
}

function hooksText({ commands = ["all"], timeoutMs: _, ...events }: HookSet): string {
  const counts = Object.entries(events).filter(([, { length }]) => length > 0);
  return `hooks for ${commands.join(", ")}: ${counts.map(([event, { length }]) => `${event} (${length})`).join(", ")}`;
}

/** The vault without its command lines, which may contain secrets. */
function withoutCommands({ passwordCommand, credentialsCommand, ...shown }: NamedVault) {
  return {
    ...shown,
    ...(passwordCommand !== undefined && { passwordCommand: true }),
    ...(credentialsCommand !== undefined && { credentialsCommand: true }),
  };
}

function mapped<T, U>(record: Readonly<Record<string, T>>, change: (value: T) => U): Record<string, U> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(value)]));
}

/** A valid example; a test parses it. */
const EXAMPLE = `\
// Settings of backup-tool. An option on the command line counts before them.
{
  // Where backups are kept
  "storage": "/mnt/backup",

  // For every backup
  "defaults": {
    "presets": ["desktop"],
    "excludeCaches": true
  },

  // What \`backup-tool forget --prune\` keeps
  "keep": { "daily": 7, "weekly": 5, "monthly": 12, "yearly": "unlimited" },

  // \`backup-tool backup photos\` makes this one, \`backup-tool backup --all\` all of them
  "backups": {
    "photos": { "sources": ["~/photos"] },
    "system": { "sources": ["/etc", "/usr/local"], "exclude": ["*.tmp"], "tags": ["weekly"], "oneFileSystem": true }
  }

  // Commands to run before and after, see \`backup-tool help hooks\`
  // "hooks": { "onFailure": "logger -p user.err \"backup: $BACKUP_TOOL_ERROR\"" }
}
`;
