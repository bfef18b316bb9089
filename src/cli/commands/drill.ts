/** backup-tool drill */
import { Argument, Option } from "commander";
import { defined } from "../../core/defined.ts";
import { parseSize, pluralText, type SizeText } from "../../core/size_text.ts";
import type { DrillRequest, DrillResult, SeriesDrill } from "../../operations/drill/drill.ts";
import { EXIT } from "../session/exit.ts";
import { examples, reading, workersOption } from "../settings/options.ts";
import { absolutePath } from "../settings/paths.ts";
import { temporaryDirectory } from "../settings/temporary_directory.ts";
import type { Define } from "./command.ts";

interface DrillOptions {
  readonly sample: number;
  readonly name?: string;
  readonly tmp?: string;
  readonly workers?: number;
}

const USUAL_BYTES = 1024 ** 3;

export const defineDrill: Define = (program, act) => {
  const command = program.command("drill")
    .summary("test whether files can be restored, by restoring some")
    .description(
      "Restore randomly chosen files of each series into a temporary directory, and compare them " +
        "with what was backed up, and with the source where that is unchanged. `stats` and `check --status` show when " +
        "each series last passed. The exit status is 3 if anything was not restored as it was.",
    )
    .addOption(
      new Option("--sample <SIZE>", "restore at most that much").argParser(reading(parseSize))
        .default(USUAL_BYTES, "1G"),
    )
    .addArgument(new Argument("[SIZE]", "same as --sample").argParser(reading(parseSize)))
    .option("--name <NAME>", "only the series with this name")
    .option("--tmp <DIR>", "temporary directory (default: $TMPDIR)")
    .addOption(workersOption())
    .addHelpText(
      "after",
      examples("backup-tool drill -s /mnt/disk/storage", "backup-tool drill -s offsite --sample 200M --name photos"),
    );
  command.action((size?: number) =>
    act(command, async (session) => {
      const { sample, name, tmp, workers } = command.opts<DrillOptions>(), bytes = size ?? sample;
      const repository = await session.openRepository(), { world } = session;
      const { drill } = await import("../../operations/drill/drill.ts");
      const request = defined<DrillRequest>({
        bytes,
        name,
        temp: absolutePath(world, tmp ?? temporaryDirectory(world)),
        host: world.host(),
        workers: session.workers(workers),
        signal: session.signal,
      });
      const result = await drill(repository, request, session.monitor);
      session.result(result, resultLines(result, session.sizeText));
      return result.failed > 0 || session.monitor.problems > 0 ? EXIT.someFailed : EXIT.done;
    }, { hooks: true })
  );
};

function resultLines({ series, files, bytes }: DrillResult, sizeText: SizeText): string[] {
  const proven = series.filter(({ outcome }) => outcome === "proven").length;
  const restored = `${pluralText(files, "file")} (${sizeText(bytes)}) came back as they were`;
  return [
    ...series.map((one) => `  ${one.host}:${one.name}  ${outcomeText(one, sizeText)}`),
    `Proved ${proven} of ${pluralText(series.length, "series", "series")}: ${restored}`,
  ];
}

function outcomeText({ outcome, files, bytes, compared, failed }: SeriesDrill, sizeText: SizeText): string {
  if (outcome === "untested") return "not tested: no file is small enough, or there is none";
  const good = `${pluralText(files, "file")} (${sizeText(bytes)}) as they were, ${compared} compared with the source`;
  return outcome === "proven" ? `proven: ${good}` : `FAILED: ${pluralText(failed, "file")}; ${good}`;
}
