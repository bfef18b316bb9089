/**
 * TCP connections as streams. Those of `node:net` mix up bytes and delay small packets in the runtime of older
 * executables.
 */
import { Duplex } from "node:stream";

const READ_BYTES = 64 * 1024;

/** Connects to a server. @param mostMs time limit @throws an error of the runtime, or one with "timed out" */
export async function connectTcp(hostname: string, port: number, mostMs: number): Promise<Duplex> {
  const connection = await withinTime(Deno.connect({ hostname, port }), mostMs);
  connection.setNoDelay(true);
  return streamOf(connection);
}

async function withinTime(connecting: Promise<Deno.TcpConn>, mostMs: number): Promise<Deno.TcpConn> {
  const { promise, reject } = Promise.withResolvers<never>();
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    reject(new Error("timed out"));
  }, mostMs);
  // Nobody would close what comes too late.
  connecting.then((connection) => isLate && connection.close(), () => {});
  try {
    return await Promise.race([connecting, promise]);
  } finally {
    clearTimeout(timer);
  }
}

function streamOf(connection: Deno.TcpConn): Duplex {
  const stream: Duplex = new Duplex({
    allowHalfOpen: false,
    read: () => void readOnce(connection, stream),
    write: (chunk: Uint8Array, _encoding, done) => void writeAll(connection, chunk).then(() => done(), done),
    final: (done) => void connection.closeWrite().then(() => done(), () => done()),
    destroy(error, done) {
      close(connection);
      done(error);
    },
  });
  return stream;
}

async function readOnce(connection: Deno.TcpConn, stream: Duplex): Promise<void> {
  try {
    const bytes = new Uint8Array(READ_BYTES), got = await connection.read(bytes);
    stream.push(got === null ? null : bytes.subarray(0, got));
  } catch (error) {
    if (!stream.destroyed) stream.destroy(error instanceof Error ? error : undefined);
  }
}

async function writeAll(connection: Deno.TcpConn, bytes: Uint8Array): Promise<void> {
  for (let done = 0; done < bytes.length;) done += await connection.write(bytes.subarray(done));
}

function close(connection: Deno.TcpConn): void {
  try {
    connection.close();
  } catch {
    // The other side was faster.
  }
}
