/** @file Normalisations. */
import { formatShape, sizeOf } from "../../../../../ir/shape.ts";
import { batchNorm, groupNorm, layerNorm, localResponseNorm } from "../../../../../nn/index.ts";
import type { Signal } from "../signal.ts";
import type { Step } from "../step.ts";
import type { Operators } from "./operator.ts";

/** The input with its channels, ONNX' axis 1, and where they lie. */
function channelsOf(step: Step): {
  readonly x: Signal;
  readonly axis: number;
  readonly count: number;
} {
  const given = step.signal(0);
  const count = given.shape[1];
  if (count === undefined)
    throw step.error("a value with channels", `shape ${formatShape(given.shape)}`);
  const x = given.shape.length === 2 && given.flattened ? given : step.usual(given);
  return { x, axis: x.order.indexOf(1), count };
}

async function batch(step: Step): Promise<void> {
  if (step.flag("training_mode", false))
    throw step.error("training_mode 0", "1", "Export the network for inference.");
  if (step.opset < 9 && !step.flag("spatial", true))
    throw step.error("spatial 1", "0", "Statistics for each pixel are not supported.");
  step.requireOutputs(1);
  const { x, axis, count } = channelsOf(step);
  const { view = [count], order = [0] } = x.flattened ?? {};
  const parameters: Record<string, Awaited<ReturnType<Step["weights"]>>> = {};
  for (const [index, field] of ["gamma", "beta", "movingMean", "movingVariance"].entries()) {
    const { shape } = step.constant(index + 1, field);
    if (shape.length !== 1 || shape[0] !== count)
      throw step.error(`${field} of shape [${count}]`, formatShape(shape));
    const found = await step.weights(index + 1, field, view, order);
    parameters[field] = order.length === 1 ? found : found.reshape([count]);
  }
  const symbol = step.layer(
    (base) =>
      batchNorm({
        axis: axis === x.order.length - 1 ? -1 : axis,
        epsilon: step.float("epsilon", 1e-5),
        momentum: step.float("momentum", 0.9),
        ...base,
      }),
    x.symbol,
    parameters,
  );
  step.give({ ...x, symbol });
}

async function groups(step: Step, count: (channels: number) => number): Promise<void> {
  const { x: given, count: channels } = channelsOf(step);
  const x = step.builder.unflattened(step.who, step.name, given);
  const groups = count(channels);
  if (groups < 1 || channels % groups !== 0)
    throw step.error(`groups that divide ${channels} channels`, String(groups));
  const vector = async (index: number, what: string) => {
    // GroupNormalization of opset 18 to 20 has one factor for each group.
    const { shape } = step.constant(index, what);
    if (step.proto.operator !== "GroupNormalization" || step.opset >= 21 || shape[0] === channels)
      return step.vector(index, what, channels);
    return (await step.vector(index, what, groups)).repeat(channels / groups, 0);
  };
  const symbol = step.layer(
    (base) =>
      groupNorm({
        groups: groups === channels ? -1 : groups,
        axis: x.order.indexOf(1),
        epsilon: step.float("epsilon", 1e-5),
        ...base,
      }),
    x.symbol,
    { gamma: await vector(1, "the scale"), beta: await vector(2, "the bias") },
  );
  step.give({ ...x, symbol });
}

async function layer(step: Step): Promise<void> {
  step.requireOutputs(1);
  const given = step.signal(0);
  const x = step.usual(given);
  const rank = x.shape.length;
  const first = step.axis(step.int("axis", -1), rank);
  if (first === 0) throw step.error("an axis of a sample", "axis 0, the batch");
  const view = x.shape.slice(first);
  const axis = x.order.flatMap((one, position) => (one >= first ? [position] : []));
  const order = axis.map((position) => x.order[position]! - first);
  const parameter = async (index: number, what: string) => {
    const { shape } = step.constant(index, what);
    if (sizeOf(shape) !== sizeOf(view) || shape.length > rank)
      throw step.error(`${what} of shape ${formatShape(view)}`, formatShape(shape));
    return step.weights(index, what, view, order);
  };
  const center = step.has(2);
  const symbol = step.layer(
    (base) => layerNorm({ axis, center, epsilon: step.float("epsilon", 1e-5), ...base }),
    x.symbol,
    {
      gamma: await parameter(1, "the scale"),
      ...(center && { beta: await parameter(2, "the bias") }),
    },
  );
  step.give({ ...x, symbol });
}

export const normalizations: Operators = {
  BatchNormalization: { note: "for inference, with constant statistics", build: batch },
  InstanceNormalization: { build: (step) => groups(step, (channels) => channels) },
  GroupNormalization: { build: (step) => groups(step, () => step.int("num_groups", 0)) },
  LayerNormalization: { note: "without mean and deviation as outputs", build: layer },
  LRN: {
    build(step) {
      const x = step.images(0);
      const symbol = step.layer(
        (base) =>
          localResponseNorm({
            size: step.int("size", 0),
            alpha: step.float("alpha", 1e-4),
            beta: step.float("beta", 0.75),
            k: step.float("bias", 1),
            ...base,
          }),
        x.symbol,
      );
      step.give({ ...x, symbol });
    },
  },
};
