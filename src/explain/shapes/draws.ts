/** @file Numbers to draw a picture with: the same for a seed and a place on every machine, whatever else is drawn. */
import { jit } from "../../compile/jit.ts";
import { Tensor } from "../../ir/tensor.ts";
import { random } from "../../ops/index.ts";

/** A cursor over uniform random numbers in [0, 1). */
export class Draws {
  private readonly numbers: ArrayLike<number>;
  private next = 0;

  constructor(numbers: ArrayLike<number>) {
    this.numbers = numbers;
  }

  /** Uniform in [from, to). */
  between(from: number, to: number): number {
    return from + (to - from) * this.numbers[this.next++]!;
  }

  /** An integer in [0, count). */
  pick(count: number): number {
    return Math.floor(this.between(0, count));
  }

  /** `count` numbers in [0, 1). */
  several(count: number): number[] {
    return Array.from({ length: count }, () => this.between(0, 1));
  }

  /**
   * Cosine and sine of an angle from everywhere on the circle: an eighth of it by its rational parametrisation
   * ((1 - s^2) / (1 + s^2), 2 s / (1 + s^2)), mirrored. Within a sixth of uniform.
   */
  turn(): readonly [cos: number, sin: number] {
    const s = this.between(0, Math.SQRT2 - 1);
    const cos = (1 - s * s) / (1 + s * s);
    const sin = (2 * s) / (1 + s * s);
    const eighth = this.pick(8);
    const [x, y] = eighth % 2 === 0 ? [cos, sin] : [sin, cos];
    return [eighth & 2 ? -x : x, eighth & 4 ? -y : y];
  }
}

/** For each of the places a cursor over `count` numbers of its own. */
export function drawsOf(seed: number, count: number): (place: number) => Draws {
  const key = random.key(seed);
  const numbers = jit((place: Tensor) => random.uniform(random.foldIn(key, place), [count]));
  return (place) =>
    new Draws(
      numbers(new Tensor({ shape: [], dtype: "int32" }, Int32Array.of(place)))
        .elements as Float32Array,
    );
}
