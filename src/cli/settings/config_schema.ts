/** Schema of `backup-tool.jsonc`. Its descriptions go into the JSON Schema, from which editors complete. */
// First: it concerns the schemas of the others, too.
import "./uncompiled_schemas.ts";
import * as z from "zod";
import { type Complaint, complaintText, readJsonc } from "../../core/jsonc.ts";
import { defined } from "../../core/defined.ts";
import { rawOf, textOf } from "../../core/raw.ts";
import { pathOf } from "../../core/written_path.ts";
import { backupShape, checkPath, type WrittenBackup } from "../../operations/settings/backup_schema.ts";
import { bytesOfSize } from "../../operations/settings/backup_settings.ts";
import {
  CONFIG_HOOKS_SCHEMA,
  HOOKS_SCHEMA,
  hookSetsFrom,
  type WrittenHooks,
} from "../../operations/settings/hooks_schema.ts";
import { POLICY_SCHEMA } from "../../operations/settings/policy_schema.ts";
import { parseDuration } from "../../operations/settings/prune_pace.ts";
import { readableBy } from "../../operations/settings/readable.ts";
import { serveFrom, serveSchema } from "./serve_schema.ts";
import { expectationsFrom, notifyFrom, notifyShape } from "./notify_schema.ts";
import { isRemoteText, remoteFrom, remoteSchema, type RemoteSource } from "../../operations/settings/source_schema.ts";
import { RATE_SCHEMA, rateOf, vaultFrom, vaultSchema } from "../../operations/settings/vault_schema.ts";
import { hasScheme, type NamedVault } from "../../operations/vaults/vault_settings.ts";
import type { Expectations } from "../../notify/late.ts";
import type { NotifySettings } from "../../notify/targets.ts";
import type { HookSet } from "../../operations/hooks/hook_set.ts";
import { BadConfig, type ConfigFile } from "./config_file.ts";
import type { World } from "../world.ts";

/** A path as written by the user; {@link absoluteFrom} makes it absolute. */
const path = z.string().superRefine(checkPath);
const readFrom = path.refine((text) => /^[/~]/.test(text), "This must be an absolute path");
const backupSettings = backupShape(path, readFrom);

const namedBackup = z.strictObject({
  sources: z.array(z.union([path, remoteSchema(path)])).min(1).describe(
    "Directories and files; ~ is the home directory, others are relative to this file. Or one server",
  ),
  hooks: HOOKS_SCHEMA.describe("Commands to run before and after this backup").exactOptional(),
  ...backupSettings,
});

/** A word that can't be mistaken for a path or an option. */
const backupName = z.string().regex(/^[^-/~.\s][^/\s]*$/, "A name must be one word without slashes");

export const CONFIG_SCHEMA = z.strictObject({
  storage: path.describe("Path of the storage, ~ is the home directory; or a vault: its name, path or URL")
    .exactOptional(),
  workers: z.number().int().min(0).max(64).describe("Number of worker threads").exactOptional(),
  bytes: z.boolean().describe("Show sizes as exact numbers of bytes").exactOptional(),
  quiet: z.boolean().describe("Say nothing but results and problems").exactOptional(),
  verbose: z.boolean().describe("Say what happens to each file").exactOptional(),
  wait: z.string().refine(readableBy(parseDuration), "Expected a time, such as 30s, 90m or 2h")
    .describe("Wait so long for another run that is writing; default: 0").exactOptional(),
  nice: z.enum(["lowest", "off"]).describe("Priority for processor and disk").exactOptional(),
  limit: RATE_SCHEMA.describe("Read no more a second than that, such as 20MB/s").exactOptional(),
  pause: z.number().nonnegative().describe("Rest so many milliseconds after each MiB that is read").exactOptional(),
  keep: POLICY_SCHEMA.describe("Which snapshots `backup-tool forget` keeps when it is given no rules").exactOptional(),
  defaults: z.strictObject(backupSettings).describe("For every backup").exactOptional(),
  vaults: z.record(backupName.regex(/^[^:]*$/, "A name has no colon"), vaultSchema(path, path))
    .describe("What `-s NAME` and `copy --to NAME` stand for").exactOptional(),
  backups: z.record(backupName, namedBackup).describe("What `backup-tool backup NAME` backs up").exactOptional(),
  hooks: CONFIG_HOOKS_SCHEMA.exactOptional(),
  serve: serveSchema(path).exactOptional(),
  ...notifyShape(path, backupName),
});

/** JSON Schema for editors. */
export function configJsonSchema(): unknown {
  return z.toJSONSchema(CONFIG_SCHEMA, { io: "input", target: "draft-7", unrepresentable: "any" });
}

