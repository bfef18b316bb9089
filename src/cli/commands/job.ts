/** backup-tool job check, job schema, job history, job retry */
import { shortId } from "../../core/short_id.ts";
import { InvalidArgumentError, Option } from "commander";
import type { Clock } from "../../core/clock.ts";
import { BadUsage, Fault } from "../../core/fault.ts";
import type { Complaint } from "../../core/jsonc.ts";
import { rawOf, textOf } from "../../core/raw.ts";
import { pluralText } from "../../core/size_text.ts";
import { durationText, localTimeText } from "../../core/time_text.ts";
import type { HistoryEntry } from "../../jobs/state/stored_state.ts";
import { EXIT } from "../session/exit.ts";
import { examples } from "../settings/options.ts";
import { absolutePath, readNamedFile } from "../settings/paths.ts";
import type { Session } from "../session/session.ts";
import type { Define } from "./command.ts";

export const defineJob: Define = (program, act) => {
  const job = program.command("job")
    .helpCommand(false)
    .summary("validate job files and show the job history")
    .description("Validate job files of `backup-tool serve` and show the job history.");
  defineCheck(job, act);
  defineSchema(job, act);
  defineHistory(job, act);
  defineRetry(job, act);
};

interface JobFileReport {
  readonly file: string;
  readonly valid: boolean;
  readonly problems: readonly Complaint[];
}

const defineCheck: Define = (job, act) => {
  const command = job.command("check")
    .summary("validate job files")
    .description(
      "Validate job files as `backup-tool serve` would, and report errors with line and column; nothing is run. A file in " +
        "a directory called `recurring` must have a schedule. The exit status is 3 if something is wrong.",
    )
    .argument("<FILE...>", "job files")
    .option("--recurring", "treat the files as recurring jobs, wherever they are")
    .addHelpText(
      "after",
      examples(
        "backup-tool job check /volume1/jobs/photos.jsonc",
        "backup-tool job check jobs/recurring/*.jsonc --json",
      ),
    );
  command.action((files: readonly string[]) =>
    act(command, async (session) => {
      const { recurring = false } = command.opts<{ readonly recurring?: boolean }>();
      const { MOST_BYTES, parseJob, parseRecurringJob } = await import("../../jobs/schema/job_file.ts");
      const reports = files.map((file): JobFileReport => {
        const isRecurring = recurring || /(?:^|[\\/])recurring[\\/][^\\/]+$/.test(file);
        const parse = (text: string) =>
          isRecurring ? parseRecurringJob(text, session.world.clock.nowMs()) : parseJob(text);
        const problems = problemsOf(session, file, parse, MOST_BYTES + 1);
        return { file, valid: problems.length === 0, problems };
      });
      await print(session, reports);
      return reports.every(({ valid }) => valid) ? EXIT.done : EXIT.someFailed;
    })
  );
};

function problemsOf(
  session: Session,
  file: string,
  parse: (text: string) => { readonly problems: readonly Complaint[] },
  mostBytes: number,
): readonly Complaint[] {
  try {
    return parse(readNamedFile(session.world, file, mostBytes)).problems;
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    return [{ line: 1, column: 1, message: error.message }];
  }
}

/** Prints the complaints. They are the result, so `--quiet` shows them too. */
async function print(session: Session, reports: readonly JobFileReport[]): Promise<void> {
  if (session.options.json) return session.out.jsonArray(reports);
  const { complaintText } = await import("../../core/jsonc.ts");
  for (const { file, problems } of reports) {
    for (const problem of problems) session.out.line(`${file}:${complaintText(problem)}`);
  }
  const wrong = reports.filter(({ valid }) => !valid).length;
  if (session.options.quiet) return;
  session.out.line(
    wrong === 0
      ? `${pluralText(reports.length, "job")}: nothing wrong`
      : `${wrong} of ${pluralText(reports.length, "job")} can't be run`,
  );
}

const defineSchema: Define = (job, act) => {
  const command = job.command("schema")
    .summary("print the JSON Schema of job files")
    .description('Print the JSON Schema of job files, for editors: point "$schema" of a job file at where you keep it.')
    .option("--recurring", "schema of files in recurring/")
    .addHelpText("after", examples("backup-tool job schema > /volume1/jobs/schema/job.schema.json"));
  command.action(() =>
    act(command, async (session) => {
      const { recurring = false } = command.opts<{ readonly recurring?: boolean }>();
      const { jsonSchema } = await import("../../jobs/schema/schema.ts");
      session.out.json(jsonSchema(recurring ? "recurring" : "job"));
    })
  );
};

interface HistoryOptions {
  readonly last: number;
  readonly all?: boolean;
  readonly unhappy?: boolean;
}

const USUAL_LAST = 50;

