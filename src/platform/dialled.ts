/** A connection to an address that was chosen, whatever the name of its host leads to. */

type Bytes = Uint8Array<ArrayBuffer>;

/** Nobody answered, the connection broke, or the certificate isn't trusted. */
export class ConnectionLost extends Error {}

export interface Dialled extends Disposable {
  /** @returns number of bytes read; undefined at the end @throws ConnectionLost */
  read(into: Bytes): Promise<number | undefined>;
  /** Writes all bytes. @throws ConnectionLost */
  write(bytes: Bytes): Promise<void>;
}

/**
 * Connects. @param address of IP @param tlsName the host of which the certificate must be; undefined: without TLS
 * @param signal closes the connection when aborted @throws ConnectionLost
 */
export async function dial(
  address: string,
  port: number,
  tlsName: string | undefined,
  signal: AbortSignal,
): Promise<Dialled> {
  let connection: Deno.Conn = await orLost(Deno.connect({ hostname: address, port, signal }));
  const close = () => {
    try {
      connection.close();
    } catch {
      // It has ended already.
    }
  };
  signal.addEventListener("abort", close, { once: true });
  using held = new DisposableStack();
  held.defer(() => {
    signal.removeEventListener("abort", close);
    close();
  });
  // It may have come before anybody listened to it.
  if (signal.aborted) throw new ConnectionLost("There is no more time");
  if (tlsName !== undefined) {
    const secured = await orLost(Deno.startTls(connection as Deno.TcpConn, { hostname: tlsName }));
    connection = secured;
    await orLost(secured.handshake());
  }
  const all = held.move();
  return {
    read: async (into) => await orLost(connection.read(into)) ?? undefined,
    async write(bytes) {
      for (let done = 0; done < bytes.length;) done += await orLost(connection.write(bytes.subarray(done)));
    },
    [Symbol.dispose]: () => all.dispose(),
  };
}

async function orLost<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw new ConnectionLost(error instanceof Error ? error.message : String(error));
  }
}
