/** @file A method of many passes: how much the score falls when the picture is darkened to a level, times the picture. */
import { explainer, kinds, optional } from "../../../src/explain/index.ts";
import { tensor } from "../../../src/index.ts";

export const darkened = explainer({
  name: "darkened",
  title: "Darkened",
  source: "this test",
  at: "image",
  fold: "sum",
  relu: false,
  options: { levels: optional(kinds.count, 4, "Number of levels between the picture and black.") },
  *study({ image, score, program }, { levels }) {
    const scores = program(
      [levels],
      levels,
      (look, picture, factors) => look(picture!.mul(factors!.reshape([levels, 1, 1, 1]))).scores,
    );
    yield 0;
    const factors = Float32Array.from({ length: levels }, (_, i) => i / levels);
    const lost = scores(image, tensor(factors)).neg().add(score).mean();
    return image.mul(lost);
  },
});
