/** Files of an SFTP server. Many small requests are in flight at once, and a broken connection is replaced. */
import { Buffer } from "node:buffer";
import { Fault, Interrupted } from "../core/fault.ts";
import { type Body, sizeOf } from "./backend.ts";
import type { Credentials } from "./credentials.ts";
import { PlaceFull, PlaceRefuses, PlaceUnavailable } from "./faults.ts";
import { pieceOf } from "./http_body.ts";
import type { Allowance } from "./limited.ts";
import type { SftpPlace } from "./location.ts";
import { openSession, type Session } from "./ssh_session.ts";
import type { Done, Sftp, SftpAttributes, SftpError, SftpName } from "./ssh_types.ts";

const BROKEN = "the connection broke off";
const NO_SUCH_FILE = 2, DENIED = 3, FAILURE = 4;
/** What every server takes at a time, and how many may be on their way. */
const PIECE_BYTES = 32 * 1024, AT_ONCE = 64;
/** Nobody changes an object. */
const FILE_MODE = 0o400, DIRECTORY_MODE = 0o700;

export interface SftpOptions {
  readonly credentials: Credentials;
  readonly up: Allowance;
  readonly down: Allowance;
}

export interface RemoteFile extends Disposable {
  readonly size: number;
  /** Reads from `from` on. @returns number of bytes read; fewer than fit into `into` only at the end */
  read(into: Uint8Array<ArrayBuffer>, from: number, what: string, signal?: AbortSignal): Promise<number>;
}

export interface WriteRequest {
  readonly what: string;
  readonly signal: AbortSignal | undefined;
  /** Missing directories below it are created. */
  readonly top: string;
}

export class SftpFiles implements AsyncDisposable {
  readonly #place: SftpPlace;
  readonly #options: SftpOptions;
  #session: Promise<Session> | undefined;
  /** Undefined until it was tried. */
  #canLink: boolean | undefined;
  /** Some servers take pieces only in their order. */
  #atOnce = AT_ONCE;
  isOpen = false;

  constructor(place: SftpPlace, options: SftpOptions) {
    this.#place = place;
    this.#options = options;
  }

  /** True once the server has shown that it can link a file to a name only if that is free. */
  get hasLinks(): boolean {
    return this.#canLink === true;
  }

  async stat(path: string, what: string, signal?: AbortSignal): Promise<SftpAttributes | undefined> {
    return await this.#unlessMissing(what, signal, (sftp, done: Done<SftpAttributes>) => sftp.stat(path, done));
  }

  /** Lists a directory; empty if it doesn't exist. */
  async list(path: string, what: string, signal?: AbortSignal): Promise<readonly SftpName[]> {
    const read = (sftp: Sftp, done: Done<readonly SftpName[]>) => sftp.readdir(path, done);
    return await this.#unlessMissing(what, signal, read) ?? [];
  }

  /** The target of a symlink; undefined if it doesn't exist. */
  async readlink(path: string, what: string, signal?: AbortSignal): Promise<string | undefined> {
    return await this.#unlessMissing(what, signal, (sftp, done: Done<string>) => sftp.readlink(path, done));
  }

  /** Removes a file. @returns false if it didn't exist */
  async remove(path: string, what: string, signal?: AbortSignal): Promise<boolean> {
    const remove = (sftp: Sftp, done: Done<true>) => sftp.unlink(path, (error) => done(error, true));
    return await this.#unlessMissing(what, signal, remove) ?? false;
  }

