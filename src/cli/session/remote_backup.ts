/** `backup dav:...`, `s3:...`, `sftp:...`: files of a server, into a storage or a vault. */
import { BadUsage } from "../../core/fault.ts";
import { defined } from "../../core/defined.ts";
import { type CredentialSource } from "../../backend/credentials.ts";
import { isRemote } from "../../backend/open.ts";
import type { RemoteBackupRequest } from "../../operations/remote_sources/remote_backup.ts";
import type { OpenedRepository } from "../../operations/opened.ts";
import type { BackedUp } from "../../operations/backup/unchanged.ts";
import { type BackupOptions, hasOtherSources, lockFor, requestFor } from "./backup_request.ts";
import type { LockOptions } from "../settings/lock_options.ts";
import type { Session } from "./session.ts";

/** Credentials of sources, where those of the vault are others. */
const CREDENTIALS_FILE = "BACKUP_TOOL_SOURCE_CREDENTIALS_FILE";

/** The location of a server that is to be backed up; undefined if the words name none. @throws BadUsage */
export function remoteSource(words: readonly string[], options: BackupOptions & LockOptions): string | undefined {
  const location = words.find(isRemote);
  if (location === undefined) return undefined;
  if (words.length > 1 || hasOtherSources(options)) {
    throw new BadUsage(
      "Files of a server make a snapshot of their own",
      "Use a command for each server, and one for directories",
    );
  }
  return location;
}

/** @throws BadUsage, MissingTree, and what requests may throw */
export async function backUpLocation(
  repository: OpenedRepository,
  location: string,
  options: BackupOptions & LockOptions,
  session: Session,
): Promise<BackedUp> {
  const [{ openRemoteTree }, { backUpRemote }] = await Promise.all([
    import("../../backend/open_tree.ts"),
    import("../../operations/remote_sources/remote_backup.ts"),
  ]);
  const chosen = { name: undefined, sources: [], settings: session.loaded.config.defaults ?? {} };
  if (lockFor(chosen, options, session) !== undefined) {
    throw new BadUsage("A server can't be held still from here", "Leave out the lock");
  }
  const { disk, random, clock } = await session.machine(), { world, monitor } = session;
  const { limitDownload } = session.options;
  await using tree = await openRemoteTree(location, {
    disk,
    random,
    clock,
    credentials: defined<CredentialSource>({ env: (name) => world.env(name), file: world.env(CREDENTIALS_FILE) }),
    ...(limitDownload !== undefined && { limits: { download: limitDownload } }),
    onRetry: ({ message }, waitMs) => monitor.notice(`${message}; trying again in ${Math.ceil(waitMs / 1000)} s`),
  });
  return await backUpRemote(repository, tree, requestOf(requestFor(chosen, options, session)), monitor);
}

function requestOf(request: ReturnType<typeof requestFor>): RemoteBackupRequest {
  const { name, host, user, tags, excludes, detection, checkpointMs, checkpointBytes, workers, signal } = request;
  const { skipIfUnchanged } = request;
  return {
    ...defined<Pick<RemoteBackupRequest, "name" | "force" | "checkpointMs" | "checkpointBytes">>({
      name,
      force: detection?.force,
      checkpointMs,
      checkpointBytes,
    }),
    host,
    user,
    tags,
    excludes,
    workers,
    signal,
    ...(skipIfUnchanged && { skipIfUnchanged }),
  };
}
