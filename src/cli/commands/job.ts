/** backup-tool job check, backup-tool job schema */
import { Fault } from "../../core/fault.ts";
import type { Complaint } from "../../core/jsonc.ts";
import { pluralText } from "../../core/size_text.ts";
import { EXIT } from "../exit.ts";
import { examples } from "../options.ts";
import type { Session } from "../session.ts";
import type { Define } from "./command.ts";

export const defineJob: Define = (program, act) => {
  const job = program.command("job")
    .helpCommand(false)
    .summary("check job files, print their schema")
    .description("Check job files before `backup-tool serve` takes them, and print their schema.");
  defineCheck(job, act);
  defineSchema(job, act);
};

interface JobFileReport {
  readonly file: string;
  readonly valid: boolean;
  readonly problems: readonly Complaint[];
}

const defineCheck: Define = (job, act) => {
  const command = job.command("check")
    .summary("say what is wrong with job files")
    .description(
      "Say what is wrong with job files, with line and column, as `backup-tool serve` would; nothing is run. A file in " +
        "a directory called `recurring` must say when it is due. The exit status is 3 if something is wrong.",
    )
    .argument("<FILE...>", "job files")
    .option("--recurring", "they are jobs that recur, wherever they are")
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
      const { parseJob, parseRecurringJob } = await import("../../jobs/job_file.ts");
      const reports = files.map((file): JobFileReport => {
        const isRecurring = recurring || /(?:^|[\\/])recurring[\\/][^\\/]+$/.test(file);
        const problems = problemsOf(session, file, isRecurring ? parseRecurringJob : parseJob);
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
): readonly Complaint[] {
  try {
    return parse(session.world.readTextFile(file)).problems;
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    return [{ line: 1, column: 1, message: error.message }];
  }
}

/** What is wrong is the result: also `--quiet` shows it. */
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
    .option("--recurring", "of files in recurring/")
    .addHelpText("after", examples("backup-tool job schema > /volume1/jobs/schema/job.schema.json"));
  command.action(() =>
    act(command, async (session) => {
      const { recurring = false } = command.opts<{ readonly recurring?: boolean }>();
      const { jsonSchema } = await import("../../jobs/schema.ts");
      session.out.json(jsonSchema(recurring ? "recurring" : "job"));
    })
  );
};
