/** Resolves a location: a path, `scheme:...`, or the name of a vault in the configuration. */
import { BadUsage } from "../../core/fault.ts";
import { defined } from "../../core/defined.ts";
import { hasLogin, hasScheme, type LoginSettings, type NamedVault, type VaultSettings } from "./vault_settings.ts";

export interface Place {
  /** An absolute path, or `scheme:...`. */
  readonly location: string;
  /** Its name in the configuration. */
  readonly name?: string;
  /** The settings that apply if it is a vault. */
  readonly settings: VaultSettings;
}

export interface PlaceWorld {
  readonly vaults: Readonly<Record<string, NamedVault>>;
  /** Looks up a variable; undefined if it isn't set. */
  readonly env: (name: string) => string | undefined;
  /** Makes a path absolute. @throws BadUsage */
  readonly absolute: (path: string) => string;
}

/**
 * Resolves a location. The login is taken as a whole from the first source that has one: `given`, variables, the
 * vault's configuration. Other settings of `given` override those of the configuration.
 * @throws BadUsage
 */
export function placeNamed(text: string, given: VaultSettings, { vaults, env, absolute }: PlaceWorld): Place {
  const [name, named] = Object.hasOwn(vaults, text) ? [text, vaults[text]] : namedAt(text, vaults, absolute);
  const { location, ...fromFile } = named ?? { location: hasScheme(text) ? text : absolute(text) };
  const { keyFile, passwordFile, passwordCommand, encrypted, ...others } = given;
  const own = defined<LoginSettings>({ keyFile, passwordFile, passwordCommand, encrypted });
  const nearest = hasLogin(own) ? own : loginOfVariables(env, absolute),
    login = hasLogin(nearest) ? nearest : undefined;
  return {
    location: pathOfFile(location),
    settings: { ...(login === undefined ? fromFile : withoutLogin(fromFile)), ...others, ...login },
    ...(named !== undefined && name !== undefined && { name }),
  };
}

/** A vault that is given by its place, and has a name as well. */
function namedAt(
  text: string,
  vaults: PlaceWorld["vaults"],
  absolute: PlaceWorld["absolute"],
): readonly [string, NamedVault] | readonly [undefined, undefined] {
  const location = hasScheme(text) ? text : absolute(text);
  return Object.entries(vaults).find(([, vault]) => vault.location === location) ?? [undefined, undefined];
}

function withoutLogin(settings: VaultSettings): VaultSettings {
  const { keyFile: _, passwordFile: __, passwordCommand: ___, encrypted: ____, ...others } = settings;
  return others;
}

/** `file:` says of a path that it is one. */
function pathOfFile(location: string): string {
  return location.replace(/^file:(?:\/\/(?=\/))?(?=\/)/, "");
}

export const LOGIN_VARIABLES = {
  keyFile: "BACKUP_TOOL_KEY_FILE",
  passwordFile: "BACKUP_TOOL_PASSWORD_FILE",
  passwordCommand: "BACKUP_TOOL_PASSWORD_COMMAND",
} as const;

/** @throws BadUsage if several are set */
function loginOfVariables(env: PlaceWorld["env"], absolute: PlaceWorld["absolute"]): LoginSettings {
  const set = Object.values(LOGIN_VARIABLES).filter((name) => env(name) !== undefined);
  if (set.length > 1) {
    throw new BadUsage(
      `The variables ${set.join(" and ")} can't be set together`,
      "Set the one that opens the vault",
    );
  }
  const keyFile = env(LOGIN_VARIABLES.keyFile), passwordFile = env(LOGIN_VARIABLES.passwordFile);
  return defined<LoginSettings>({
    keyFile: keyFile === undefined ? undefined : absolute(keyFile),
    passwordFile: passwordFile === undefined ? undefined : absolute(passwordFile),
    passwordCommand: env(LOGIN_VARIABLES.passwordCommand),
    encrypted: undefined,
  });
}
