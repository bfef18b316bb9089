/** Where a repository lies, as people say it. */
import { textOf } from "../../core/raw.ts";
import { hasScheme, type NamedVault, type VaultSettings } from "../../operations/vaults/vault_settings.ts";
import { absolutePath } from "../settings/paths.ts";
import { settingsOfVault, type VaultOptions } from "../settings/vault_options.ts";
import type { LoadedConfig } from "../settings/settings.ts";
import type { World } from "../world.ts";

export interface Place {
  /** An absolute path, or `scheme:...`. */
  readonly location: string;
  /** In the configuration. */
  readonly name?: string;
  /** What counts if it is a vault. */
  readonly settings: VaultSettings;
}

/** What a text is understood by. */
export interface PlaceContext {
  readonly world: World;
  readonly loaded: LoadedConfig;
}

/** @throws BadUsage */
export function placeOf(
  text: string,
  options: VaultOptions,
  { world, loaded }: PlaceContext,
): Place {
  const { vaults = {} } = loaded.config;
  const named: NamedVault | undefined = Object.hasOwn(vaults, text) ? vaults[text] : undefined;
  const { location, ...fromFile } = named ?? { location: hasScheme(text) ? text : textOf(absolutePath(world, text)) };
  const settings = settingsOfVault(options, fromFile, world);
  return { location: pathOfFile(location), settings, ...(named !== undefined && { name: text }) };
}

/** `file:` says of a path that it is one. */
function pathOfFile(location: string): string {
  return location.replace(/^file:(?:\/\/(?=\/))?(?=\/)/, "");
}
