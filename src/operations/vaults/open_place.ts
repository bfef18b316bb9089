/** Opens the place of an existing or new vault. */
import type { Backend } from "../../backend/backend.ts";
import { type CredentialSource, openBackend } from "../../backend/open.ts";
import { defined } from "../../core/defined.ts";
import type { Monitor } from "../../core/monitor.ts";
import type { Machine } from "../../platform/machine.ts";
import type { SecretWorld } from "./login.ts";
import type { LinkSettings } from "./vault_settings.ts";

export interface PlaceOptions {
  readonly settings: LinkSettings;
  readonly secrets: Pick<SecretWorld, "env">;
  readonly monitor: Pick<Monitor, "notice">;
  /** After an abort, what fails is not tried again. */
  readonly signal?: AbortSignal;
  /** Create the place if it is missing. */
  readonly create?: boolean;
}

/** Opens the place for a vault's objects, with its settings. @throws BadUsage, DiskFault */
export async function openPlace(
  machine: Machine,
  location: string,
  { settings, secrets, monitor, signal, create = false }: PlaceOptions,
): Promise<Backend> {
  const { disk, random, clock } = machine, { connections, limitUpload, limitDownload } = settings;
  return await openBackend(location, {
    disk,
    random,
    clock,
    create,
    credentials: defined<CredentialSource>({
      file: settings.credentialsFile,
      command: settings.credentialsCommand,
      env: (name) => secrets.env(name),
    }),
    ...(connections !== undefined && { connections }),
    ...(signal !== undefined && { signal }),
    limits: defined<{ upload?: number; download?: number }>({ upload: limitUpload, download: limitDownload }),
    onRetry: ({ message }, waitMs) => monitor.notice(`${message}; trying again in ${Math.ceil(waitMs / 1000)} s`),
  });
}
