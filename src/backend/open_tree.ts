/** Opens the remote files that a location refers to, as a source of backups. */
import { BadUsage } from "../core/fault.ts";
import { parseLocation } from "./location.ts";
import { linkTo, type OpenOptions } from "./open.ts";
import { type RemoteTree, retryingTree } from "./remote_tree.ts";

/** Opens a source. @throws BadUsage if the location can't be a source; BadCredentials, ExposedSecret */
export async function openRemoteTree(location: string, options: OpenOptions): Promise<RemoteTree> {
  const place = parseLocation(location);
  if (place.kind === "file" || place.kind === "rest") {
    const hint = "Give dav:, s3: or sftp: and an address; or a directory";
    throw new BadUsage(`Cannot back up ${JSON.stringify(location)}: files can't be read from there`, hint);
  }
  const { http, retry } = linkTo(place, options);
  switch (place.kind) {
    case "dav":
      return retryingTree((await import("./dav_tree.ts")).openDavTree(place, http), retry);
    case "s3":
      return retryingTree(await (await import("./s3_tree.ts")).openS3Tree(place, http), retry);
    case "sftp":
      return retryingTree((await import("./sftp_tree.ts")).openSftpTree(place, http), retry);
  }
}
