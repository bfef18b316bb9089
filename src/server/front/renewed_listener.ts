/** Listens with TLS, and takes up another certificate while it runs: open connections go on with the former one. */
import {
  AcceptFailed,
  type Connection,
  listen,
  type ListenAddress,
  type Listener,
  type TlsFiles,
} from "../../platform/listener.ts";

type TcpAddress = Extract<ListenAddress, { kind: "tcp" }>;

export class RenewedListener implements Listener {
  readonly #address: TcpAddress;
  #tls: TlsFiles;
  #inner: Listener;
  #isClosed = false;

  /** Starts listening. @throws PortTaken, CannotListen */
  constructor(address: TcpAddress, tls: TlsFiles) {
    this.#tls = tls;
    this.#inner = listen({ ...address, tls });
    this.#address = { ...address, port: this.#inner.port ?? address.port };
  }

  get port(): number {
    return this.#address.port;
  }

  async accept(): Promise<Connection | undefined> {
    for (;;) {
      const connection = await this.#inner.accept();
      if (connection !== undefined || this.#isClosed) return connection;
      this.#inner = this.#reopened();
    }
  }

  /** Has new connections get another certificate. @param tls that is known to be usable */
  renew(tls: TlsFiles): void {
    this.#tls = tls;
    // The runtime gives a certificate to a whole listener. The port is free only when `accept` has noticed the end.
    this.#inner[Symbol.dispose]();
  }

  [Symbol.dispose](): void {
    this.#isClosed = true;
    this.#inner[Symbol.dispose]();
  }

  /** @throws AcceptFailed, after which `accept` tries again */
  #reopened(): Listener {
    try {
      return listen({ ...this.#address, tls: this.#tls });
    } catch (error) {
      throw new AcceptFailed(error instanceof Error ? error.message : String(error));
    }
  }
}

/** Checks that one could listen with a certificate and key. @throws CannotListen */
export function assertUsable(tls: TlsFiles): void {
  listen({ kind: "tcp", hostname: "127.0.0.1", port: 0, tls })[Symbol.dispose]();
}
