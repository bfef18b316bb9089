/** backup-tool serve */
import { type Command, Option } from "commander";
import type { Define } from "./command.ts";
import { EXIT, exitForJobs } from "../session/exit.ts";
import type { Session } from "../session/session.ts";
import { addListenOptions, type ListenOptions } from "../settings/listen_options.ts";
import { examples, parsePositive, reading, workersOption } from "../settings/options.ts";
import { absolutePath } from "../settings/paths.ts";
import { withServeConfig } from "../settings/serve_schema.ts";
import { lockDirectory } from "../settings/state_directory.ts";
import type { WebServer } from "../session/web_server.ts";
import { BadUsage, Fault } from "../../core/fault.ts";
import { bytesOf, rawOf, textOf } from "../../core/raw.ts";
import { parseRate, parseSize } from "../../core/size_text.ts";
import type { Log, LogFormat } from "../../jobs/log/log.ts";
import type { ServiceOptions } from "../../jobs/service/service.ts";
import type { ThreadSetup } from "../../jobs/service/thread.ts";
import type { ServiceManager } from "../../platform/own_program.ts";
import type { HookSet } from "../../operations/hooks/hook_set.ts";
import type { SecretWorld } from "../../operations/vaults/login.ts";
import type { Machine } from "../../platform/machine.ts";

interface ServeOptions extends ListenOptions {
  readonly jobs?: string;
  readonly tmp?: string;
  readonly once?: boolean;
  readonly log?: string;
  readonly logFormat?: LogFormat;
  readonly logSize: number;
  readonly scanEvery: number;
  readonly keepHistory: number;
  readonly nice: "lowest" | "off";
  readonly limit?: number;
  readonly pause: number;
  readonly workers?: number;
  readonly install?: ServiceManager | true;
}

const USUAL_LOG_BYTES = 10 * 1024 * 1024;
const USUAL_SCAN_SECONDS = 10;
const USUAL_HISTORY_DAYS = 400;
const NOTIFY_SOCKET = "NOTIFY_SOCKET", WATCHDOG_USEC = "WATCHDOG_USEC";

export const defineServe: Define = (program, act) => {
  const command = withOptions(program.command("serve"));
  command.action(() =>
    act(command, async (session) => {
      const options = withServeConfig(command.opts<ServeOptions>(), session.loaded.config.serve);
      if (options.install !== undefined) {
        const { install } = await import("../install/install.ts");
        return await install(session, command, options.install === true ? undefined : options.install);
      }
      using held = new DisposableStack();
      // It would tell every now and then how far it is, of something that has no end.
      session.monitor[Symbol.dispose]();
      const { jobs } = options;
      if (jobs === undefined) return await serveWithoutJobs(session, options, held);
      if (options.once && options.listen !== undefined) {
        throw new BadUsage("`--once` ends when the jobs are done, `--listen` never", "Leave one of them out");
      }
      const { serve } = await import("../../jobs/service/service.ts");
      const own = await serviceOptions(session, { ...options, jobs }, held);
      await using server = await serverOf(session, options, own.log);
      const service = { ...own, ...(server !== undefined && { log: server.log, onProgress: server.onProgress }) };
      await undoWhatWasLeft(session, service);
      const { notifierIfAny } = await import("../session/notifications.ts");
      await using notifier = await notifierIfAny(session, service.log, server !== undefined);
      const notices = notifier && { notifier, host: session.world.host(), expect: session.loaded.config.expect ?? {} };
      const result = await serve({ ...service, ...(notices !== undefined && { notices }) });
      if (options.once) await notifier?.send();
      if (!options.once) return EXIT.done;
      session.result({ jobs: result.entries, postponed: result.postponed ?? null }, []);
      if (result.interrupted) return EXIT.interrupted;
      return exitForJobs(result.entries.map(({ outcome }) => outcome), result.postponed?.code);
    })
  );
};

/** Serves only pages, without jobs. */
async function serveWithoutJobs(session: Session, options: ServeOptions, held: DisposableStack): Promise<number> {
  if (options.listen === undefined) {
    throw new BadUsage(
      "There is nothing to serve",
      "Name a directory of jobs with `--jobs`, or an address with `--listen`",
    );
  }
  const { signal } = session, stopped = Promise.withResolvers<void>();
  const log = await makeLog(session, options, await session.ownMachine(), held);
  await using _server = await serverOf(session, options, log);
  if (signal.aborted) return EXIT.done;
  signal.addEventListener("abort", () => stopped.resolve(), { once: true });
  await stopped.promise;
  return EXIT.done;
}