  /** Opens a file; undefined if it doesn't exist. */
  async open(path: string, what: string, signal?: AbortSignal): Promise<RemoteFile | undefined> {
    const handle = await this.#unlessMissing(
      what,
      signal,
      (sftp, done: Done<Buffer>) => sftp.open(path, "r", {}, done),
    );
    if (handle === undefined) return undefined;
    const { sftp } = await this.#connection();
    const close = () => sftp.close(handle, () => {});
    try {
      const { size } = await this.#run(what, signal, (_, done: Done<SftpAttributes>) => sftp.fstat(handle, done));
      const read = (into: Uint8Array<ArrayBuffer>, from: number, what: string, signal?: AbortSignal) =>
        this.#read(handle, into, from, what, signal);
      return { size, read, [Symbol.dispose]: close };
    } catch (error) {
      close();
      throw error;
    }
  }

  /** Creates a file, which must not exist, and makes it durable where the server can. */
  async write(path: string, body: Body, request: WriteRequest): Promise<void> {
    const { what, signal } = request;
    const handle = await this.#create(path, request);
    try {
      await this.#writeAll(handle, body, request);
    } catch (error) {
      // A server that takes them in their order only says no more than "failure".
      if (!(error instanceof PlaceUnavailable) || this.#atOnce === 1 || !this.isOpen) throw error;
      this.#atOnce = 1;
      throw error;
    } finally {
      const { sftp } = await this.#connection();
      await this.#run(what, undefined, (_, done: Done) => sftp.close(handle, done)).catch(ignoreFault);
    }
    if (signal?.aborted === true) throw new Interrupted();
  }

  /** Gives a file its final name. @returns false if the name is taken */
  async publish(temporary: string, path: string, what: string, signal: AbortSignal | undefined): Promise<boolean> {
    if (this.#canLink !== false && await this.#link(temporary, path, what, signal)) return true;
    if (await this.stat(path, what, signal) !== undefined) return false;
    await this.#run(what, signal, (sftp, done: Done) => sftp.rename(temporary, path, done));
    return true;
  }

  /** Creates the missing directories of a path. */
  async makeDirectories(path: string, what: string, signal?: AbortSignal): Promise<void> {
    if (path === "" || path === "/" || path === "." || await this.stat(path, what, signal) !== undefined) return;
    const slash = path.lastIndexOf("/");
    if (slash > 0) await this.makeDirectories(path.slice(0, slash), what, signal);
    try {
      await this.#run(what, signal, (sftp, done: Done) => sftp.mkdir(path, { mode: DIRECTORY_MODE }, done));
    } catch (error) {
      // Somebody else may have made it meanwhile.
      if (!(error instanceof Fault) || await this.stat(path, what, signal) === undefined) throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const session = await this.#session?.catch(() => undefined);
    this.isOpen = false;
    session?.[Symbol.dispose]();
  }

  async #create(path: string, { what, signal, top }: WriteRequest): Promise<Buffer> {
    const create = (sftp: Sftp, done: Done<Buffer>) => sftp.open(path, "wx", { mode: FILE_MODE }, done);
    const handle = await this.#unlessMissing(what, signal, create);
    if (handle !== undefined) return handle;
    const directory = path.slice(0, path.lastIndexOf("/"));
    if (directory !== top) await this.makeDirectories(directory, what, signal);
    return await this.#run(what, signal, create);
  }

  async #writeAll(handle: Buffer, body: Body, { what, signal }: WriteRequest): Promise<void> {
    const size = sizeOf(body), { up } = this.#options;
    await inParallel(this.#atOnce, size, up.pieceBytes(PIECE_BYTES), async (at, length) => {
      await up.take(length, signal);
      const piece = asBuffer(pieceOf(body, at, length));
      await this.#run(what, signal, (sftp, done: Done) => sftp.write(handle, piece, 0, length, at, done));
    });
    const { sftp } = await this.#connection();
    await this.#run(what, signal, (_, done: Done) => syncing(sftp, handle, done));
  }

  async #read(
    handle: Buffer,
    into: Uint8Array<ArrayBuffer>,
    from: number,
    what: string,
    signal: AbortSignal | undefined,
  ): Promise<number> {
    const buffer = asBuffer(into), { down } = this.#options;
    let total = 0;
    await inParallel(this.#atOnce, into.length, down.pieceBytes(PIECE_BYTES), async (at, length) => {
      await down.take(length, signal);
      for (let done = 0; done < length;) {
        const start = at + done, rest = length - done;
        const read = await this.#run(
          what,
          signal,
          (sftp, done: Done<number>) => sftp.read(handle, buffer, start, rest, from + start, atEnd(done)),
        );
        if (read === 0) return;
        done += read;
        total += read;
      }
    });
    return total;
  }

  /** Links a file to its final name. @returns false if that is not possible, for whatever reason */
  async #link(temporary: string, path: string, what: string, signal: AbortSignal | undefined): Promise<boolean> {
    try {
      await this.#run(what, signal, (sftp, done: Done) => sftp.ext_openssh_hardlink(temporary, path, done));
      // Some servers say that they did it, and did nothing.
      return this.#canLink ??= await this.stat(path, what, signal) !== undefined;
    } catch (error) {
      if (error instanceof Interrupted || !(error instanceof Error) || !this.isOpen) throw error;
      this.#canLink ??= false;
      return false;
    }
  }

  async #unlessMissing<T>(
    what: string,
    signal: AbortSignal | undefined,
    action: (sftp: Sftp, done: Done<T>) => void,
  ): Promise<T | undefined> {
    return await this.#run(
      what,
      signal,
      (sftp, done: Done<T | undefined>) =>
        action(sftp, (error, value) => isMissing(error) ? done(undefined, undefined) : done(error, value)),
    );
  }

  /** One request, to its answer, to the end of the connection, or to an abort. */
  async #run<T>(
    what: string,
    signal: AbortSignal | undefined,
    action: (sftp: Sftp, done: Done<T>) => void,
  ): Promise<T> {
    if (signal?.aborted === true) throw new Interrupted();
    const session = await this.#connection(), { promise, resolve, reject } = Promise.withResolvers<T>();
    const stop = () => reject(new Interrupted()), lost = () => reject(new PlaceUnavailable(what, BROKEN));
    signal?.addEventListener("abort", stop);
    session.waiting.add(lost);
    try {
      action(session.sftp, (error, value) => error ? reject(error) : resolve(value));
      return await promise;
    } catch (error) {
      throw await this.#faultOf(error, what, session);
    } finally {
      signal?.removeEventListener("abort", stop);
      session.waiting.delete(lost);
    }
  }

  async #connection(): Promise<Session> {
    const current = this.#session, old = await current?.catch(() => undefined);
    if (old?.isOpen === true) return old;
    // Many may find out at once that it broke: one of them makes it anew.
    if (this.#session !== current) return await this.#connection();
    const fresh = this.#session = openSession(this.#place, this.#options.credentials);
    const session = await fresh;
    this.isOpen = true;
    return session;
  }

  async #faultOf(error: unknown, what: string, session: Session): Promise<unknown> {
    if (error instanceof Fault || !(error instanceof Error)) return error;
    const { code, message } = error as SftpError;
    this.isOpen = session.isOpen;
    if (!session.isOpen || code === undefined) return new PlaceUnavailable(what, BROKEN);
    if (code === DENIED) return new PlaceRefuses(what, "the server does not allow it");
    if (code === NO_SUCH_FILE) {
      return new PlaceRefuses(what, "the directory is not there", "Check the path, or make it");
    }
    const isFull = /quota|space/i.test(message) || (code === FAILURE && await this.#isFull(session));
    if (isFull) return new PlaceFull(what, "there is no room left");
    return new PlaceUnavailable(what, `the server says ${JSON.stringify(message)}`);
  }

  /** The protocol has no word for it. */
  async #isFull({ sftp }: Session): Promise<boolean> {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    try {
      sftp.ext_openssh_statvfs(this.#place.path, (error, facts) => resolve(!error && Number(facts.f_bavail) === 0));
    } catch {
      return false; // it has no such question
    }
    return await promise;
  }
}

