/**
 * ChaCha20 and Poly1305 (RFC 8439) as WebAssembly: four blocks of the key stream at once, by the processor's vectors.
 * Nothing branches on data or uses it as an address, so the time says nothing about it.
 */
import * as wasm from "./wasm.ts";
import { type Code, get, i32, i64, set } from "./wasm.ts";

/** Places in the module's memory. */
export const PLACES = {
  /** 16 words of 32 bits: the first state of ChaCha20. */
  state: 0,
  /** Five numbers of 64 bits, each with 26 bits of Poly1305's sum; then the same of its factor. */
  sum: 64,
  factor: 104,
  /** The first block of the key stream, which is Poly1305's key; 256 bytes are written. */
  first: 256,
  /** What is encrypted and authenticated. */
  data: 512,
} as const;

const PAGE_BYTES = 65_536, PAGES = 2;
/** Most bytes at `data`, with what {@link LANES} blocks and the lengths need behind it. */
export const ROOM_BYTES = PAGES * PAGE_BYTES - PLACES.data;

const DOUBLE_ROUNDS = 10;
const BLOCK_BYTES = 64;
/** Blocks of the key stream that are made at once. */
export const LANES = 4;

/** What the module exports. */
export interface ChachaModule {
  readonly memory: WebAssembly.Memory;
  /**
   * Encrypts, or decrypts, in place.
   * @param at address of the first byte @param groups how often 256 bytes; at least one @param counter first block
   */
  readonly chacha: (at: number, groups: number, counter: number) => void;
  /** Adds to the sum. @param at address of the first byte @param blocks how often 16 bytes; at least one */
  readonly poly: (at: number, blocks: number) => void;
}

/** The module's bytes. */
export function chachaModule(): Uint8Array<ArrayBuffer> {
  return wasm.moduleOf(PAGES, [chacha(), poly()]);
}

/** Lanes of 32 bits of two vectors, as bytes. */
function lanes(...numbers: readonly number[]): number[] {
  return numbers.flatMap((lane) => [4 * lane, 4 * lane + 1, 4 * lane + 2, 4 * lane + 3]);
}

const AT = 0, GROUPS = 1, COUNTER = 2, ROUNDS = 3;
/** Locals: the 16 words of the state, each with those of four blocks; then four more. */
const WORD = 4, SPARE = WORD + 16;
const WORDS = Array.from({ length: 16 }, (_, i) => i);

function chacha(): wasm.WasmFunction {
  const body = wasm.repeat(GROUPS, [
    ...WORDS.flatMap((i) => set(WORD + i, firstWord(i))),
    ...set(ROUNDS, i32(DOUBLE_ROUNDS)),
    ...wasm.repeat(ROUNDS, doubleRound()),
    ...WORDS.flatMap((i) => set(WORD + i, wasm.addV(get(WORD + i), firstWord(i)))),
    ...[0, 1, 2, 3].flatMap(encryptQuarter),
    ...set(AT, wasm.addI32(get(AT), i32(LANES * BLOCK_BYTES))),
    ...set(COUNTER, wasm.addI32(get(COUNTER), i32(LANES))),
  ]);
  return { name: "chacha", parameters: 3, locals: [[1, wasm.I32], [20, wasm.V128]], body };
}

/** A word of the state at the beginning; the thirteenth is the block's number. */
function firstWord(i: number): Code {
  if (i !== 12) return wasm.loadEach(i32(0), PLACES.state + 4 * i);
  return wasm.addV(wasm.each(get(COUNTER)), wasm.v128([0, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0]));
}

function doubleRound(): Code {
  return [
    ...[0, 1, 2, 3].flatMap((i) => quarterRound(i, 4 + i, 8 + i, 12 + i)),
    ...[0, 1, 2, 3].flatMap((i) => quarterRound(i, 4 + (i + 1) % 4, 8 + (i + 2) % 4, 12 + (i + 3) % 4)),
  ];
}

function quarterRound(...words: readonly [number, number, number, number]): Code {
  const [a, b, c, d] = [WORD + words[0], WORD + words[1], WORD + words[2], WORD + words[3]] as const;
  return [...mix(a, b, d, 16), ...mix(c, d, b, 12), ...mix(a, b, d, 8), ...mix(c, d, b, 7)];
}

/** `to += from`, and what it changes `by`: that one is rotated. */
function mix(to: number, from: number, by: number, bits: number): Code {
  return [
    ...set(to, wasm.addV(get(to), get(from))),
    ...set(by, wasm.xorV(get(by), get(to))),
    ...set(by, rotated(get(by), bits)),
  ];
}

