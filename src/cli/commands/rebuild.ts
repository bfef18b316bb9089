/** backup-tool rebuild */
import { patiently } from "../../core/patience.ts";
import { pluralText } from "../../core/size_text.ts";
import { examples } from "../settings/options.ts";
import type { Define } from "./command.ts";

export const defineRebuild: Define = (program, act) => {
  const command = program.command("rebuild")
    .summary("rebuild the catalog from content/")
    .description(
      "Rebuild the catalog of a storage from content/. It is only a cache: db/ may be missing completely. Dates of " +
        "verification are kept, unless db/verified/ is missing, too. A catalog that is missing or stale is rebuilt " +
        "automatically.",
    )
    .addHelpText("after", examples("backup-tool rebuild -s /mnt/disk/storage"));
  command.action(() =>
    act(command, async (session) => {
      const storage = await session.openStorage("rebuild a catalog");
      const { rebuildCatalog } = await import("../../operations/repair/rebuild.ts");
      const result = await patiently(() => rebuildCatalog(storage, session.monitor), storage.machine);
      const { snapshots, contents } = result;
      session.result(result, [
        `Rebuilt the catalog: ${pluralText(snapshots, "snapshot")}, ${pluralText(contents, "content")}`,
      ]);
    }, { hooks: true })
  );
};