function isMissing(error: SftpError | null | undefined): boolean {
  return error?.code === NO_SUCH_FILE;
}

const END_OF_FILE = 1;

function atEnd(done: Done<number>): Done<number> {
  return (error, read) => error?.code === END_OF_FILE ? done(undefined, 0) : done(error, read);
}

/** Where the server can't, it is as durable as the server makes it. */
function syncing(sftp: Sftp, handle: Buffer, done: Done): void {
  try {
    sftp.ext_openssh_fsync(handle, done);
  } catch {
    done(undefined, undefined);
  }
}

function asBuffer(bytes: Uint8Array<ArrayBuffer>): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function ignoreFault(error: unknown): void {
  if (!(error instanceof Fault)) throw error;
}

/** Does all pieces of something, so many at once. The first failure ends it, when what is on its way has ended. */
async function inParallel(
  atOnce: number,
  size: number,
  pieceBytes: number,
  action: (at: number, length: number) => Promise<void>,
): Promise<void> {
  let next = 0, failure: { readonly error: unknown } | undefined;
  const work = async () => {
    while (next < size && failure === undefined) {
      const at = next;
      next += pieceBytes;
      try {
        await action(at, Math.min(pieceBytes, size - at));
      } catch (error) {
        failure ??= { error };
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, Math.ceil(size / pieceBytes)) }, work));
  if (failure !== undefined) throw failure.error;
}
