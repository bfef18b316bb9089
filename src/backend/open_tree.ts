/** Opens the remote files that a location refers to, as a source of backups. */
import { BadUsage } from "../core/fault.ts";
import { parseLocation } from "./location.ts";
import { CONNECTIONS, linkTo, type OpenOptions } from "./open.ts";
import { patientTree, type RemoteTree } from "./remote_tree.ts";

/** Opens a source. @throws BadUsage if the location can't be a source; BadCredentials, ExposedSecret */
export async function openRemoteTree(location: string, options: OpenOptions): Promise<RemoteTree> {
  const place = parseLocation(location);
  if (place.kind === "file" || place.kind === "rest") {
    const hint = "Give dav:, s3: or sftp: and an address; or a directory";
    throw new BadUsage(`Cannot back up ${JSON.stringify(location)}: files can't be read from there`, hint);
  }
  const { http, retry } = linkTo(place, options), connections = options.connections ?? CONNECTIONS;
  switch (place.kind) {
    case "dav":
      return patientTree((await import("./dav_tree.ts")).openDavTree(place, http), connections, retry);
    case "s3":
      return patientTree(await (await import("./s3_tree.ts")).openS3Tree(place, http), connections, retry);
    case "sftp":
      return patientTree((await import("./sftp_tree.ts")).openSftpTree(place, http), connections, retry);
  }
}