type Written = z.output<typeof CONFIG_SCHEMA>;

type NamedBackup = NonNullable<Written["backups"]>[string];

export interface Config
  extends Omit<Written, "backups" | "vaults" | "notify" | "smtp" | "expect" | "hooks" | "limit" | "serve"> {
  readonly backups?: Readonly<
    Record<
      string,
      Omit<NamedBackup, "sources" | "hooks"> & {
        readonly sources: readonly (string | RemoteSource)[];
        readonly hooks?: readonly HookSet[];
      }
    >
  >;
  readonly vaults?: Readonly<Record<string, NamedVault>>;
  readonly notify?: NotifySettings;
  readonly hooks?: readonly HookSet[];
  /** Limit in bytes a second. */
  readonly limit?: number;
  readonly expect?: Expectations;
  readonly serve?: ReturnType<typeof serveFrom>;
}

/** Parses the file; paths in it become absolute. @throws BadConfig */
export function parseConfig(file: ConfigFile, world: World): Config {
  const { value, complaints } = readJsonc(file.text, CONFIG_SCHEMA);
  if (complaints !== undefined) throw badConfig(file.path, complaints);
  return withAbsolutePaths(value, (path) => absoluteFrom(file.path, path, world));
}

/** The fault for complaints. If there is only one, it provides the hint. */
function badConfig(path: string, complaints: readonly Complaint[]): BadConfig {
  const [first, ...others] = complaints;
  if (others.length > 0 || first?.hint === undefined) {
    return new BadConfig(
      path,
      complaints.map(complaintText),
      "`backup-tool config --example` prints one that is right",
    );
  }
  const { hint, ...told } = first;
  return new BadConfig(path, [complaintText(told)], hint);
}

function withAbsolutePaths(
  { vaults = {}, notify, smtp, expect, hooks, limit, serve, ...config }: Written,
  absolute: (path: string) => string,
): Config {
  const resolved = <T extends WrittenBackup>(settings: T): T => ({
    ...settings,
    ...(settings.excludeLargerThan !== undefined && { excludeLargerThan: bytesOfSize(settings.excludeLargerThan) }),
    ...(settings.excludeFrom !== undefined && { excludeFrom: settings.excludeFrom.map(absolute) }),
    ...(settings.lock !== undefined && { lock: lockWith(settings.lock, absolute) }),
  });
  const backups = Object.entries(config.backups ?? {}).map(([name, { sources, hooks, ...backup }]) => {
    const own = { sources: sources.map((source) => sourceFrom(source, absolute)), ...hookSets(hooks) };
    return [name, { ...resolved(backup), ...own }] as const;
  });
  const located = (text: string) => hasScheme(text) ? text : absolute(text);
  const { storage } = config;
  return {
    ...config,
    // One that is named below is no path.
    ...(storage !== undefined && { storage: Object.hasOwn(vaults, storage) ? storage : located(storage) }),
    ...(limit !== undefined && { limit: rateOf(limit) }),
    vaults: Object.fromEntries(Object.entries(vaults).map(([name, vault]) => [name, vaultFrom(vault, located)])),
    ...(config.defaults !== undefined && { defaults: resolved(config.defaults) }),
    backups: Object.fromEntries(backups),
    ...(notify !== undefined && { notify: notifyFrom(defined({ notify, smtp }), absolute) }),
    ...(expect !== undefined && { expect: expectationsFrom({ expect }) }),
    ...(serve !== undefined && { serve: serveFrom(serve, absolute) }),
    ...hookSets(hooks),
  };
}

function hookSets(written: WrittenHooks | undefined): { readonly hooks?: readonly HookSet[] } {
  return written === undefined ? {} : { hooks: hookSetsFrom(written) };
}

/** A path, or a server. */
function sourceFrom(
  source: NamedBackup["sources"][number],
  absolute: (path: string) => string,
): string | RemoteSource {
  return typeof source !== "string" || isRemoteText(source) ? remoteFrom(source, absolute) : absolute(source);
}

type Lock = NonNullable<WrittenBackup["lock"]>;

function lockWith(lock: Lock, absolute: (path: string) => string): Lock {
  return typeof lock === "string" || lock.readFrom === undefined
    ? lock
    : { ...lock, readFrom: absolute(lock.readFrom) };
}

/**
 * Makes a path absolute: `~` is the home directory, other relative paths start beside the file. @throws BadUsage if
 * there is no home directory
 */
function absoluteFrom(file: string, path: string, { here }: World): string {
  return textOf(pathOf(path, { ...here, directory: () => rawOf(file.slice(0, file.lastIndexOf("/")) || "/") }));
}
