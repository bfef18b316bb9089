/** Bodies that go up and come down piece by piece, so that it shows whether they move, and how fast they may. */
import { type Body, sizeOf } from "./backend.ts";

const FIRST_BYTES = 64 * 1024, WHOLE_PIECE_BYTES = 1024 * 1024;

/** What bodies are held to. */
export interface Flow {
  /** Called when something moved. */
  readonly moved: () => void;
  /** Waits until that many bytes may move. */
  readonly pace: (bytes: number) => Promise<void>;
  /** At a time. */
  readonly pieceBytes: number;
}

/**
 * A body whose length is known, as servers want it, and which is read only as fast as it is sent. `fetch` sends the length of
 * blobs; it would send any other stream in chunks.
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

/** All of a body, a megabyte at a time. */
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
 * All of an answer. Undefined if it broke off, or has more than it said or than anybody wants.
 * @param mostBytes of a body whose length is not given
 */
export async function readBody(
  response: Response,
  flow: Flow,
  mostBytes: number,
): Promise<Uint8Array<ArrayBuffer> | undefined> {
  const said = lengthOf(response.headers);
  if (response.body === null) return (said ?? 0) === 0 ? new Uint8Array(0) : undefined;
  if (said !== undefined && said > mostBytes) return undefined;
  let bytes = new Uint8Array(said ?? FIRST_BYTES), done = 0;
  for await (const piece of response.body) {
    flow.moved();
    if (done + piece.length > (said ?? mostBytes)) return undefined;
    if (done + piece.length > bytes.length) bytes = grown(bytes, done + piece.length);
    bytes.set(piece, done);
    done += piece.length;
    await flow.pace(piece.length);
  }
  if (said !== undefined && done !== said) return undefined;
  return done === bytes.length ? bytes : bytes.slice(0, done);
}

/** Undefined if the answer doesn't say it. */
export function lengthOf(headers: Headers): number | undefined {
  const text = headers.get("content-length");
  return text !== null && /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}

function grown(bytes: Uint8Array<ArrayBuffer>, least: number): Uint8Array<ArrayBuffer> {
  const larger = new Uint8Array(Math.max(least, bytes.length * 2));
  larger.set(bytes);
  return larger;
}
