/** Files of a WebDAV server, as a source of backups. */
import { propfind } from "./dav_list.ts";
import { Http, type HttpOptions } from "./http.ts";
import type { WebPlace } from "./location.ts";
import { MissingTree, type RemoteEntry, type RemoteTree } from "./remote_tree.ts";
import { webLogin } from "./web_login.ts";
import { urlBelow, verifyWeb, webPiece } from "./web_tree.ts";

export function openDavTree({ url, user }: WebPlace, options: HttpOptions): RemoteTree {
  const http = new Http({ authorize: webLogin(options.credentials, user) }, options);
  // At one address, each user may have other files.
  const shown = new URL(url);
  if (user !== undefined) shown.username = user;
  const location = `dav:${shown.href}`;
  return {
    location,
    async list(directory, signal) {
      const what = `list ${directory === "" ? location : directory}`;
      const listing = await propfind(http, urlBelow(url, directory, true), { depth: 1, what, signal });
      if (listing?.resource?.isCollection !== true) throw new MissingTree(`${location}${directory}`);
      return listing.members.map((member): RemoteEntry => ({
        name: member.name,
        kind: member.isCollection ? "dir" : "file",
        size: member.isCollection ? 0 : member.size ?? 0,
        mtimeMs: member.modifiedMs,
        ...(member.etag !== undefined && !member.isCollection && { etag: member.etag }),
        ...(member.contentType !== undefined && !member.isCollection && { contentType: member.contentType }),
      }));
    },
    details: () => Promise.resolve({}),
    piece: (path, entry, range) => webPiece(http, urlBelow(url, path, false), path, entry, range),
    verify: (path, entry, signal) => verifyWeb(http, urlBelow(url, path, false), path, entry, signal),
    [Symbol.asyncDispose]() {
      http[Symbol.dispose]();
      return Promise.resolve();
    },
  };
}
