/** `serve --install`: shows and writes the file that makes the system start the service, and how to undo that. */
import type { Command } from "commander";
import { MARK, type ServiceSpec, type Unit, unitFor } from "./units.ts";
import type { Session } from "../session/session.ts";
import { absolutePath } from "../settings/paths.ts";
import { BadUsage } from "../../core/fault.ts";
import { baseName, bytesOf, parentPath, rawOf, rawOfBytes, textOf } from "../../core/raw.ts";
import { hasScheme } from "../../operations/vaults/vault_settings.ts";
import { type Dir, DiskFault, makeDirectories } from "../../platform/disk.ts";
import { openFileIfThere } from "../../platform/open_optional.ts";
import { ownProgram, type ServiceManager, serviceManager } from "../../platform/own_program.ts";

const UNIT_MODE = 0o644, DIRECTORY_MODE = 0o755;
const MOST_BYTES = 64 * 1024;
/** Options whose values are paths; they become absolute, because the service starts in another directory. */
const PATHS = ["jobs", "tmp", "log", "tlsCert", "tlsKey", "objects", "keyFile", "passwordFile", "credentialsFile"];
/** Options of the installation itself, which the service doesn't get. */
const OWN = ["install", "yes", "once", "storage", "config", "json"];

/** Installs the service. @param how undefined: the manager that this system has */
export async function install(session: Session, command: Command, how: ServiceManager | undefined): Promise<void> {
  const manager = how ?? serviceManager(), unit = unitFor(manager, await specOf(session, command));
  const { yes = false } = command.opts<{ readonly yes?: boolean }>();
  const isWritten = yes && unit.path !== undefined && await write(session, unit.path, unit.text);
  session.result({ manager, ...unit, path: unit.path ?? null, written: isWritten }, linesOf(unit, isWritten));
}

function linesOf({ text, path, begin, undo }: Unit, isWritten: boolean): string[] {
  const where = path === undefined
    ? ["This is the line to enter:"]
    : [isWritten ? `Wrote ${path}:` : `This would be ${path}; \`--yes\` writes it:`];
  const indented = (lines: readonly string[]) => lines.map((line) => `  ${line}`.trimEnd());
  return [
    ...where,
    "",
    ...indented(text.trimEnd().split("\n")),
    "",
    "Begin with it by",
    ...indented(begin),
    "",
    "Undo it by",
    ...indented(undo),
  ];
}

async function specOf(session: Session, command: Command): Promise<ServiceSpec> {
  const { world, place, loaded } = session, { jobs, listen } = command.opts<{ jobs?: string; listen?: unknown }>();
  const machine = await session.machine(), isNamed = place.name !== undefined;
  const words = [
    ...ownProgram(),
    "serve",
    "--storage",
    isNamed ? place.name : place.location,
    ...(loaded.path === undefined ? [] : ["--config", loaded.path]),
    ...givenWords(session, command),
  ];
  const directories = [
    ...(hasScheme(place.location) ? [] : [place.location]),
    ...(jobs === undefined ? [] : [textOf(absolutePath(world, jobs))]),
  ];
  return {
    words,
    needs: directories,
    listens: listen !== undefined,
    isRoot: machine.disk.uid === 0,
    home: world.here.home() ?? "/",
  };
}

/** The given options, in a form that is valid in any directory. */
function givenWords({ world }: Session, command: Command): string[] {
  const all = [...command.options, ...command.parent?.options ?? []];
  return all.flatMap((option) => {
    const name = option.attributeName(), flag = option.long ?? "";
    const owner = command.options.includes(option) ? command : command.parent;
    const source = owner?.getOptionValueSource(name), value: unknown = owner?.getOptionValue(name);
    // One of a pair says it: `--no-x` has the value false of `x`.
    if (source !== "cli" || OWN.includes(name) || option.negate !== (value === false)) return [];
    if (option.isBoolean() || option.negate) return [flag];
    const values = Array.isArray(value) ? value.map(String) : [rawValue(command, flag) ?? String(value)];
    return values.flatMap((text) => [flag, PATHS.includes(name) ? textOf(absolutePath(world, text)) : text]);
  });
}

/** The value as typed: "20MB/s", not the number. */
function rawValue(command: Command, flag: string): string | undefined {
  const { rawArgs } = rootOf(command) as Command & { readonly rawArgs?: readonly string[] };
  const at = rawArgs?.findIndex((word) => word === flag || word.startsWith(`${flag}=`)) ?? -1, word = rawArgs?.[at];
  return word === undefined ? undefined : word === flag ? rawArgs?.[at + 1] : word.slice(flag.length + 1);
}

function rootOf(command: Command): Command {
  return command.parent === null ? command : rootOf(command.parent);
}

/** Writes the file. @throws BadUsage if a file of other origin has the name */
async function write(session: Session, path: string, text: string): Promise<boolean> {
  const { disk } = await session.machine(), raw = rawOf(path), name = baseName(raw);
  using directory = makeDirectories(disk, parentPath(raw), DIRECTORY_MODE);
  const before = textIn(directory, path);
  if (before !== undefined && !before.includes(MARK)) {
    throw new BadUsage(
      `${path} is there already, and was written by somebody else`,
      "Move it away, or edit it by hand",
    );
  }
  directory.unlink(name);
  using file = directory.create(name, UNIT_MODE);
  if (file === undefined) throw new DiskFault("EEXIST", "create", raw);
  file.write(bytesOf(rawOf(text)), 0);
  file.sync();
  return true;
}

function textIn(directory: Dir, path: string): string | undefined {
  using file = openFileIfThere(directory, baseName(rawOf(path)));
  if (file === undefined) return undefined;
  const bytes = new Uint8Array(Math.min(file.stat().size, MOST_BYTES)), got = file.read(bytes, 0);
  return textOf(rawOfBytes(bytes.subarray(0, got)));
}
