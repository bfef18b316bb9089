/** Locations of repositories on the command line. */
import { textOf } from "../../core/raw.ts";
import { type Place, placeNamed } from "../../operations/vaults/place.ts";
import { absolutePath } from "../settings/paths.ts";
import type { LoadedConfig } from "../settings/settings.ts";
import { settingsOfOptions, type VaultOptions } from "../settings/vault_options.ts";
import type { World } from "../world.ts";

/** What is needed to interpret a location. */
export interface PlaceContext {
  readonly world: World;
  readonly loaded: LoadedConfig;
}

/** The repository that a text stands for. @throws BadUsage */
export function placeOf(text: string, options: VaultOptions, { world, loaded }: PlaceContext): Place {
  return placeNamed(text, settingsOfOptions(options, world), {
    vaults: loaded.config.vaults ?? {},
    env: (name) => world.env(name),
    absolute: (path) => textOf(absolutePath(world, path)),
  });
}