async function serverOf(session: Session, options: ServeOptions, log: Log): Promise<WebServer | undefined> {
  if (options.listen === undefined) return undefined;
  const { startWebServer } = await import("../session/web_server.ts");
  const jobs = options.jobs === undefined ? undefined : textOf(absolutePath(session.world, options.jobs));
  return await startWebServer(session, options, { jobs, log });
}

function withOptions(command: Command): Command {
  return addListenOptions(command)
    .summary("run the jobs in a directory")
    .description(
      "Run the job files (*.json, *.jsonc) in a directory, one after the other, in the order of " +
        "their names. A job file is removed when its work is done. Jobs in DIR/recurring/ run on a schedule. " +
        "An interrupted run is finished by the next one.",
    )
    .option("-j, --jobs <DIR>", "the job directory; created if it does not exist")
    .option("--once", "run the jobs that are there, then exit with the status of the worst")
    .option("--tmp <DIR>", "directory to prepare imports in, on the file system of the storage (default: its tmp/)")
    .option("--log <FILE>", "also write the log to FILE")
    .addOption(
      new Option("--log-format <FORMAT>", "format of the log (default: text; with --json: json)")
        .choices(["text", "json"]),
    )
    .addOption(
      new Option("--log-size <SIZE>", "start a new log file at this size; five old ones are kept")
        .argParser(reading(parseSize)).default(USUAL_LOG_BYTES, "10 MiB"),
    )
    .addOption(
      new Option("--scan-every <SECONDS>", "look for jobs that often, if the system does not report new ones")
        .argParser(parsePositive).default(USUAL_SCAN_SECONDS),
    )
    .addOption(
      new Option("--keep-history <DAYS>", "how long to keep the job history")
        .argParser(parsePositive).default(USUAL_HISTORY_DAYS),
    )
    .addOption(
      new Option("--nice <HOW>", "priority for processor and disk").choices(["lowest", "off"]).default("lowest"),
    )
    .addOption(
      new Option("--limit <RATE>", "limit reading to that much per second: 20MB/s").argParser(reading(parseRate)),
    )
    .addOption(
      new Option("--pause <MS>", "pause that many milliseconds after each MiB read").argParser(parsePositive)
        .default(0, "none"),
    )
    .addOption(workersOption())
    .addOption(
      new Option("--install [HOW]", "show what has the system start this by itself, and how to undo it").choices([
        "systemd",
        "launchd",
        "task-scheduler",
        "cron",
      ]),
    )
    .option("--yes", "with --install: also write it")
    .addHelpText(
      "after",
      examples(
        "backup-tool serve --jobs /volume1/jobs -s /volume1/storage",
        "backup-tool serve --jobs /volume1/jobs --limit 20MB/s --log backup.log",
        "backup-tool serve --jobs /volume1/jobs --once",
        "backup-tool serve --jobs /volume1/jobs -s /volume1/storage --install",
        "backup-tool serve --jobs /volume1/jobs --listen",
        "backup-tool serve -s /mnt/usb/vault --listen 0.0.0.0:8480 --tls self-signed",
      ),
    );
}

async function serviceOptions(
  session: Session,
  options: ServeOptions & { readonly jobs: string },
  held: DisposableStack,
): Promise<ServiceOptions> {
  const { world } = session;
  const machine = await session.ownMachine();
  const jobs = absolutePath(world, options.jobs);
  const log = await makeLog(session, options, machine, held);
  const [{ newThrottle }, { givenUmask }] = await Promise.all([
    import("../../platform/throttle.ts"),
    import("../../platform/umask.ts"),
  ]);
  const setup = {
    host: world.host(),
    user: world.user(),
    workers: session.workers(options.workers),
    lockState: await lockDirectory(session.world),
    vaults: session.loaded.config.vaults ?? {},
    hooks: await hooksOf(session),
    nice: options.nice === "lowest",
    throttle: options.limit === undefined && options.pause === 0
      ? undefined
      : newThrottle(options.limit, options.pause),
  };
  const { JobThread, SameThread } = await import("../../jobs/service/thread.ts");
  return {
    machine,
    places: {
      jobs,
      storage: await session.storagePath("keep the history of jobs in it"),
      temp: options.tmp === undefined ? undefined : absolutePath(world, options.tmp),
    },
    log,
    once: options.once ?? false,
    scanMs: options.scanEvery * 1000,
    historyDays: options.keepHistory,
    makeRunner: (places, onProgress) => {
      const whole: ThreadSetup = { ...setup, places, state: machine.state ?? [], umask: givenUmask() };
      if (machine.workerScript === undefined) {
        return new SameThread({ ...setup, machine, log, onProgress, secrets: secretsOf(session) }, places);
      }
      return new JobThread(machine.workerScript, whole, log, onProgress);
    },
    ...await systemOf(session),
    signal: session.signal,
  };
}

