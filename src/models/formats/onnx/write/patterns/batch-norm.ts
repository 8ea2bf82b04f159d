/** @file Batch normalisation in use: a factor and a summand a feature, made of its parameters. */
import type { Value } from "../../../../../ir/graph.ts";
import { padded } from "../forms.ts";
import { numberOf, unbroadcast } from "../statics.ts";
import type { Pattern, Sight } from "../step.ts";

/** A constant's elements by feature, whatever their shape. */
function vector(see: Sight, value: Value): Value {
  let from = unbroadcast(value);
  for (let next = see.node(from, "reshape"); next !== undefined; next = see.node(from, "reshape"))
    from = next.inputs[0]!;
  return from;
}

/** gamma / sqrt(variance + epsilon): gamma may be missing. */
function factorOf(
  see: Sight,
  value: Value,
): { gamma: Value | undefined; variance: Value; epsilon: number } | undefined {
  const scaled = see.node(value, "mul");
  const [gamma, inverse] = scaled === undefined ? [undefined, value] : scaled.inputs;
  const [one, root] = see.node(inverse!, "div")?.inputs ?? [];
  const moved = root && see.node(root, "sqrt")?.inputs[0];
  const [variance, epsilon] = (moved && see.node(moved, "add")?.inputs) ?? [];
  if (one === undefined || numberOf(one) !== 1 || variance === undefined) return undefined;
  const number = epsilon && numberOf(epsilon);
  return number === undefined ? undefined : { gamma, variance, epsilon: number };
}

/** beta - mean factor: beta may be missing. */
function meanOf(
  see: Sight,
  value: Value,
  factor: Value,
): { beta: Value | undefined; mean: Value } | undefined {
  const negated = see.node(value, "neg");
  const moved = see.node(value, "sub");
  const away = negated?.inputs[0] ?? moved?.inputs[1];
  const [mean, other] = (away && see.node(away, "mul")?.inputs) ?? [];
  return mean !== undefined && other === factor ? { beta: moved?.inputs[0], mean } : undefined;
}

/** x factor + summand, the features being ONNX' axis 1. */
export const batchNorm: Pattern = {
  name: "BatchNormalization",
  single: true,
  match: (value, see) => {
    const rank = value.shape.length;
    const [scaled, summand] = see.node(value, "add")?.inputs ?? [];
    const [x, factor] = (scaled && see.node(scaled, "mul")?.inputs) ?? [];
    if (x === undefined || factor === undefined || summand === undefined) return undefined;
    const axis = rank - 1;
    const along = padded(unbroadcast(factor).shape, rank);
    const fits =
      (rank === 4 || rank === 2) &&
      see.isConstant(unbroadcast(factor)) &&
      along.every((extent, i) => extent === (i === axis ? value.shape[axis] : 1));
    if (!fits) return undefined;
    const scale = vector(see, factor);
    const parts = factorOf(see, scale);
    const shift = parts && meanOf(see, vector(see, summand), scale);
    if (shift === undefined) return undefined;
    const { gamma, variance, epsilon } = parts!;
    const { beta, mean } = shift;
    if ([gamma, beta, mean, variance].some((part) => part && part.shape.length !== 1))
      return undefined;
    return {
      inputs: [x],
      lower: (to) => {
        const layout = rank === 4 ? "image" : "plain";
        const part = (given: Value | undefined, otherwise: number) =>
          given === undefined ? to.filled(otherwise, mean) : to.constant(given, "plain");
        to.emit(
          "BatchNormalization",
          [to.exact(x, layout), part(gamma, 1), part(beta, 0), part(mean, 0), part(variance, 1)],
          to.dims(value, layout),
          layout,
          { epsilon: { real: epsilon } },
          value,
        );
      },
    };
  },
};
