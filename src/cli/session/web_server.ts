/** Starts the server of `serve --listen`, beside the jobs if there are any. */
import type { Session } from "./session.ts";
import { notifierIfAny } from "./notifications.ts";
import { listeningOf, type ListenOptions } from "../settings/listen_options.ts";
import { accountDirectory, lockDirectory } from "../settings/state_directory.ts";
import { absolutePath } from "../settings/paths.ts";
import { BadUsage } from "../../core/fault.ts";
import { isBelow, rawOf } from "../../core/raw.ts";
import type { Log } from "../../jobs/log/log.ts";
import type { JobProgress } from "../../jobs/run/job_monitor.ts";
import type { Place } from "../../operations/vaults/place.ts";
import { USUAL_WARN } from "../../server/alerts/alerts.ts";
import { VaultDesk } from "../../server/vaults/vault_desk.ts";
import { openRepository } from "../../operations/open.ts";
import type { Machine } from "../../platform/machine.ts";
import { hasScheme } from "../../operations/vaults/vault_settings.ts";
import { ObjectStore } from "../../server/object_store/object_store.ts";
import { LiveDesk } from "../../server/jobs/live_desk.ts";
import type { Reader } from "../../server/reader/reader.ts";
import { RepositoryReader } from "../../server/reader/repository_reader.ts";
import { ThreadReader } from "../../server/reader/thread_reader.ts";
import { type RunningServer, startServer } from "../../server/serve.ts";

export interface WebServer extends RunningServer {
  /** Receives the log of the jobs. */
  readonly log: Log;
  /** Receives the progress of the job. */
  readonly onProgress: (progress: JobProgress) => void;
}

/**
 * Starts the server. @param jobs path of the job directory @throws PortTaken, CannotListen, BadUsage, and the faults of
 * opening a repository
 */
export async function startWebServer(
  session: Session,
  options: ListenOptions,
  { jobs, log }: { readonly jobs: string | undefined; readonly log: Log },
): Promise<WebServer> {
  await using held = new AsyncDisposableStack();
  const { world, place } = session, machine = await session.ownMachine();
  const reader = held.use(readerOf(session, machine));
  await reader.list();
  const desk = jobs === undefined ? undefined : new LiveDesk(machine, rawOf(jobs));
  const { disk, clock, random } = machine;
  const objects = options.objects === undefined ? undefined : held.use(objectStore(session, machine, options));
  const notifier = await notifierIfAny(session, log, true), notices = notifier && { notifier, host: world.host() };
  if (notifier !== undefined) held.use(notifier);
  const server = held.use(
    await startServer({
      ...listeningOf(options, world),
      host: world.host(),
      directory: await accountDirectory(world, jobs),
      site: {
        disk,
        clock,
        random,
        log,
        reader,
        location: place.location,
        jobs: desk,
        restoreBelow: (options.restoreBelow ?? []).map((path) => absolutePath(world, path)),
        sourcesBelow: (options.sourcesBelow ?? []).map((path) => absolutePath(world, path)),
        own: [
          ...hasScheme(place.location) ? [] : [rawOf(place.location)],
          ...jobs === undefined ? [] : [rawOf(jobs)],
          ...machine.state ?? [],
        ],
        mayRemove: options.webRemove === true,
        host: world.host(),
        locks: await lockDirectory(world),
        warn: { ...USUAL_WARN, ...options.warn },
        ...(objects !== undefined && { objects }),
        vaults: new VaultDesk(reader, clock, vaultPlaces(session)),
        ...(notices !== undefined && { notices }),
      },
    }),
  );
  const all = held.move();
  return {
    addresses: server.addresses,
    log: (event) => {
      desk?.hear(event);
      log(event);
    },
    onProgress: (progress) => desk?.hearProgress(progress),
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  };
}

function vaultPlaces({ loaded: { config: { vaults = {} } } }: Session): ReadonlyMap<string, string> {
  return new Map(Object.entries(vaults).map(([name, { location }]) => [name, location]));
}

/**
 * Opens the object store. @throws BadUsage if its directory is inside the storage or around it; DiskFault if it doesn't
 * exist: its disk may not be mounted
 */
function objectStore({ world, place }: Session, { disk }: Machine, options: ListenOptions): ObjectStore {
  const { objects = "", appendOnly = false, maxSize } = options, path = absolutePath(world, objects);
  if (!hasScheme(place.location)) {
    const [own, other] = [disk.realPath(rawOf(place.location)), disk.realPath(path)];
    if (own === other || isBelow(own, other) || isBelow(other, own)) {
      throw new BadUsage(
        `Repositories of other machines can't be kept in ${JSON.stringify(objects)}: the storage is there`,
        "Name another directory with `--objects`",
      );
    }
  }
  return new ObjectStore({ disk, path, appendOnly, ...(maxSize !== undefined && { mostBytes: maxSize }) });
}

function readerOf(session: Session, machine: Machine): Reader & AsyncDisposable {
  const { place, world, loaded: { config: { vaults = {} } } } = session;
  if (machine.workerScript !== undefined) {
    const { location, settings } = place;
    return new ThreadReader(machine.workerScript, {
      location,
      settings,
      host: world.host(),
      state: machine.state ?? [],
      vaults,
    }, machine.clock);
  }
  const open = (place: Place) => openRepository(machine, place.location, session.monitor, session.login(place));
  return new RepositoryReader(() => open(place), (name) => {
    const vault = vaults[name];
    if (vault === undefined) return open(session.placeOf(name));
    const { location, ...settings } = vault;
    return open({ location, settings });
  });
}
