/**
 * Writes WebAssembly modules: as much of the binary format (webassembly.github.io/spec) as the cipher needs. Code is
 * made of nested calls, each of which returns the bytes of an expression or a statement.
 */

/** Instructions, as the bytes of the binary format. */
export type Code = readonly number[];

/** Types of values. */
export const I32 = 0x7f, I64 = 0x7e, V128 = 0x7b;

/** An exported function without a result. */
export interface WasmFunction {
  readonly name: string;
  /** Number of parameters, all of them I32: locals from 0 on. */
  readonly parameters: number;
  /** Further locals: how many, and of which type. */
  readonly locals: readonly (readonly [number, number])[];
  readonly body: Code;
}

const MAGIC_AND_VERSION = [0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0];
const TYPES = 1, FUNCTIONS = 3, MEMORIES = 5, EXPORTS = 7, CODES = 10;
const FUNCTION_TYPE = 0x60, EXPORTED_FUNCTION = 0, EXPORTED_MEMORY = 2, END = 0x0b, NO_RESULT = 0x40;

/** A module of some functions and a memory, exported as "memory". @param pages size of the memory in 64 KiB */
export function moduleOf(pages: number, functions: readonly WasmFunction[]): Uint8Array<ArrayBuffer> {
  const types = functions.map(({ parameters }) => [FUNCTION_TYPE, ...list(Array(parameters).fill([I32])), 0]);
  const names = functions.map(({ name }, i) => [...text(name), EXPORTED_FUNCTION, ...unsigned(i)]);
  return Uint8Array.from([
    ...MAGIC_AND_VERSION,
    ...section(TYPES, types),
    ...section(FUNCTIONS, functions.map((_, i) => unsigned(i))),
    ...section(MEMORIES, [[0, ...unsigned(pages)]]),
    ...section(EXPORTS, [[...text("memory"), EXPORTED_MEMORY, 0], ...names]),
    ...section(CODES, functions.map(codeOf)),
  ]);
}

function codeOf({ locals, body }: WasmFunction): Code {
  return sized([...list(locals.map(([count, type]) => [...unsigned(count), type])), ...body, END]);
}

function section(id: number, items: readonly Code[]): Code {
  return [id, ...sized(list(items))];
}

function list(items: readonly Code[]): Code {
  return [...unsigned(items.length), ...items.flat()];
}

function sized(bytes: Code): Code {
  return [...unsigned(bytes.length), ...bytes];
}

function text(name: string): Code {
  return sized([...new TextEncoder().encode(name)]);
}

/** LEB128 of a number from 0 on. */
function unsigned(value: number): Code {
  return value < 0x80 ? [value] : [value & 0x7f | 0x80, ...unsigned(value >>> 7)];
}

/** LEB128 of a number with a sign. */
function signed(value: number): Code {
  return -0x40 <= value && value < 0x40 ? [value & 0x7f] : [value & 0x7f | 0x80, ...signed(value >> 7)];
}

export const get = (local: number): Code => [0x20, ...unsigned(local)];
export const set = (local: number, value: Code): Code => [...value, 0x21, ...unsigned(local)];

/** Constants: 32-bit numbers with a sign, and 16 bytes. */
export const i32 = (value: number): Code => [0x41, ...signed(value)];
export const i64 = (value: number): Code => [0x42, ...signed(value)];
export const v128 = (bytes: readonly number[]): Code => [...vector(12), ...bytes];

/** Memory at an address and an offset. */
export const loadI64 = (at: Code, offset: number): Code => [...at, 0x29, 0, ...unsigned(offset)];
export const loadU32 = (at: Code, offset: number): Code => [...at, 0x35, 0, ...unsigned(offset)];
export const storeI64 = (
  at: Code,
  value: Code,
  offset: number,
): Code => [...at, ...value, 0x37, 0, ...unsigned(offset)];
export const loadV = (at: Code, offset: number): Code => [...at, ...vector(0), 0, ...unsigned(offset)];
export const storeV = (at: Code, value: Code, offset: number): Code => [
  ...at,
  ...value,
  ...vector(11),
  0,
  ...unsigned(offset),
];
/** The 32 bits there, four times. */
export const loadEach = (at: Code, offset: number): Code => [...at, ...vector(9), 0, ...unsigned(offset)];

/** A statement that is repeated as long as a local, which is decremented each time, isn't 0. The local begins above 0. */
export const repeat = (local: number, body: Code): Code => {
  const less = [...get(local), ...i32(1), 0x6b, 0x22, ...unsigned(local)];
  return [0x03, NO_RESULT, ...body, ...less, 0x0d, 0, END];
};

export const addI32 = operator([0x6a]);
export const addI64 = operator([0x7c]), mulI64 = operator([0x7e]), andI64 = operator([0x83]), orI64 = operator([0x84]);
export const shrI64 = operator([0x88]);
/** Four numbers of 32 bits at once; shifts take a number of bits, and `each` makes four of one. */
export const each = operator(vector(17)), addV = operator(vector(174)), xorV = operator(vector(81));
export const orV = operator(vector(80)), shlV = operator(vector(171)), shrV = operator(vector(173));
/** Any 16 of the bytes of two vectors, 0 to 15 and 16 to 31. */
export const shuffle = (a: Code, b: Code, bytes: readonly number[]): Code => [...a, ...b, ...vector(13), ...bytes];

function operator(code: Code): (...operands: Code[]) => Code {
  return (...operands) => [...operands.flat(), ...code];
}

function vector(code: number): Code {
  return [0xfd, ...unsigned(code)];
}
