// Programs that share working memory.
import { describe, expect, it } from "vitest";
import { backend } from "../../src/compile/engine.ts";
import { Executable } from "../../src/compile/evaluate.ts";
import { type Tensor, conv2d, random } from "../../src/index.ts";
import { trace } from "../../src/ir/trace.ts";

const image = random.normal(random.key(1), [1, 96, 96, 32]);
const kernel = random.normal(random.key(2), [3, 3, 32, 32]).mul(0.05);

/** A chain of convolutions whose results between them take more than a mebibyte each, summed at the end. */
const chain =
  (length: number) =>
  (x: Tensor, k: Tensor): Tensor[] => {
    const values = [x];
    for (let i = 0; i < length; i++)
      values.push(conv2d(values.at(-1)!, k, { padding: "same" }).relu());
    return [values.map((value) => value.sum([0, 3])).reduce((a, b) => a.add(b))];
  };

const compiled = (length: number): Executable => {
  const { graph, captured } = trace((x, k) => chain(length)(x!, k!), [image, kernel]);
  const made = new Executable(graph, `chain of ${length}`, captured);
  made.call([image, kernel]);
  return made;
};
const resultOf = (program: Executable): number[] =>
  Array.from(program.call([image, kernel])[0]!.data());

describe("programs", () => {
  it("work in the same memory, in turns, and give it back", () => {
    const { memory } = backend();
    compiled(6).release();
    const before = memory.used;
    const first = compiled(4);
    const alone = memory.used - before;
    const second = compiled(4);
    const third = compiled(6);
    const image4 = 96 * 96 * 32 * 4;
    // Inputs, outputs and code of their own, but room for two more images at most.
    expect(memory.used - before).toBeLessThan(3 * image4 + alone + 2.5 * image4);
    const wanted = [first, second, third].map(resultOf);
    expect(wanted[1]).toEqual(wanted[0]);
    expect([third, first, second].map(resultOf)).toEqual([wanted[2], wanted[0], wanted[1]]);
    first.release();
    expect(resultOf(third)).toEqual(wanted[2]);
    third.release();
    expect(resultOf(second)).toEqual(wanted[1]);
    second.release();
    expect(memory.used).toBe(before);
  });

  it("that are larger work in the blocks of smaller ones, and in one more", () => {
    const [small, larger] = [compiled(2), compiled(5)];
    const wanted = resultOf(small);
    resultOf(larger);
    expect(resultOf(small)).toEqual(wanted);
    small.release();
    const again = compiled(2);
    expect(resultOf(again)).toEqual(wanted);
    for (const program of [larger, again]) program.release();
  });
});
