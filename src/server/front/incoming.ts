/** Incoming bytes of a connection: reads heads and bodies exactly to their ends. */
import { BadHead, type Framing, MOST_HEAD_BYTES } from "./head.ts";
import { BadRequest } from "../exchange/problem.ts";
import type { Connection } from "../../platform/listener.ts";

/** The client disconnected, or sent an invalid body. It may still read the reply. */
export class ClientGone extends BadRequest {
  constructor(message: string) {
    super(message, "Send the whole request, of the length that its head says");
  }
}

/** What is read at once of a head, and of a body: most heads are short, and come one by one. */
const HEAD_BYTES = 8 * 1024, BODY_BYTES = 64 * 1024;
const MOST_CHUNK_LINE = 1024;
const EMPTY = new Uint8Array(0);
const LATIN1 = new TextDecoder("latin1");
const LF = 0x0a;

type Bytes = Uint8Array<ArrayBuffer>;

export class Incoming {
  readonly #connection: Connection;
  /** A read that was started to notice the client's end. */
  #reading: Promise<Bytes | undefined> | undefined;
  /** Bytes that were received and not used yet. */
  #held: Bytes = EMPTY;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /**
   * Reads a head.
   * @returns one character a byte, without the empty line; undefined if the client has ended
   * @throws BadHead
   */
  async head(): Promise<string | undefined> {
    for (let searched = 0;;) {
      const end = endOfHead(this.#held, searched);
      if ((end?.at ?? 0) > MOST_HEAD_BYTES) throw new BadHead(431, "The head is too long");
      if (end !== undefined) return LATIN1.decode(this.#take(end.next).subarray(0, end.at));
      searched = Math.max(0, this.#held.length - 3);
      if (this.#held.length > MOST_HEAD_BYTES) throw new BadHead(431, "The head is too long");
      if (!await this.#more(HEAD_BYTES)) {
        if (this.#held.length === 0) return undefined;
        throw new ClientGone("It ended in the middle of a head");
      }
    }
  }

  /** Reads a body. @throws ClientGone */
  async *body(framing: Framing): AsyncGenerator<Bytes> {
    if (framing.kind === "length") return yield* this.#exactly(framing.bytes);
    for (;;) {
      const size = /^([0-9a-f]{1,8})(?:;[\t\x20-\x7e]*)?$/i.exec(await this.#line())?.[1];
      if (size === undefined) throw new ClientGone("A chunk has no size");
      const bytes = parseInt(size, 16);
      if (bytes === 0) break;
      yield* this.#exactly(bytes);
      if (await this.#line() !== "") throw new ClientGone("A chunk has no end");
    }
    // Trailers are of no use.
    for (let lines = 0; await this.#line() !== "";) {
      if (++lines > 100) throw new ClientGone("There are too many trailers");
    }
  }

  async *#exactly(bytes: number): AsyncGenerator<Bytes> {
    for (let left = bytes; left > 0;) {
      if (this.#held.length === 0 && !await this.#more()) throw new ClientGone("It ended in the middle of a body");
      const part = this.#take(Math.min(left, this.#held.length));
      left -= part.length;
      yield part;
    }
  }

  async #line(): Promise<string> {
    for (;;) {
      const end = this.#held.indexOf(LF);
      if (end >= 0) {
        const line = LATIN1.decode(this.#take(end + 1));
        if (!line.endsWith("\r\n")) throw new ClientGone("A line of a body ends otherwise than in CR LF");
        return line.slice(0, -2);
      }
      if (this.#held.length > MOST_CHUNK_LINE || !await this.#more()) throw new ClientGone("A chunk has no size");
    }
  }

  #take(bytes: number): Bytes {
    const taken = this.#held.subarray(0, bytes);
    this.#held = this.#held.subarray(bytes);
    return taken;
  }

  /** Resolves when the client has ended, or something of a next request has come. @returns true if it has ended */
  async hasEnded(): Promise<boolean> {
    if (this.#held.length > 0) return false;
    this.#reading ??= this.#read(HEAD_BYTES);
    try {
      return await this.#reading === undefined;
    } catch {
      return true;
    }
  }

  async #read(bytes: number): Promise<Bytes | undefined> {
    const into = new Uint8Array(bytes), got = await this.#connection.read(into);
    return got === undefined ? undefined : into.subarray(0, got);
  }

  async #more(bytes = BODY_BYTES): Promise<boolean> {
    const reading = this.#reading ?? this.#read(bytes);
    this.#reading = undefined;
    const got = await reading.catch(() => {
      throw new ClientGone("The connection broke");
    });
    if (got === undefined) return false;
    this.#held = this.#held.length === 0 ? got : joined(this.#held, got);
    return true;
  }
}

function joined(a: Bytes, b: Bytes): Bytes {
  const all = new Uint8Array(a.length + b.length);
  all.set(a);
  all.set(b, a.length);
  return all;
}

/** The end of the head: an empty line. One with only LF is found too, and refused later. */
function endOfHead(bytes: Bytes, from: number): { readonly at: number; readonly next: number } | undefined {
  for (let at = bytes.indexOf(LF, from); at >= 0; at = bytes.indexOf(LF, at + 1)) {
    if (bytes[at + 1] === LF) return { at, next: at + 2 };
    if (bytes[at + 1] === 0x0d && bytes[at + 2] === LF) {
      return { at: bytes[at - 1] === 0x0d ? at - 1 : at, next: at + 3 };
    }
  }
  return undefined;
}
