/** Files of an SFTP server, as a source of backups. */
import { sftpLocation, type SftpPlace } from "./location.ts";
import { MissingTree, type PieceRange, RemoteChanged, type RemoteEntry, type RemoteTree } from "./remote_tree.ts";
import { SftpFiles, type SftpOptions } from "./sftp_files.ts";
import type { SftpAttributes } from "./ssh_types.ts";

const MODE_BITS = 0o7777;

export function openSftpTree(place: SftpPlace, options: SftpOptions): RemoteTree {
  return new SftpTree(place, options);
}

class SftpTree implements RemoteTree {
  readonly location: string;
  readonly #files: SftpFiles;
  readonly #top: string;

  constructor(place: SftpPlace, options: SftpOptions) {
    // Whose files they are: a relative path begins in the directory of a user.
    this.location = sftpLocation(place, place.user);
    this.#top = place.path === "/" ? "" : place.path;
    this.#files = new SftpFiles(place, options);
  }

  async list(directory: string, signal?: AbortSignal): Promise<readonly RemoteEntry[]> {
    const what = `list ${directory || this.location}`, path = this.#pathOf(directory);
    const stat = await this.#files.stat(path || "/", what, signal);
    if (stat?.isDirectory() !== true) throw new MissingTree(`${this.location}/${directory}`);
    const found: RemoteEntry[] = [];
    for (const { filename, attrs } of await this.#files.list(path || "/", what, signal)) {
      const kind = kindOf(attrs);
      const target = kind === "symlink" ? await this.#files.readlink(`${path}/${filename}`, what, signal) : undefined;
      found.push({
        name: filename,
        kind,
        size: kind === "file" ? attrs.size : 0,
        mtimeMs: attrs.mtime * 1000,
        mode: attrs.mode & MODE_BITS,
        uid: attrs.uid,
        gid: attrs.gid,
        ...(target !== undefined && { target }),
      });
    }
    return found;
  }

  details(): Promise<Readonly<Record<string, string>>> {
    return Promise.resolve({});
  }

  async piece(
    path: string,
    _entry: RemoteEntry,
    { from, length, signal }: PieceRange,
  ): Promise<Uint8Array<ArrayBuffer>> {
    const what = `read ${path}`;
    using file = await this.#files.open(this.#pathOf(path), what, signal);
    const bytes = new Uint8Array(length);
    if (file === undefined || await file.read(bytes, from, what, signal) !== length) throw new RemoteChanged(path);
    return bytes;
  }

  async verify(path: string, { size, mtimeMs }: RemoteEntry, signal?: AbortSignal): Promise<void> {
    const stat = await this.#files.stat(this.#pathOf(path), `look at ${path}`, signal);
    if (stat?.size !== size || stat.mtime * 1000 !== mtimeMs) throw new RemoteChanged(path);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#files[Symbol.asyncDispose]();
  }

  #pathOf(path: string): string {
    return path === "" ? this.#top : `${this.#top}/${path}`;
  }
}

function kindOf(attributes: SftpAttributes): RemoteEntry["kind"] {
  if (attributes.isFile()) return "file";
  if (attributes.isDirectory()) return "dir";
  return attributes.isSymbolicLink() ? "symlink" : "other";
}