const defineHistory: Define = (job, act) => {
  const command = job.command("history")
    .summary("show the job history, oldest first")
    .description("Show the outcome of the last jobs of a storage, oldest first. Times are local.")
    .addOption(new Option("--last <N>", "so many").argParser(parseCount).default(USUAL_LAST))
    .option("--all", "show all jobs in the history")
    .option("--unhappy", "only jobs that had problems, failed or were invalid")
    .addHelpText(
      "after",
      examples(
        "backup-tool job history -s /volume1/storage",
        "backup-tool job history --unhappy --json | jq -r '.[] | .name, .error.message'",
      ),
    );
  command.action(() =>
    act(command, async (session) => {
      const { last, all = false, unhappy = false } = command.opts<HistoryOptions>();
      const storage = await session.openStorage("show the history of jobs");
      const { readHistory } = await import("../../jobs/state/history.ts");
      const chosen: HistoryEntry[] = [];
      for (const entry of readHistory(storage, (fault) => session.monitor.problem(fault))) {
        if (unhappy && entry.outcome === "done") continue;
        chosen.push(entry);
        if (!all && chosen.length > last) chosen.shift();
      }
      if (session.options.json) return session.out.jsonArray(chosen);
      const rows = chosen.map((entry) => historyRow(entry, session.world.clock));
      session.table(HISTORY_COLUMNS, rows, unhappy ? "No job was unhappy" : "No job has ended yet");
    }, { output: true })
  );
};

interface RetryOptions {
  readonly jobs?: string;
  readonly force?: boolean;
  readonly dryRun?: boolean;
}

const defineRetry: Define = (job, act) => {
  const command = job.command("retry")
    .summary("put failed jobs into the job directory again")
    .description(
      "Put jobs that failed or had problems into the job directory again, as they were: their texts are in the history. " +
        "RUN is the id of a run, a beginning of it, or the name of a job for its last run.",
    )
    .argument("<RUN...>", "runs to repeat")
    .option("-j, --jobs <DIR>", "the job directory of `backup-tool serve`")
    .option("--force", "repeat runs without problems too")
    .option("-n, --dry-run", "change nothing; show which jobs would be put in")
    .addHelpText(
      "after",
      examples(
        "backup-tool job retry photos --jobs /volume1/jobs -s /volume1/storage",
        "backup-tool job retry 3f2a91b0 --jobs /volume1/jobs --dry-run",
      ),
    );
  command.action((names: readonly string[]) =>
    act(command, async (session) => {
      const { jobs, force = false, dryRun = false } = command.opts<RetryOptions>();
      if (jobs === undefined) throw new BadUsage("No job directory was given", "Name it with `--jobs DIR`");
      const [{ runNamed, retriedText, putAgain }, { readHistory }] = await Promise.all([
        import("../../jobs/queue/retry.ts"),
        import("../../jobs/state/history.ts"),
      ]);
      const storage = await session.openStorage("show the history of jobs"), { disk, random } = await session.machine();
      const history = [...readHistory(storage, (fault) => session.monitor.problem(fault))];
      const runs = new Set(names.map((name) => runNamed(name, history)));
      const chosen = [...runs].map((entry) => ({ entry, text: retriedText(entry, force) }));
      using directory = disk.openDir(absolutePath(session.world, jobs));
      const put = chosen.map(({ entry: { run, name }, text }) => {
        const file = dryRun ? rawOf(name) : putAgain(directory, { disk, random, name: rawOf(name), text });
        return { run, name, file: textOf(file) };
      });
      session.result(
        { dryRun, jobs: put },
        put.map(({ run, file }) => `${dryRun ? "Would put in" : "Put in"} ${file} (run ${run})`),
      );
    })
  );
};

function parseCount(text: string): number {
  const count = Number(text);
  if (/^\d{1,9}$/.test(text) && count > 0) return count;
  throw new InvalidArgumentError("Give a whole number above 0.");
}

const HISTORY_COLUMNS = [
  { title: "ENDED" },
  { title: "JOB" },
  { title: "KIND" },
  { title: "OUTCOME" },
  { title: "TOOK", right: true },
  { title: "WHAT", whole: true },
];

function historyRow(entry: HistoryEntry, clock: Clock): string[] {
  const { name, kind, outcome, start, end, error, problems, problemCount, snapshot } = entry;
  const endMs = Date.parse(end);
  const problem = problemCount > 0
    ? `${pluralText(problemCount, "problem")}: ${problems[0]?.message ?? "?"}`
    : undefined;
  return [
    localTimeText(endMs, clock.offsetMinutes(endMs)),
    name,
    kind ?? "-",
    outcome,
    durationText(endMs - Date.parse(start)),
    error?.message ?? problem ?? (snapshot === undefined ? "" : `snapshot ${shortId(snapshot)}`),
  ];
}
