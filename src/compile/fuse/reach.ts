/** @file Which groups must run before which: a transitive relation kept up to date edge by edge, in rows of bits. */

/** Anything numbered from 0 without gaps. */
interface Numbered {
  readonly index: number;
}

/** `a` waits for `b` if it needs b, or something that waits for b. */
export class Reach<T extends Numbered> {
  private readonly rows: Uint32Array[] = [];
  private words = 8;
  /** Those somebody waits for, by index. */
  private readonly awaited: boolean[] = [];

  /** Whether `a` must run after `b`. */
  waits(a: T, b: T): boolean {
    const row = this.rows[a.index];
    return row !== undefined && ((row[b.index >>> 5]! >>> (b.index & 31)) & 1) === 1;
  }

  /** From now on `a` needs `b`. */
  add(a: T, b: T): void {
    if (this.waits(a, b)) return;
    this.merge(this.row(a.index), b);
    this.awaited[b.index] = true;
    if (this.awaited[a.index] !== true) return;
    // Whoever waits for a waits for b too.
    this.rows.forEach((row, index) => {
      if (index !== a.index && this.bit(row, a.index)) this.merge(row, b);
    });
  }

  /** Everybody who waits for `b` now waits for `a`, and `a` for what `b` waits for. */
  join(a: T, b: T): void {
    const own = this.row(a.index);
    const other = this.row(b.index);
    for (let word = 0; word < other.length; word++) own[word]! |= other[word]!;
    this.clear(own, a.index);
    this.clear(own, b.index);
    if (this.awaited[b.index] === true) this.awaited[a.index] = true;
    this.rows.forEach((row, index) => {
      if (index === a.index || !(this.bit(row, b.index) || this.bit(row, a.index))) return;
      this.merge(row, a);
    });
  }

  private merge(row: Uint32Array, b: T): void {
    const other = this.row(b.index);
    for (let word = 0; word < other.length; word++) row[word]! |= other[word]!;
    row[b.index >>> 5]! |= 1 << (b.index & 31);
  }

  private bit(row: Uint32Array, index: number): boolean {
    return ((row[index >>> 5]! >>> (index & 31)) & 1) === 1;
  }

  private clear(row: Uint32Array, index: number): void {
    row[index >>> 5]! &= ~(1 << (index & 31));
  }

  private row(index: number): Uint32Array {
    while (index >= this.words * 32) {
      this.words *= 2;
      this.rows.forEach((row, at) => {
        const wider = new Uint32Array(this.words);
        wider.set(row);
        this.rows[at] = wider;
      });
    }
    return (this.rows[index] ??= new Uint32Array(this.words));
  }
}
