/** Sends and receives bodies in pieces, so that progress can be observed and the rate limited. */
import { type Body, sizeOf } from "./backend.ts";

const FIRST_BYTES = 64 * 1024, WHOLE_PIECE_BYTES = 1024 * 1024;

/** How bodies are transferred. */
export interface Flow {
  /** Called whenever bytes have been transferred. */
  readonly moved: () => void;
  /** Waits until that many bytes may be transferred. */
  readonly pace: (bytes: number) => Promise<void>;
  /** Maximum size of a piece that is sent. */
  readonly pieceBytes: number;
  /** Most bytes that are read at a time. */
  readonly readBytes: number;
}

/**
 * A body of known length, as servers require, that is read only as fast as it is sent. `fetch` sends the length of
 * blobs; any other stream would be sent in chunks.
 */
export class StreamedBody extends Blob {
  readonly #body: Body;
  readonly #flow: Flow;

  constructor(body: Body, flow: Flow) {
    super();
    this.#body = body;
    this.#flow = flow;
  }

  override get size(): number {
    return sizeOf(this.#body);
  }

  override stream(): ReadableStream<Uint8Array<ArrayBuffer>> {
    const { moved, pace, pieceBytes } = this.#flow, body = this.#body, size = this.size;
    let at = 0;
    const pull = async (controller: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>>) => {
      const length = Math.min(pieceBytes, size - at);
      moved();
      await pace(length);
      controller.enqueue(pieceOf(body, at, length));
      at += length;
      if (at === size) controller.close();
    };
    return new ReadableStream({ pull }, { highWaterMark: 0 });
  }
}

/** Yields a body in pieces of a megabyte. */
export function* bodyPieces(body: Body): Generator<Uint8Array<ArrayBuffer>> {
  const size = sizeOf(body);
  for (let at = 0; at < size; at += WHOLE_PIECE_BYTES) yield pieceOf(body, at, Math.min(WHOLE_PIECE_BYTES, size - at));
}

export function pieceOf(body: Body, at: number, length: number): Uint8Array<ArrayBuffer> {
  if (body instanceof Uint8Array) return body.subarray(at, at + length);
  const piece = new Uint8Array(length);
  if (body.read(piece, at) !== length) throw new Error("A spooled file has become shorter");
  return piece;
}

/**
 * Reads the whole body of an answer.
 * @param mostBytes limit if the length is not announced
 * @param into memory for it; used if the length is announced and fits
 * @returns undefined if it was interrupted, or is longer than announced or allowed
 */
export async function readBody(
  response: Response,
  flow: Flow,
  mostBytes: number,
  into?: Uint8Array<ArrayBuffer>,
): Promise<Uint8Array<ArrayBuffer> | undefined> {
  const said = lengthOf(response.headers), { body } = response;
  if (body === null) return (said ?? 0) === 0 ? new Uint8Array(0) : undefined;
  if (said === undefined) return await readToEnd(body, flow, mostBytes);
  if (said > mostBytes) return undefined;
  const isRoom = into !== undefined && said <= into.length;
  return await readExactly(body, flow, isRoom ? into.subarray(0, said) : new Uint8Array(said));
}

/**
 * Fills `bytes` by way of a small buffer. Each read makes a new object of the buffer it is given, which counts with all
 * its bytes: with that of the whole body, a few megabytes received bring on a garbage collection.
 */
async function readExactly(
  body: ReadableStream<Uint8Array<ArrayBuffer>>,
  flow: Flow,
  bytes: Uint8Array<ArrayBuffer>,
): Promise<Uint8Array<ArrayBuffer> | undefined> {
  const reader = body.getReader({ mode: "byob" }), { length } = bytes;
  let room = new Uint8Array(Math.min(flow.readBytes, Math.max(1, length)));
  try {
    for (let done = 0; done < length;) {
      const { value } = await reader.read(room.subarray(0, length - done));
      if (value === undefined || value.length === 0) return undefined;
      flow.moved();
      bytes.set(value, done);
      done += value.length;
      room = new Uint8Array(value.buffer);
      await flow.pace(value.length);
    }
    const { value } = await reader.read(room.subarray(0, 1));
    return value === undefined || value.length === 0 ? bytes : undefined;
  } finally {
    reader.cancel().catch(() => {}); // it may have broken off
  }
}

async function readToEnd(
  body: ReadableStream<Uint8Array<ArrayBuffer>>,
  flow: Flow,
  mostBytes: number,
): Promise<Uint8Array<ArrayBuffer> | undefined> {
  let bytes = new Uint8Array(FIRST_BYTES), done = 0;
  for await (const piece of body) {
    flow.moved();
    if (done + piece.length > mostBytes) return undefined;
    if (done + piece.length > bytes.length) bytes = grown(bytes, done + piece.length);
    bytes.set(piece, done);
    done += piece.length;
    await flow.pace(piece.length);
  }
  return bytes.slice(0, done);
}

/** The length that the headers announce; undefined if they don't. */
export function lengthOf(headers: Headers): number | undefined {
  const text = headers.get("content-length");
  return text !== null && /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}

function grown(bytes: Uint8Array<ArrayBuffer>, least: number): Uint8Array<ArrayBuffer> {
  const larger = new Uint8Array(Math.max(least, bytes.length * 2));
  larger.set(bytes);
  return larger;
}
