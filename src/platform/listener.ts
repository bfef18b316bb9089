/** Listens for connections: TCP, TLS over TCP, or a Unix socket. */
import { type Raw, textOf } from "../core/raw.ts";
import { Fault } from "../core/fault.ts";

/** The address to listen on. Port 0: any free port. */
export type ListenAddress =
  | { readonly kind: "tcp"; readonly hostname: string; readonly port: number; readonly tls?: TlsFiles }
  | { readonly kind: "unix"; readonly path: Raw };

/** Certificate and key, as PEM texts. */
export interface TlsFiles {
  readonly cert: string;
  readonly key: string;
}

/** A connection. At most one read and one write may be in progress at a time. */
export interface Connection extends Disposable {
  /** Address of the peer, without the port; "" for a socket. */
  readonly address: string;
  /** @returns number of bytes read; undefined at the end @throws any error of the runtime if the connection breaks */
  read(into: Uint8Array<ArrayBuffer>): Promise<number | undefined>;
  /** Writes all bytes. @throws any error of the runtime if the connection breaks */
  write(bytes: Uint8Array<ArrayBuffer>): Promise<void>;
  /** Signals that nothing more will be written. */
  end(): Promise<void>;
}

export interface Listener extends Disposable {
  /** The actual port, also for port 0; undefined for a socket. */
  readonly port: number | undefined;
  /**
   * Waits for a connection.
   * @returns undefined once the listener is closed
   * @throws AcceptFailed, after which it may be called again
   */
  accept(): Promise<Connection | undefined>;
}

/** A connection could not be accepted, for example because of too many open files. */
export class AcceptFailed extends Error {}

export class PortTaken extends Fault {
  readonly code = "port-taken";
  readonly hint = "Something listens there already: stop it, or choose another address";
  constructor(where: string) {
    super(`Cannot listen on ${where}: it is taken`);
  }
}

export class CannotListen extends Fault {
  readonly code = "cannot-listen";
  readonly hint = "Check the address, and that this user may listen there";
  constructor(where: string, why: string) {
    super(`Cannot listen on ${where}: ${why}`);
  }
}

const SOCKET_MODE = 0o660;

/** Starts listening. @throws PortTaken, CannotListen */
export function listen(address: ListenAddress): Listener {
  try {
    return new RuntimeListener(address.kind === "unix" ? listenOnSocket(textOf(address.path)) : listenOnTcp(address));
  } catch (error) {
    const where = listenText(address);
    if (error instanceof Deno.errors.AddrInUse) throw new PortTaken(where);
    if (error instanceof Fault || !(error instanceof Error)) throw error;
    throw new CannotListen(where, error.message);
  }
}

/** Formats an address: "127.0.0.1:8480", "[::1]:8480" or "unix:/run/backup-tool.sock". */
export function listenText(address: ListenAddress): string {
  if (address.kind === "unix") return `unix:${textOf(address.path)}`;
  const { hostname, port } = address;
  return `${hostname.includes(":") ? `[${hostname}]` : hostname}:${port}`;
}

function listenOnTcp({ hostname, port, tls }: Extract<ListenAddress, { kind: "tcp" }>): Deno.Listener<Deno.Conn> {
  return tls === undefined ? Deno.listen({ hostname, port }) : Deno.listenTls({ hostname, port, ...tls });
}

/** What an ended server has left is replaced; anything else is not. */
function listenOnSocket(path: string): Deno.Listener<Deno.Conn> {
  try {
    if (!Deno.lstatSync(path).isSocket) throw new PortTaken(`unix:${path}`);
    Deno.removeSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  const listener = Deno.listen({ transport: "unix", path });
  Deno.chmodSync(path, SOCKET_MODE);
  return listener;
}

class RuntimeListener implements Listener {
  readonly #listener: Deno.Listener<Deno.Conn>;
  #isClosed = false;

  constructor(listener: Deno.Listener<Deno.Conn>) {
    this.#listener = listener;
  }

  get port(): number | undefined {
    const { addr } = this.#listener;
    return addr.transport === "tcp" ? addr.port : undefined;
  }

  async accept(): Promise<Connection | undefined> {
    try {
      return new RuntimeConnection(await this.#listener.accept());
    } catch (error) {
      if (this.#isClosed) return undefined;
      throw new AcceptFailed(error instanceof Error ? error.message : String(error));
    }
  }

  [Symbol.dispose](): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#listener.close();
    const { addr } = this.#listener;
    if (addr.transport === "unix") removeQuietly(addr.path);
  }
}

class RuntimeConnection implements Connection {
  readonly address: string;
  readonly #connection: Deno.Conn;

  constructor(connection: Deno.Conn) {
    this.#connection = connection;
    const { remoteAddr: from } = connection;
    this.address = from.transport === "tcp" ? from.hostname : "";
    if ("setNoDelay" in connection && typeof connection.setNoDelay === "function") {
      try {
        connection.setNoDelay(true);
      } catch {
        // It has ended already, which shows when it is read.
      }
    }
  }

  async read(into: Uint8Array<ArrayBuffer>): Promise<number | undefined> {
    return await this.#connection.read(into) ?? undefined;
  }

  async write(bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    for (let done = 0; done < bytes.length;) done += await this.#connection.write(bytes.subarray(done));
  }

  async end(): Promise<void> {
    try {
      await this.#connection.closeWrite();
    } catch {
      // The other side was faster.
    }
  }

  [Symbol.dispose](): void {
    try {
      this.#connection.close();
    } catch {
      // The other side was faster.
    }
  }
}

function removeQuietly(path: string): void {
  try {
    Deno.removeSync(path);
  } catch {
    // Somebody else did.
  }
}
