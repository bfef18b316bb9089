/** backup-tool tag */
import { InvalidArgumentError, Option } from "commander";
import { PIN, tagList } from "../../core/policy.ts";
import { examples } from "../settings/options.ts";
import { shortId } from "../../core/short_id.ts";
import type { Define } from "./command.ts";

interface TagOptions {
  readonly add?: readonly string[];
  readonly remove?: readonly string[];
  readonly pin?: boolean;
  readonly unpin?: boolean;
  readonly set?: readonly string[];
  readonly description?: string;
}

export const defineTag: Define = (program, act) => {
  const command = program.command("tag")
    .summary("change the tags of snapshots")
    .description(
      "Change the tags of snapshots. Tags choose what `forget --keep-tag` keeps. A snapshot with other tags has another " +
        "id; its tree, its time and what is in it stay as they are.",
    )
    .argument("<SNAPSHOT...>", "which snapshots")
    .option("--add <TAGS>", "add these tags, separated by commas (repeatable)", someTags)
    .option("--remove <TAGS>", "remove these tags (repeatable)", someTags)
    .option("--set <TAGS>", "replace all tags with these; '' for none (repeatable)", collectedTags)
    .option("--description <TEXT>", "describe the snapshots; '' for no description")
    .option("--pin", "keep them for good: no rule of `forget` removes what has the tag `pinned`")
    .addOption(new Option("--unpin", "let the rules decide again").conflicts("pin"))
    .addHelpText(
      "after",
      examples(
        "backup-tool tag latest --add keep",
        "backup-tool tag 2026-11-20 --pin",
        "backup-tool tag 3f2a91 57c02d --set tax,2026 --json",
      ),
    );
  command.action((snapshots: readonly string[]) =>
    act(command, async (session) => {
      const { set, description, pin, unpin, ...given } = command.opts<TagOptions>();
      const add = [...given.add ?? [], ...(pin ? [PIN] : [])],
        remove = [...given.remove ?? [], ...(unpin ? [PIN] : [])];
      const repository = await session.openRepository();
      const { tag } = await import("../../operations/forget/tag.ts");
      const tagged = await tag(repository, {
        snapshots,
        add,
        remove,
        set,
        ...(description !== undefined && { description }),
      });
      session.result(
        tagged,
        tagged.map(({ former, id, tags }) => `${shortId(former)} is now ${shortId(id)}: ${tagsText(tags)}`),
      );
    }, { hooks: true })
  );
};

function collectedTags(text: string, before: readonly string[] = []): readonly string[] {
  return [...before, ...tagList(text)];
}

function someTags(text: string, before?: readonly string[]): readonly string[] {
  if (tagList(text).length === 0) throw new InvalidArgumentError("Give a tag.");
  return collectedTags(text, before);
}

function tagsText(tags: readonly string[]): string {
  return tags.length === 0 ? "no tags" : tags.join(", ");
}
