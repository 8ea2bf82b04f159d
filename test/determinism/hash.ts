// A hash of bits.

/** FNV-1a, 64 bits, over bytes: any changed bit changes it. */
export class Hash {
  #state = 0xcbf29ce484222325n;
  add(data: ArrayBufferView): void {
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    for (const byte of bytes) {
      this.#state = BigInt.asUintN(64, (this.#state ^ BigInt(byte)) * 0x100000001b3n);
    }
  }
  toString(): string {
    return this.#state.toString(16).padStart(16, "0");
  }
}
