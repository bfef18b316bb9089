/** Servers as sources of backups: their settings, and how they are opened. */
import { defined } from "../../core/defined.ts";
import { BadUsage } from "../../core/fault.ts";
import type { Monitor } from "../../core/monitor.ts";
import type { CredentialSource } from "../../backend/credentials.ts";
import { openRemoteTree } from "../../backend/open_tree.ts";
import type { RemoteTree } from "../../backend/remote_tree.ts";
import type { Machine } from "../../platform/machine.ts";
import type { RemoteSource } from "../settings/source_schema.ts";
import type { RemoteBackupRequest } from "./remote_backup.ts";
import type { BackupRequest } from "../backup/backup_request.ts";

/** Credentials of sources, where those of the vault are others. */
const CREDENTIALS_FILE = "BACKUP_TOOL_SOURCE_CREDENTIALS_FILE";

/**
 * Opens a server as a source.
 * @param env looks up a variable of this process
 * @throws BadUsage if it can't be a source; BadCredentials, ExposedSecret
 */
export async function openSource(
  { location, credentialsFile, credentialsCommand, limitDownload }: RemoteSource,
  { disk, random, clock }: Machine,
  env: (name: string) => string | undefined,
  monitor: Monitor,
): Promise<RemoteTree> {
  const isSaid = credentialsFile !== undefined || credentialsCommand !== undefined;
  return await openRemoteTree(location, {
    disk,
    random,
    clock,
    credentials: defined<CredentialSource>({
      env,
      file: isSaid ? credentialsFile : env(CREDENTIALS_FILE),
      command: credentialsCommand,
    }),
    ...(limitDownload !== undefined && { limits: { download: limitDownload } }),
    onRetry: ({ message }, waitMs) => monitor.notice(`${message}; trying again in ${Math.ceil(waitMs / 1000)} s`),
  });
}

/**
 * The part of a backup's request that applies to a server.
 * @throws BadUsage for settings that a server doesn't support
 */
export function remoteRequest(request: BackupRequest): RemoteBackupRequest {
  const { name, host, user, tags, excludes, largestBytes, detection, job, workers, signal } = request;
  if (request.statics !== undefined && request.statics.length > 0) {
    throw new BadUsage("`static` is for files of this machine", "Leave it out for a server");
  }
  const { checkpointMs, checkpointBytes, skipIfUnchanged } = request, force = detection?.force;
  return {
    ...defined<Partial<RemoteBackupRequest>>({ name, largestBytes, force, job, checkpointMs, checkpointBytes }),
    ...(skipIfUnchanged && { skipIfUnchanged }),
    host,
    user,
    tags,
    excludes,
    workers,
    signal,
  };
}
