/** ChaCha20-Poly1305 (RFC 8439) by WebAssembly: for runtimes without a cipher of their own. One instance a thread. */
import { type ChachaModule, chachaModule, LANES, LIMB_BITS, LIMB_MASK, PLACES, ROOM_BYTES } from "./chacha_code.ts";

const BLOCK_BYTES = 16, GROUP_BYTES = 64 * LANES, TAG_BYTES = 16;
/** "expand 32-byte k": what the state begins with. */
const CONSTANTS = [0x6170_7865, 0x3320_646e, 0x7962_2d32, 0x6b20_6574];
/** Bits of Poly1305's factor by limb: some of its key's are ignored. */
const FACTOR_MASKS = [0x3ff_ffff, 0x3ff_ff03, 0x3ff_c0ff, 0x3f0_3fff, 0x00f_ffff];

/** Most bytes of a text: more than a chunk of an age file has. */
export const MOST_TEXT_BYTES = ROOM_BYTES - GROUP_BYTES - BLOCK_BYTES;

/** Encrypts and decrypts in its own memory. A text above {@link MOST_TEXT_BYTES} is a RangeError. */
export class VectorChacha {
  readonly #module: ChachaModule;
  readonly #memory: Uint8Array<ArrayBuffer>;
  readonly #view: DataView<ArrayBuffer>;

  /** @throws WebAssembly.CompileError if the processor has no vectors, TypeError or others if code can't be made */
  constructor() {
    const instance = new WebAssembly.Instance(new WebAssembly.Module(chachaModule()));
    this.#module = instance.exports as unknown as ChachaModule;
    const buffer = this.#module.memory.buffer as ArrayBuffer;
    this.#memory = new Uint8Array(buffer);
    this.#view = new DataView(buffer);
    CONSTANTS.forEach((word, i) => this.#view.setUint32(PLACES.state + 4 * i, word, true));
  }

  /** @param into exactly 16 bytes longer than `plain` */
  seal(key: Uint8Array, nonce: Uint8Array, plain: Uint8Array, into: Uint8Array): void {
    this.#begin(key, nonce);
    this.#memory.set(plain, PLACES.data);
    this.#cipher(plain.length);
    const tag = this.#tag(plain.length);
    into.set(this.#data(plain.length));
    into.set(tag, plain.length);
  }

  /** @param into exactly 16 bytes shorter than `sealed` @returns false if the tag is not that of the bytes */
  open(key: Uint8Array, nonce: Uint8Array, sealed: Uint8Array, into: Uint8Array): boolean {
    const length = sealed.length - TAG_BYTES;
    this.#begin(key, nonce);
    this.#memory.set(sealed.subarray(0, length), PLACES.data);
    if (!isEqual(this.#tag(length), sealed.subarray(length))) return false;
    this.#cipher(length);
    into.set(this.#data(length));
    return true;
  }

  /** Poly1305 alone, for tests. @param blocks of 16 bytes, at least one */
  authenticate(key: Uint8Array, blocks: Uint8Array): Uint8Array {
    this.#memory.set(key, PLACES.first);
    this.#setFactor();
    this.#memory.set(blocks, PLACES.data);
    return this.#sumOf(blocks.length);
  }

  #data(length: number): Uint8Array<ArrayBuffer> {
    return this.#memory.subarray(PLACES.data, PLACES.data + length);
  }

  /** The state, and Poly1305's key, which is the block before those of the text. */
  #begin(key: Uint8Array, nonce: Uint8Array): void {
    this.#memory.set(key, PLACES.state + 16);
    this.#memory.set(nonce, PLACES.state + 52);
    this.#memory.fill(0, PLACES.first, PLACES.first + GROUP_BYTES);
    this.#module.chacha(PLACES.first, 1, 0);
    this.#setFactor();
  }

  #setFactor(): void {
    for (const [i, mask] of FACTOR_MASKS.entries()) {
      this.#setLimb(PLACES.factor, i, limbAt(this.#view, PLACES.first, i) & mask);
      this.#setLimb(PLACES.sum, i, 0);
    }
  }

  #setLimb(place: number, i: number, value: number): void {
    this.#view.setUint32(place + 8 * i, value, true);
    this.#view.setUint32(place + 8 * i + 4, 0, true);
  }

  #cipher(length: number): void {
    if (length > 0) this.#module.chacha(PLACES.data, Math.ceil(length / GROUP_BYTES), 1);
  }

  /** The tag of the encrypted bytes at `data`, without any that are authenticated only. */
  #tag(length: number): Uint8Array {
    const whole = Math.ceil(length / BLOCK_BYTES) * BLOCK_BYTES, end = PLACES.data + whole;
    this.#memory.fill(0, PLACES.data + length, end + BLOCK_BYTES);
    this.#view.setUint32(end + 8, length, true);
    return this.#sumOf(whole + BLOCK_BYTES);
  }

  /** The sum of what is at `data`, modulo 2^130 - 5, plus the second half of the key, modulo 2^128. */
  #sumOf(length: number): Uint8Array {
    this.#module.poly(PLACES.data, length / BLOCK_BYTES);
    const limbs = FACTOR_MASKS.map((_, i) => this.#view.getUint32(PLACES.sum + 8 * i, true));
    const words = wordsOf(reduced(limbs)), tag = new Uint8Array(TAG_BYTES), view = new DataView(tag.buffer);
    for (let i = 0, carried = 0; i < 4; i++) {
      carried += words[i]! + this.#view.getUint32(PLACES.first + 16 + 4 * i, true);
      view.setUint32(4 * i, carried, true);
      carried = Math.floor(carried / 2 ** 32);
    }
    return tag;
  }
}

/** 26 bits of 16 bytes. */
function limbAt(view: DataView, at: number, i: number): number {
  return view.getUint32(at + Math.min(Math.floor(LIMB_BITS * i / 8), 12), true) >>> (i === 4 ? 8 : LIMB_BITS * i % 8);
}

/** A number below 2^131 modulo 2^130 - 5, without branches. */
function reduced(limbs: readonly number[]): number[] {
  const whole = carried(carried(limbs, 0), 0);
  // It is too large if, and only if, 5 more reach 2^130.
  const less = [...whole];
  let over = 5;
  for (let i = 0; i < 5; i++) {
    over += less[i]!;
    less[i] = over & LIMB_MASK;
    over >>>= LIMB_BITS;
  }
  return whole.map((limb, i) => limb & (over - 1) | less[i]! & -over);
}

/** Limbs of at most 26 bits, but for what the last one gives to the first. */
function carried(limbs: readonly number[], more: number): number[] {
  const done = limbs.map((limb) => {
    const sum = limb + more;
    more = sum >>> LIMB_BITS;
    return sum & LIMB_MASK;
  });
  done[0]! += 5 * more;
  return done;
}

/** Four words of 32 bits of five limbs; what is beyond 128 bits is dropped. */
function wordsOf([a = 0, b = 0, c = 0, d = 0, e = 0]: readonly number[]): number[] {
  return [a | b << 26, b >>> 6 | c << 20, c >>> 12 | d << 14, d >>> 18 | e << 8].map((word) => word >>> 0);
}

/** Looks at all bytes, wherever they differ. */
function isEqual(a: Uint8Array, b: Uint8Array): boolean {
  let differences = a.length ^ b.length;
  for (let i = 0; i < a.length; i++) differences |= a[i]! ^ b[i]!;
  return differences === 0;
}
