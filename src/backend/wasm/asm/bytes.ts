// A growing byte buffer and the variable-length integers (LEB128) that WebAssembly binaries are made of.

const utf8 = new TextEncoder();

/** An append-only byte buffer. Integers are written little-endian or as LEB128 (WebAssembly core specification, 5.2.2). */
export class Bytes {
  #buffer: Uint8Array;
  #view: DataView;
  #length = 0;

  /** `capacity` in bytes is a first guess; the buffer doubles when it is full. */
  constructor(capacity = 256) {
    this.#buffer = new Uint8Array(Math.max(capacity, 16));
    this.#view = new DataView(this.#buffer.buffer);
  }

  /** Number of bytes written. */
  get length(): number {
    return this.#length;
  }

  #reserve(extra: number): void {
    const needed = this.#length + extra;
    if (needed <= this.#buffer.length) return;
    const grown = new Uint8Array(Math.max(needed, 2 * this.#buffer.length));
    grown.set(this.#buffer);
    this.#buffer = grown;
    this.#view = new DataView(grown.buffer);
  }

  /** One byte. */
  u8(value: number): this {
    if (this.#length === this.#buffer.length) this.#reserve(1);
    this.#buffer[this.#length++] = value;
    return this;
  }

  /** Unsigned LEB128 of an integer in [0, 2^32). */
  u32(value: number): this {
    this.#reserve(5);
    let rest = value >>> 0;
    while (rest > 0x7f) {
      this.#buffer[this.#length++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    this.#buffer[this.#length++] = rest;
    return this;
  }

  /** Signed LEB128 of the low 32 bits of an integer. */
  s32(value: number): this {
    this.#reserve(5);
    let rest = value | 0;
    while (rest < -64 || rest > 63) {
      this.#buffer[this.#length++] = (rest & 0x7f) | 0x80;
      rest >>= 7;
    }
    this.#buffer[this.#length++] = rest & 0x7f;
    return this;
  }

  /** Signed LEB128 of the low 64 bits of an integer. */
  s64(value: bigint): this {
    this.#reserve(10);
    let rest = BigInt.asIntN(64, value);
    while (rest < -64n || rest > 63n) {
      this.#buffer[this.#length++] = Number(rest & 0x7fn) | 0x80;
      rest >>= 7n;
    }
    this.#buffer[this.#length++] = Number(rest & 0x7fn);
    return this;
  }

  /** IEEE 754 binary32. */
  f32(value: number): this {
    this.#reserve(4);
    this.#view.setFloat32(this.#length, value, true);
    this.#length += 4;
    return this;
  }

  /** IEEE 754 binary64. */
  f64(value: number): this {
    this.#reserve(8);
    this.#view.setFloat64(this.#length, value, true);
    this.#length += 8;
    return this;
  }

  /** Bytes as they are. */
  raw(bytes: ArrayLike<number>): this {
    this.#reserve(bytes.length);
    this.#buffer.set(bytes, this.#length);
    this.#length += bytes.length;
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
    return this.#buffer.subarray(0, this.#length);
  }

  /** A copy of the bytes written so far. */
  toUint8Array(): Uint8Array<ArrayBuffer> {
    const copy = new Uint8Array(this.#length);
    copy.set(this.view());
    return copy;
  }
}
