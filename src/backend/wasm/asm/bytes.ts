// A growing byte buffer and the variable-length integers (LEB128) that WebAssembly binaries are made of.

const utf8 = new TextEncoder();

/** An append-only byte buffer. Integers are written little-endian or as LEB128 (WebAssembly core specification, 5.2.2). */
export class Bytes {
  private data: Uint8Array;
  private words: DataView;
  private written = 0;

  /** `capacity` in bytes is a first guess; the buffer doubles when it is full. */
  constructor(capacity = 256) {
    this.data = new Uint8Array(Math.max(capacity, 16));
    this.words = new DataView(this.data.buffer);
  }

  /** Number of bytes written. */
  get length(): number {
    return this.written;
  }

  private reserve(extra: number): void {
    const needed = this.written + extra;
    if (needed <= this.data.length) return;
    const grown = new Uint8Array(Math.max(needed, 2 * this.data.length));
    grown.set(this.data);
    this.data = grown;
    this.words = new DataView(grown.buffer);
  }

  /** One byte. */
  u8(value: number): this {
    if (this.written === this.data.length) this.reserve(1);
    this.data[this.written++] = value;
    return this;
  }

  /** Unsigned LEB128 of an integer in [0, 2^32). */
  u32(value: number): this {
    if (value >= 0 && value < 0x80) return this.u8(value);
    this.reserve(5);
    let rest = value >>> 0;
    while (rest > 0x7f) {
      this.data[this.written++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    this.data[this.written++] = rest;
    return this;
  }

  /** Signed LEB128 of the low 32 bits of an integer. */
  s32(value: number): this {
    if (value >= -64 && value < 64) return this.u8(value & 0x7f);
    this.reserve(5);
    let rest = value | 0;
    while (rest < -64 || rest > 63) {
      this.data[this.written++] = (rest & 0x7f) | 0x80;
      rest >>= 7;
    }
    this.data[this.written++] = rest & 0x7f;
    return this;
  }

  /** Signed LEB128 of the low 64 bits of an integer. */
  s64(value: bigint): this {
    this.reserve(10);
    let rest = BigInt.asIntN(64, value);
    while (rest < -64n || rest > 63n) {
      this.data[this.written++] = Number(rest & 0x7fn) | 0x80;
      rest >>= 7n;
    }
    this.data[this.written++] = Number(rest & 0x7fn);
    return this;
  }

  /** IEEE 754 binary32. */
  f32(value: number): this {
    this.reserve(4);
    this.words.setFloat32(this.written, value, true);
    this.written += 4;
    return this;
  }

  /** IEEE 754 binary64. */
  f64(value: number): this {
    this.reserve(8);
    this.words.setFloat64(this.written, value, true);
    this.written += 8;
    return this;
  }

  /** Bytes as they are. */
  raw(bytes: ArrayLike<number>): this {
    this.reserve(bytes.length);
    this.data.set(bytes, this.written);
    this.written += bytes.length;
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
    return this.data.subarray(0, this.written);
  }

  /** A copy of the bytes written so far. */
  toUint8Array(): Uint8Array<ArrayBuffer> {
    const copy = new Uint8Array(this.written);
    copy.set(this.view());
    return copy;
  }
}
