/** backup-tool tree build, backup-tool tree remove */
import { patiently } from "../../core/patience.ts";
import { shortId } from "../../core/short_id.ts";
import { examples, workersOption } from "../settings/options.ts";
import type { Define } from "./command.ts";

export const defineTree: Define = (program, act) => {
  const tree = program.command("tree")
    .helpCommand(false)
    .summary("build or remove the browsable tree of a snapshot")
    .description("Build or remove the browsable tree of a snapshot. A tree is a convenience: the snapshot needs none.");
  defineBuild(tree, act);
  defineRemove(tree, act);
};

const defineBuild: Define = (tree, act) => {
  const command = tree.command("build")
    .summary("build the tree of a snapshot")
    .description("Build the tree of a snapshot: directories, and hard links to the stored contents.")
    .argument("<SNAPSHOT>", "which snapshot")
    .addOption(workersOption())
    .addHelpText("after", examples("backup-tool tree build latest~3 -s /mnt/disk/storage"));
  command.action((name: string) =>
    act(command, async (session) => {
      const storage = await session.openStorage("make or remove trees");
      const snapshot = storage.resolve(name);
      const { buildTree } = await import("../../storage/tree/build_tree.ts");
      const workers = session.workers(command.opts<{ readonly workers?: number }>().workers);
      const request = { workers, signal: session.signal };
      const built = await patiently(() => buildTree(storage, snapshot, request, session.monitor), storage.machine);
      session.result({ snapshot: snapshot.id, tree: built }, [`Built ${built}`]);
    }, { hooks: true })
  );
};

const defineRemove: Define = (tree, act) => {
  const command = tree.command("remove")
    .summary("remove the tree of a snapshot; the snapshot stays")
    .description("Remove the tree of a snapshot. The snapshot stays, and `tree build` restores its tree.")
    .argument("<SNAPSHOT>", "which snapshot")
    .addHelpText("after", examples("backup-tool tree remove 2026/11-20T23:05 -s /mnt/disk/storage"));
  command.action((name: string) =>
    act(command, async (session) => {
      const storage = await session.openStorage("make or remove trees");
      const snapshot = storage.resolve(name);
      const { removeTree } = await import("../../storage/tree/build_tree.ts");
      await patiently(() => removeTree(storage, snapshot, session.monitor), storage.machine);
      session.result({ snapshot: snapshot.id, tree: snapshot.tree }, [
        `Removed the tree of ${shortId(snapshot.id)}`,
      ]);
    }, { hooks: true })
  );
};
