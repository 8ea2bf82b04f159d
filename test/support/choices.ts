/** @file Choices for random programs of property tests: each is drawn from a list of numbers, so that fast-check can shrink them. */
/** Draws choices from a finite list, over and over. */
export class Choices {
  private next = 0;
  private readonly numbers: readonly number[];

  constructor(numbers: readonly number[]) {
    this.numbers = numbers.length === 0 ? [0] : numbers;
  }

  below(bound: number): number {
    const { length } = this.numbers;
    const at = this.next++;
    // Another number each time round, for programs longer than the list.
    return (this.numbers[at % length]! + 7919 * Math.floor(at / length)) % bound;
  }

  of<T>(list: readonly T[]): T {
    return list[this.below(list.length)]!;
  }
}

export const permutation = (draw: Choices, rank: number): number[] => {
  const left = Array.from({ length: rank }, (_, axis) => axis);
  return Array.from({ length: rank }, () => left.splice(draw.below(left.length), 1)[0]!);
};
export const axesOf = (draw: Choices, rank: number): number[] =>
  Array.from({ length: rank }, (_, axis) => axis).filter(() => draw.below(2) === 1);
