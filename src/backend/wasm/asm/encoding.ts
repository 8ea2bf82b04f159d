/**
 * @file The binary format of WebAssembly: a growing byte buffer with LEB128 integers, and the table of instructions with
 * their codes, types and immediates.
 */

/** Wrong use of the assembler: the message names the function, the instruction, what was expected and what was found. */
export class AsmError extends Error {
  override readonly name = "AsmError";
  /** Name of the function being assembled, or undefined for the module itself. */
  readonly functionName: string | undefined;
  /** Name of the instruction refused, where there is one. */
  readonly instruction: string | undefined;

  constructor(message: string, functionName?: string, instruction?: string) {
    super(message);
    this.functionName = functionName;
    this.instruction = instruction;
  }
}

// A growing byte buffer and the variable-length integers (LEB128) that WebAssembly binaries are made of.

const utf8 = new TextEncoder();

/** An append-only byte buffer. Integers are written little-endian or as LEB128 (WebAssembly core specification, 5.2.2). */
export class Bytes {
  #data: Uint8Array;
  #words: DataView;
  #written = 0;

  /** `capacity` in bytes is a first guess; the buffer doubles when it is full. */
  constructor(capacity = 256) {
    this.#data = new Uint8Array(Math.max(capacity, 16));
    this.#words = new DataView(this.#data.buffer);
  }

  /** Number of bytes written. */
  get length(): number {
    return this.#written;
  }

