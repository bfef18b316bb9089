/** `backup dav:...`, `s3:...`, `sftp:...`: backs up a server's files into a storage or a vault. */
import { BadUsage } from "../../core/fault.ts";
import type { BackedUp } from "../../operations/backup/unchanged.ts";
import type { OpenedRepository } from "../../operations/opened.ts";
import type { RemoteSource } from "../../operations/settings/source_schema.ts";
import { type BackupOptions, type Chosen, lockFor, requestFor } from "./backup_request.ts";
import type { LockOptions } from "../settings/lock_options.ts";
import type { Session } from "./session.ts";

/** Backs up the server's files. @throws BadUsage, MissingTree, and the faults of requests */
export async function backUpServer(
  repository: OpenedRepository,
  server: RemoteSource,
  { chosen, options, session }: {
    readonly chosen: Chosen;
    readonly options: BackupOptions & LockOptions;
    readonly session: Session;
  },
): Promise<BackedUp> {
  const [{ openSource, remoteRequest }, { backUpRemote }] = await Promise.all([
    import("../../operations/remote_sources/remote_source.ts"),
    import("../../operations/remote_sources/remote_backup.ts"),
  ]);
  if (lockFor(chosen, options, session) !== undefined) {
    throw new BadUsage("A server's files can't be locked from here", "Omit the lock options");
  }
  const { world, monitor, options: { limitDownload } } = session;
  const source = limitDownload === undefined ? server : { ...server, limitDownload };
  await using tree = await openSource(source, await session.machine(), (name) => world.env(name), monitor);
  return await backUpRemote(repository, tree, remoteRequest(requestFor(chosen, options, session)), monitor);
}