/** Whole bytes are moved, which is one instruction. */
function rotated(value: Code, bits: number): Code {
  if (bits % 8 !== 0) return wasm.orV(wasm.shlV(value, i32(bits)), wasm.shrV(value, i32(32 - bits)));
  const bytes = Array.from({ length: 16 }, (_, at) => at - at % 4 + (at + 4 - bits / 8) % 4);
  return wasm.shuffle(value, value, bytes);
}

/** Encrypts a quarter of each of the four blocks with four words, which lie across them. */
function encryptQuarter(quarter: number): Code {
  const [a, b, c, d] = [0, 1, 2, 3].map((i) => get(WORD + 4 * quarter + i)) as [Code, Code, Code, Code];
  const low = lanes(0, 4, 1, 5), high = lanes(2, 6, 3, 7);
  const spare = (i: number) => get(SPARE + i), first = lanes(0, 1, 4, 5), second = lanes(2, 3, 6, 7);
  const encrypt = (block: number, stream: Code) => {
    const offset = BLOCK_BYTES * block + 16 * quarter;
    return wasm.storeV(get(AT), wasm.xorV(wasm.loadV(get(AT), offset), stream), offset);
  };
  return [
    ...[wasm.shuffle(a, b, low), wasm.shuffle(c, d, low), wasm.shuffle(a, b, high), wasm.shuffle(c, d, high)]
      .flatMap((pairs, i) => set(SPARE + i, pairs)),
    ...encrypt(0, wasm.shuffle(spare(0), spare(1), first)),
    ...encrypt(1, wasm.shuffle(spare(0), spare(1), second)),
    ...encrypt(2, wasm.shuffle(spare(2), spare(3), first)),
    ...encrypt(3, wasm.shuffle(spare(2), spare(3), second)),
  ];
}

const BLOCKS = 1;
/** Locals: sum, factor, and five times the factor, which is what 2^130 leaves modulo 2^130 - 5; the product. */
const SUM = 2, FACTOR = 7, FIVEFOLD = 12, PRODUCT = 17;
const LIMBS = [0, 1, 2, 3, 4];
export const LIMB_BITS = 26, LIMB_MASK = 0x3ff_ffff;

function poly(): wasm.WasmFunction {
  const body = [
    ...LIMBS.flatMap((i) => set(SUM + i, wasm.loadI64(i32(0), PLACES.sum + 8 * i))),
    ...LIMBS.flatMap((i) => set(FACTOR + i, wasm.loadI64(i32(0), PLACES.factor + 8 * i))),
    ...LIMBS.flatMap((i) => set(FIVEFOLD + i, wasm.mulI64(get(FACTOR + i), i64(5)))),
    ...wasm.repeat(BLOCKS, [
      ...LIMBS.flatMap((i) => set(SUM + i, wasm.addI64(get(SUM + i), limbOfBlock(i)))),
      ...LIMBS.flatMap((i) => set(PRODUCT + i, limbOfProduct(i))),
      ...carryAll(),
      ...LIMBS.flatMap((i) => set(SUM + i, get(PRODUCT + i))),
      ...set(AT, wasm.addI32(get(AT), i32(16))),
    ]),
    ...LIMBS.flatMap((i) => wasm.storeI64(i32(0), get(SUM + i), PLACES.sum + 8 * i)),
  ];
  return { name: "poly", parameters: 2, locals: [[20, wasm.I64]], body };
}

/** 26 bits of a block of 16 bytes; a bit behind its end is set. */
function limbOfBlock(i: number): Code {
  const bit = LIMB_BITS * i, word = wasm.loadU32(get(AT), Math.min(Math.floor(bit / 8), 12));
  if (i === 4) return wasm.orI64(wasm.shrI64(word, i64(8)), i64(1 << 24));
  return wasm.andI64(wasm.shrI64(word, i64(bit % 8)), i64(LIMB_MASK));
}

function limbOfProduct(i: number): Code {
  return LIMBS.map((j) => wasm.mulI64(get(SUM + j), get(j <= i ? FACTOR + i - j : FIVEFOLD + i + 5 - j)))
    .reduce((a, b) => wasm.addI64(a, b));
}

/** Two chains at once, for the processor has time for both. */
function carryAll(): Code {
  return [...carry(0), ...carry(3), ...carry(1), ...carry(4), ...carry(2), ...carry(0), ...carry(3)];
}

/** What a limb has beyond 26 bits goes to the next one; from the last one, fivefold, to the first. */
function carry(from: number): Code {
  const to = (from + 1) % 5, more = wasm.shrI64(get(PRODUCT + from), i64(LIMB_BITS));
  return [
    ...set(PRODUCT + to, wasm.addI64(get(PRODUCT + to), to === 0 ? wasm.mulI64(more, i64(5)) : more)),
    ...set(PRODUCT + from, wasm.andI64(get(PRODUCT + from), i64(LIMB_MASK))),
  ];
}