  #reserve(extra: number): void {
    const needed = this.#written + extra;
    if (needed <= this.#data.length) return;
    const grown = new Uint8Array(Math.max(needed, 2 * this.#data.length));
    grown.set(this.#data);
    this.#data = grown;
    this.#words = new DataView(grown.buffer);
  }

  /** One byte. */
  u8(value: number): this {
    if (this.#written === this.#data.length) this.#reserve(1);
    this.#data[this.#written++] = value;
    return this;
  }

  /** Unsigned LEB128 of an integer in [0, 2^32). */
  u32(value: number): this {
    if (value >= 0 && value < 0x80) return this.u8(value);
    this.#reserve(5);
    let rest = value >>> 0;
    while (rest > 0x7f) {
      this.#data[this.#written++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    this.#data[this.#written++] = rest;
    return this;
  }

  /** Signed LEB128 of the low 32 bits of an integer. */
  s32(value: number): this {
    if (value >= -64 && value < 64) return this.u8(value & 0x7f);
    this.#reserve(5);
    let rest = value | 0;
    while (rest < -64 || rest > 63) {
      this.#data[this.#written++] = (rest & 0x7f) | 0x80;
      rest >>= 7;
    }
    this.#data[this.#written++] = rest & 0x7f;
    return this;
  }

  /** Signed LEB128 of the low 64 bits of an integer. */
  s64(value: bigint): this {
    this.#reserve(10);
    let rest = BigInt.asIntN(64, value);
    while (rest < -64n || rest > 63n) {
      this.#data[this.#written++] = Number(rest & 0x7fn) | 0x80;
      rest >>= 7n;
    }
    this.#data[this.#written++] = Number(rest & 0x7fn);
    return this;
  }

  /** IEEE 754 binary32. */
  f32(value: number): this {
    this.#reserve(4);
    this.#words.setFloat32(this.#written, value, true);
    this.#written += 4;
    return this;
  }

  /** IEEE 754 binary64. */
  f64(value: number): this {
    this.#reserve(8);
    this.#words.setFloat64(this.#written, value, true);
    this.#written += 8;
    return this;
  }

  /** Bytes as they are. */
  raw(bytes: ArrayLike<number>): this {
    this.#reserve(bytes.length);
    this.#data.set(bytes, this.#written);
    this.#written += bytes.length;
    return this;
  }

  /** A name: UTF-8, preceded by its length in bytes. */
  name(text: string): this {
    const encoded = utf8.encode(text);
    return this.u32(encoded.length).raw(encoded);
  }

  /** Another buffer's bytes, preceded by their number: how sections and function bodies are stored. */
  sized(part: Bytes): this {
    return this.u32(part.length).raw(part.view());
  }

  /** The bytes written so far, sharing this buffer's storage. */
  view(): Uint8Array {
    return this.#data.subarray(0, this.#written);
  }

  /** A copy of the bytes written so far. */
  toUint8Array(): Uint8Array<ArrayBuffer> {
    const copy = new Uint8Array(this.#written);
    copy.set(this.view());
    return copy;
  }
}

// The table of WebAssembly instructions: names, codes, operand and result types, immediates.

/** A WebAssembly value type. */
export type ValType = "i32" | "i64" | "f32" | "f64" | "v128";

/**
 * What follows the code in the binary: nothing, a memory address (alignment and offset), an address and a lane, a lane,
 * sixteen lane numbers, or fixed zero bytes (memory indices, of which only 0 exists here).
 */
export type Immediate = "none" | "memory" | "memoryLane" | "lane" | "shuffle" | "zero" | "zeroZero";

/** One row: an instruction with everything needed to check and encode it. */
export interface Opcode {
  readonly name: string;
  /** 0 for one-byte instructions, else 0xfc (bulk memory, saturation), 0xfd (SIMD) or 0xfe (atomics). */
  readonly prefix: number;
  readonly code: number;
  /** In push order: the last one is on top of the stack. */
  readonly operands: readonly ValType[];
  readonly result: ValType | undefined;
  readonly immediate: Immediate;
  /** Memory instructions: the number of bytes touched. Lane instructions: the number of lanes. Else 0. */
  readonly size: number;
}

/** Byte that stands for a value type in the binary. */
export const typeCode: Readonly<Record<ValType, number>> = {
  i32: 0x7f,
  i64: 0x7e,
  f32: 0x7d,
  f64: 0x7c,
  v128: 0x7b,
};

const letters: Record<string, ValType> = { i: "i32", I: "i64", f: "f32", F: "f64", v: "v128" };

// The specification numbers instructions in runs, so a row here is a run: the signature (operands > result; i = i32,
// I = i64, f = f32, F = f64, v = v128), the first code, then the names with consecutive codes. "-" skips a code.
type Run = readonly [signature: string, first: number, names: string];

const compare = "eq ne lt_s lt_u gt_s gt_u le_s le_u ge_s ge_u";
const compareFloat = "eq ne lt gt le ge";
const integer = "add sub mul div_s div_u rem_s rem_u and or xor shl shr_s shr_u rotl rotr";
const floatUnary = "abs neg ceil floor trunc nearest sqrt";
const floatBinary = "add sub mul div min max copysign";

/** Prefixes every word: `of("i32", "add sub")` is "i32.add i32.sub". */
function of(type: string, names: string): string {
  return names
    .split(" ")
    .map((name) => (name === "-" ? name : `${type}.${name}`))
    .join(" ");
}

const plain: readonly Run[] = [
  [">", 0x00, "unreachable nop"],
  ["i>i", 0x45, "i32.eqz"],
  ["ii>i", 0x46, of("i32", compare)],
  ["I>i", 0x50, "i64.eqz"],
  ["II>i", 0x51, of("i64", compare)],
  ["ff>i", 0x5b, of("f32", compareFloat)],
  ["FF>i", 0x61, of("f64", compareFloat)],
  ["i>i", 0x67, of("i32", "clz ctz popcnt")],
  ["ii>i", 0x6a, of("i32", integer)],
  ["I>I", 0x79, of("i64", "clz ctz popcnt")],
  ["II>I", 0x7c, of("i64", integer)],
  ["f>f", 0x8b, of("f32", floatUnary)],
  ["ff>f", 0x92, of("f32", floatBinary)],
  ["F>F", 0x99, of("f64", floatUnary)],
  ["FF>F", 0xa0, of("f64", floatBinary)],
  ["I>i", 0xa7, "i32.wrap_i64"],
  ["f>i", 0xa8, of("i32", "trunc_f32_s trunc_f32_u")],
  ["F>i", 0xaa, of("i32", "trunc_f64_s trunc_f64_u")],
  ["i>I", 0xac, of("i64", "extend_i32_s extend_i32_u")],
  ["f>I", 0xae, of("i64", "trunc_f32_s trunc_f32_u")],
  ["F>I", 0xb0, of("i64", "trunc_f64_s trunc_f64_u")],
  ["i>f", 0xb2, of("f32", "convert_i32_s convert_i32_u")],
  ["I>f", 0xb4, of("f32", "convert_i64_s convert_i64_u")],
  ["F>f", 0xb6, "f32.demote_f64"],
  ["i>F", 0xb7, of("f64", "convert_i32_s convert_i32_u")],
  ["I>F", 0xb9, of("f64", "convert_i64_s convert_i64_u")],
  ["f>F", 0xbb, "f64.promote_f32"],
  ["f>i", 0xbc, "i32.reinterpret_f32"],
  ["F>I", 0xbd, "i64.reinterpret_f64"],
  ["i>f", 0xbe, "f32.reinterpret_i32"],
  ["I>F", 0xbf, "f64.reinterpret_i64"],
  ["i>i", 0xc0, of("i32", "extend8_s extend16_s")],
  ["I>I", 0xc2, of("i64", "extend8_s extend16_s extend32_s")],
];

const saturating: readonly Run[] = [
  ["f>i", 0, of("i32", "trunc_sat_f32_s trunc_sat_f32_u")],
  ["F>i", 2, of("i32", "trunc_sat_f64_s trunc_sat_f64_u")],
  ["f>I", 4, of("i64", "trunc_sat_f32_s trunc_sat_f32_u")],
  ["F>I", 6, of("i64", "trunc_sat_f64_s trunc_sat_f64_u")],
];

const simd: readonly Run[] = [
  ["vv>v", 14, "i8x16.swizzle"],
  ["i>v", 15, "i8x16.splat i16x8.splat i32x4.splat"],
  ["I>v", 18, "i64x2.splat"],
  ["f>v", 19, "f32x4.splat"],
  ["F>v", 20, "f64x2.splat"],
  ["vv>v", 35, of("i8x16", compare)],
  ["vv>v", 45, of("i16x8", compare)],
  ["vv>v", 55, of("i32x4", compare)],
  ["vv>v", 65, of("f32x4", compareFloat)],
  ["vv>v", 71, of("f64x2", compareFloat)],
  ["v>v", 77, "v128.not"],
  ["vv>v", 78, of("v128", "and andnot or xor")],
  ["vvv>v", 82, "v128.bitselect"],
  ["v>i", 83, "v128.any_true"],
  ["v>v", 94, "f32x4.demote_f64x2_zero f64x2.promote_low_f32x4"],
  ["v>v", 96, of("i8x16", "abs neg popcnt")],
  ["v>i", 99, of("i8x16", "all_true bitmask")],
  ["vv>v", 101, of("i8x16", "narrow_i16x8_s narrow_i16x8_u")],
  ["v>v", 103, of("f32x4", "ceil floor trunc nearest")],
  ["vi>v", 107, of("i8x16", "shl shr_s shr_u")],
  ["vv>v", 110, of("i8x16", "add add_sat_s add_sat_u sub sub_sat_s sub_sat_u")],
  ["v>v", 116, of("f64x2", "ceil floor")],
  ["vv>v", 118, of("i8x16", "min_s min_u max_s max_u")],
  ["v>v", 122, "f64x2.trunc"],
  ["vv>v", 123, "i8x16.avgr_u"],
  ["v>v", 124, of("i16x8", "extadd_pairwise_i8x16_s extadd_pairwise_i8x16_u")],
  ["v>v", 126, of("i32x4", "extadd_pairwise_i16x8_s extadd_pairwise_i16x8_u")],
  ["v>v", 128, of("i16x8", "abs neg")],
  ["vv>v", 130, "i16x8.q15mulr_sat_s"],
  ["v>i", 131, of("i16x8", "all_true bitmask")],
  ["vv>v", 133, of("i16x8", "narrow_i32x4_s narrow_i32x4_u")],
  [
    "v>v",
    135,
    of("i16x8", "extend_low_i8x16_s extend_high_i8x16_s extend_low_i8x16_u extend_high_i8x16_u"),
  ],
  ["vi>v", 139, of("i16x8", "shl shr_s shr_u")],
  ["vv>v", 142, of("i16x8", "add add_sat_s add_sat_u sub sub_sat_s sub_sat_u")],
  ["v>v", 148, "f64x2.nearest"],
  ["vv>v", 149, of("i16x8", "mul min_s min_u max_s max_u - avgr_u")],
  [
    "vv>v",
    156,
    of("i16x8", "extmul_low_i8x16_s extmul_high_i8x16_s extmul_low_i8x16_u extmul_high_i8x16_u"),
  ],
  ["v>v", 160, of("i32x4", "abs neg")],
  ["v>i", 163, of("i32x4", "all_true bitmask")],
  [
    "v>v",
    167,
    of("i32x4", "extend_low_i16x8_s extend_high_i16x8_s extend_low_i16x8_u extend_high_i16x8_u"),
  ],
  ["vi>v", 171, of("i32x4", "shl shr_s shr_u")],
  ["vv>v", 174, of("i32x4", "add - - sub - - - mul min_s min_u max_s max_u dot_i16x8_s")],
  [
    "vv>v",
    188,
    of("i32x4", "extmul_low_i16x8_s extmul_high_i16x8_s extmul_low_i16x8_u extmul_high_i16x8_u"),
  ],
  ["v>v", 192, of("i64x2", "abs neg")],
  ["v>i", 195, of("i64x2", "all_true bitmask")],
  [
    "v>v",
    199,
    of("i64x2", "extend_low_i32x4_s extend_high_i32x4_s extend_low_i32x4_u extend_high_i32x4_u"),
  ],
  ["vi>v", 203, of("i64x2", "shl shr_s shr_u")],
  ["vv>v", 206, of("i64x2", "add - - sub - - - mul eq ne lt_s gt_s le_s ge_s")],
  [
    "vv>v",
    220,
    of("i64x2", "extmul_low_i32x4_s extmul_high_i32x4_s extmul_low_i32x4_u extmul_high_i32x4_u"),
  ],
  ["v>v", 224, of("f32x4", "abs neg - sqrt")],
  ["vv>v", 228, of("f32x4", "add sub mul div min max pmin pmax")],
  ["v>v", 236, of("f64x2", "abs neg - sqrt")],
  ["vv>v", 240, of("f64x2", "add sub mul div min max pmin pmax")],
  [
    "v>v",
    248,
    "i32x4.trunc_sat_f32x4_s i32x4.trunc_sat_f32x4_u f32x4.convert_i32x4_s f32x4.convert_i32x4_u",
  ],
  ["v>v", 252, "i32x4.trunc_sat_f64x2_s_zero i32x4.trunc_sat_f64x2_u_zero"],
  ["v>v", 254, "f64x2.convert_low_i32x4_s f64x2.convert_low_i32x4_u"],
];

// Instructions with immediates, as [prefix, immediate, runs]; a name carries its `size` after a colon.
type Special = readonly [prefix: number, immediate: Immediate, runs: readonly Run[]];

const special: readonly Special[] = [
  [
    0,
    "memory",
    [
      ["i>i", 0x28, "i32.load:4"],
      ["i>I", 0x29, "i64.load:8"],
      ["i>f", 0x2a, "f32.load:4"],
      ["i>F", 0x2b, "f64.load:8"],
      ["i>i", 0x2c, "i32.load8_s:1 i32.load8_u:1 i32.load16_s:2 i32.load16_u:2"],
      [
        "i>I",
        0x30,
        "i64.load8_s:1 i64.load8_u:1 i64.load16_s:2 i64.load16_u:2 i64.load32_s:4 i64.load32_u:4",
      ],
      ["ii>", 0x36, "i32.store:4"],
      ["iI>", 0x37, "i64.store:8"],
      ["if>", 0x38, "f32.store:4"],
      ["iF>", 0x39, "f64.store:8"],
      ["ii>", 0x3a, "i32.store8:1 i32.store16:2"],
      ["iI>", 0x3c, "i64.store8:1 i64.store16:2 i64.store32:4"],
    ],
  ],
  [
    0,
    "zero",
    [
      [">i", 0x3f, "memory.size"],
      ["i>i", 0x40, "memory.grow"],
    ],
  ],
  [0xfc, "zeroZero", [["iii>", 10, "memory.copy"]]],
  [0xfc, "zero", [["iii>", 11, "memory.fill"]]],
  [
    0xfd,
    "memory",
    [
      [
        "i>v",
        0,
        "v128.load:16 v128.load8x8_s:8 v128.load8x8_u:8 v128.load16x4_s:8 v128.load16x4_u:8",
      ],
      ["i>v", 5, "v128.load32x2_s:8 v128.load32x2_u:8"],
      ["i>v", 7, "v128.load8_splat:1 v128.load16_splat:2 v128.load32_splat:4 v128.load64_splat:8"],
      ["iv>", 11, "v128.store:16"],
      ["i>v", 92, "v128.load32_zero:4 v128.load64_zero:8"],
    ],
  ],
  [
    0xfd,
    "memoryLane",
    [
      ["iv>v", 84, "v128.load8_lane:1 v128.load16_lane:2 v128.load32_lane:4 v128.load64_lane:8"],
      ["iv>", 88, "v128.store8_lane:1 v128.store16_lane:2 v128.store32_lane:4 v128.store64_lane:8"],
    ],
  ],
  [0xfd, "shuffle", [["vv>v", 13, "i8x16.shuffle"]]],
  [
    0xfd,
    "lane",
    [
      ["v>i", 21, "i8x16.extract_lane_s:16 i8x16.extract_lane_u:16"],
      ["vi>v", 23, "i8x16.replace_lane:16"],
      ["v>i", 24, "i16x8.extract_lane_s:8 i16x8.extract_lane_u:8"],
      ["vi>v", 26, "i16x8.replace_lane:8"],
      ["v>i", 27, "i32x4.extract_lane:4"],
      ["vi>v", 28, "i32x4.replace_lane:4"],
      ["v>I", 29, "i64x2.extract_lane:2"],
      ["vI>v", 30, "i64x2.replace_lane:2"],
      ["v>f", 31, "f32x4.extract_lane:4"],
      ["vf>v", 32, "f32x4.replace_lane:4"],
      ["v>F", 33, "f64x2.extract_lane:2"],
      ["vF>v", 34, "f64x2.replace_lane:2"],
    ],
  ],
  // Atomics, for threads over a shared memory.
  [
    0xfe,
    "memory",
    [
      ["ii>i", 0x00, "memory.atomic.notify:4"],
      ["iiI>i", 0x01, "memory.atomic.wait32:4"],
      ["i>i", 0x10, "i32.atomic.load:4"],
      ["i>I", 0x11, "i64.atomic.load:8"],
      ["ii>", 0x17, "i32.atomic.store:4"],
      ["iI>", 0x18, "i64.atomic.store:8"],
      ["ii>i", 0x1e, "i32.atomic.rmw.add:4"],
      ["ii>i", 0x25, "i32.atomic.rmw.sub:4"],
      ["ii>i", 0x41, "i32.atomic.rmw.xchg:4"],
      ["iii>i", 0x48, "i32.atomic.rmw.cmpxchg:4"],
      ["iII>I", 0x49, "i64.atomic.rmw.cmpxchg:8"],
    ],
  ],
];

function addRuns(
  table: Map<string, Opcode>,
  prefix: number,
  immediate: Immediate,
  runs: readonly Run[],
): void {
  for (const [signature, first, names] of runs) {
    const [left = "", right = ""] = signature.split(">");
    const operands = [...left].map((letter) => letters[letter]!);
    names.split(" ").forEach((word, i) => {
      if (word === "-") return;
      const [name, size] = word.split(":");
      const result = right === "" ? undefined : letters[right]!;
      table.set(name!, {
        name: name!,
        prefix,
        code: first + i,
        operands,
        result,
        immediate,
        size: Number(size ?? 0),
      });
    });
  }
}

function buildTable(): ReadonlyMap<string, Opcode> {
  const table = new Map<string, Opcode>();
  addRuns(table, 0, "none", plain);
  addRuns(table, 0xfc, "none", saturating);
  addRuns(table, 0xfd, "none", simd);
  for (const [prefix, immediate, runs] of special) addRuns(table, prefix, immediate, runs);
  return table;
}

/**
 * Every instruction the assembler knows, by its name in the text format (WebAssembly core specification, appendix
 * "Index of Instructions"; atomics: threads proposal). No relaxed SIMD: its results differ between machines.
 */
export const opcodes: ReadonlyMap<string, Opcode> = buildTable();