/** Hooks for all jobs. @throws UntrustedCommands */
async function hooksOf(session: Session): Promise<readonly HookSet[]> {
  if (session.loaded.config.hooks === undefined) return [];
  const { trustedHooks } = await import("../session/command_hooks.ts");
  return trustedHooks(session);
}

/** Sources of secrets; there is no user to ask. */
function secretsOf({ secrets }: Session): SecretWorld {
  return { ...secrets, askSecret: () => Promise.resolve(undefined) };
}

/** Undoes locks that killed backups left: a service that was stopped for one must not wait for the next backup. */
async function undoWhatWasLeft(session: Session, { machine, log }: ServiceOptions): Promise<void> {
  const [{ undoLeftOver }, { runStep }] = await Promise.all([
    import("../../operations/backup/locked_backup.ts"),
    import("../../source/lock/act.ts"),
  ]);
  const problem = ({ message }: Error) => log({ level: "warning", event: "not-recovered", message });
  const notice = (message: string) => log({ level: "info", event: "recovered", message });
  try {
    const state = await lockDirectory(session.world);
    await undoLeftOver({ disk: machine.disk, run: runStep, state }, { notice, problem });
  } catch (error) {
    // Jobs that lock nothing have nothing to do with it.
    if (!(error instanceof Fault)) throw error;
    problem(error);
  }
}

/** A log to standard error, and to a file if one is given. */
async function makeLog(session: Session, options: ServeOptions, machine: Machine, held: DisposableStack): Promise<Log> {
  const [{ logLine, SETUP_EVENT }, { LogFile }] = await Promise.all([
    import("../../jobs/log/log.ts"),
    import("../../jobs/log/log_file.ts"),
  ]);
  const { world, options: { quiet, json = false } } = session;
  const format = options.logFormat ?? (json ? "json" : "text");
  const path = options.log === undefined ? undefined : absolutePath(world, options.log);
  const file = path === undefined ? undefined : held.use(new LogFile(machine.disk, path, options.logSize));
  return (event) => {
    const line = logLine(event, world.clock.nowMs(), format);
    if (!quiet || event.level !== "info") quietly(() => world.stderr.write(bytesOf(rawOf(line))));
    if (event.event !== SETUP_EVENT) quietly(() => file?.write(line));
  };
}

/** Writes to the log. A full disk, or a closed output, must not stop the jobs: the history records their outcomes. */
function quietly(write: () => void): void {
  try {
    write();
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
  }
}

/** Connects to the service manager: its signals, and reports to it. */
async function systemOf({ world }: Session): Promise<Pick<ServiceOptions, "listen" | "notify" | "watchdogMs">> {
  const [{ watchDirectory }, { onHangup }, { notifyManager }] = await Promise.all([
    import("../../platform/watch.ts"),
    import("../../platform/system.ts"),
    import("../../platform/service_manager.ts"),
  ]);
  const socket = world.env(NOTIFY_SOCKET), watchdog = Number(world.env(WATCHDOG_USEC));
  return {
    listen: (path, look) => {
      using held = new DisposableStack();
      const watch = held.use(watchDirectory(path, look));
      held.use(onHangup(look));
      const kept = held.move();
      return {
        get hears() {
          return watch.hears;
        },
        [Symbol.dispose]: () => kept.dispose(),
      };
    },
    notify: (state) => void (socket !== undefined && notifyManager(socket, state)),
    watchdogMs: watchdog > 0 ? watchdog / 1000 : undefined,
  };
}
