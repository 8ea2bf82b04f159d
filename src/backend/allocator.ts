/**
 * @file Hands out blocks of a linear address space: first fit over a list of free blocks sorted by address, neighbours
 * merged.
 */
import { InternalError, complaint } from "../base/errors.ts";

/** Alignment and granularity of blocks, in bytes: a cache line. */
export const blockAlignment = 64;

/** What an allocator asks of the memory it manages. */
export interface AddressSpace {
  /**
   * Makes bytes [0, end) addressable and returns how many are now (at least `end`).
   * Throws RangeError when that is impossible.
   */
  grow(end: number): number;
  /** Zeroes bytes [start, end), which were in use before. */
  clear(start: number, end: number): void;
}

interface Block {
  start: number;
  end: number;
}

const roundUp = (bytes: number): number =>
  Math.ceil(Math.max(bytes, 1) / blockAlignment) * blockAlignment;

/** Allocates zeroed blocks of an address space from `start` on. Never hands out address 0. */
export class Allocator {
  readonly #space: AddressSpace;
  /** Free blocks in order of address; no two of them touch. The space beyond `#top` is not listed. */
  readonly #free: Block[] = [];
  /** Everything from here on has never been handed out, and is still zero. */
  #top: number;
  /** Bytes addressable now. */
  #limit = 0;
  #used = 0;

  constructor(space: AddressSpace, start: number = blockAlignment) {
    this.#space = space;
    this.#top = roundUp(start);
  }

  /** Bytes handed out now, each block rounded up to the alignment. */
  get used(): number {
    return this.#used;
  }

  /** Address of a zeroed block of at least `bytes` bytes. Throws RangeError when the space cannot grow. */
  allocate(bytes: number): number {
    if (!(Number.isSafeInteger(bytes) && bytes >= 0)) {
      throw new RangeError(complaint("allocate", "a number of bytes", String(bytes)));
    }
    const size = roundUp(bytes);
    const index = this.#free.findIndex((block) => block.end - block.start >= size);
    const start = index < 0 ? this.#extend(size) : this.#take(index, size);
    this.#used += size;
    return start;
  }

  /** Gives a block back by its address and the size it was allocated with. Throws InternalError if it is not in use. */
  free(start: number, bytes: number): void {
    const end = start + roundUp(bytes);
    const next = this.#firstAfter(start);
    const before = this.#free[next - 1];
    const after = this.#free[next];
    if (
      start % blockAlignment !== 0 ||
      end > this.#top ||
      (before?.end ?? 0) > start ||
      (after?.start ?? end) < end
    ) {
      throw new InternalError(
        complaint("free", "a block in use", `${bytes} bytes at address ${start}`),
      );
    }
    const joinsBefore = before?.end === start;
    const joinsAfter = after?.start === end;
    if (joinsBefore && joinsAfter) {
      before.end = after.end;
      this.#free.splice(next, 1);
    } else if (joinsBefore) before.end = end;
    else if (joinsAfter) after.start = start;
    else this.#free.splice(next, 0, { start, end });
    this.#used -= end - start;
  }

  #take(index: number, size: number): number {
    const block = this.#free[index]!;
    const { start } = block;
    block.start += size;
    if (block.start === block.end) this.#free.splice(index, 1);
    this.#space.clear(start, start + size);
    return start;
  }

  /** A block at the top, beginning in the last free block if that one touches the top. */
  #extend(size: number): number {
    const last = this.#free.at(-1);
    const start = last?.end === this.#top ? last.start : this.#top;
    const end = start + size;
    if (end > this.#limit) this.#limit = this.#space.grow(end);
    if (start < this.#top) {
      this.#free.pop();
      this.#space.clear(start, this.#top);
    }
    this.#top = end;
    return start;
  }

  /** Index of the first free block that starts after an address. */
  #firstAfter(address: number): number {
    let low = 0;
    let high = this.#free.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#free[middle]!.start <= address) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
