/** @file Parts and borders: Slice, Split, Gather, Concat and Pad. */
import { type Shape, formatShape, sameShape } from "../../../../../ir/shape.ts";
import { concat } from "../../../../../ops/index.ts";
import { concatenate, pad, slice, zeroPadding2d } from "../../../../../nn/index.ts";
import { checkExtents, type Signal, usualOrder } from "../builder.ts";
import { type Constant, constantOf, mostElements } from "../constant.ts";
import { type Step, isSignal } from "../step.ts";
import type { Operators } from "./operator.ts";

/** What is taken along each axis: from `start` to before `stop`, every `step`-th. */
interface Cut {
  readonly start: number;
  readonly stop: number;
  readonly step: number;
}

/** The cuts of a Slice along all axes. */
async function cutsOf(step: Step, shape: Shape): Promise<readonly Cut[]> {
  const list = async (name: string, index: number): Promise<readonly number[] | undefined> =>
    step.opset < 10 ? step.ints(name) : step.has(index) ? step.numbers(index, name) : undefined;
  const starts = await list("starts", 1);
  const stops = await list("ends", 2);
  const axes = (await list("axes", 3)) ?? starts?.map((_, axis) => axis);
  const steps = step.opset < 10 ? undefined : await list("steps", 4);
  if (starts === undefined || stops?.length !== starts.length || axes?.length !== starts.length)
    throw step.error("as many starts as ends and axes", "other numbers of them");
  const cuts = shape.map((extent): Cut => ({ start: 0, stop: extent, step: 1 }));
  for (const [index, given] of axes.entries()) {
    const axis = step.axis(given, shape.length);
    const extent = shape[axis]!;
    const by = steps?.[index] ?? 1;
    if (!(by >= 1))
      throw step.error("steps of at least 1", String(by), "Reversed axes are not supported.");
    const bound = (at: number): number => Math.min(Math.max(at < 0 ? at + extent : at, 0), extent);
    cuts[axis] = {
      start: bound(starts[index]!),
      stop: bound(stops[index]!),
      step: Math.min(by, extent),
    };
  }
  return cuts;
}

/** A value cut, as a layer of a name. */
function cut(step: Step, name: string, given: Signal, cuts: readonly Cut[]): Signal {
  const whole = (axis: number): boolean => {
    const { start, stop, step: by } = cuts[axis]!;
    return start === 0 && stop === given.shape[axis] && by === 1;
  };
  if (!whole(0))
    throw step.error(
      "all samples of the batch",
      `${cuts[0]!.start} to ${cuts[0]!.stop} of axis 0`,
      "Samples must not depend on one another.",
    );
  if (given.shape.every((_, axis) => whole(axis))) return given;
  const shape = cuts.map(({ start, stop, step: by }) => Math.ceil((stop - start) / by));
  checkExtents(step.who, shape);
  const signal = step.builder.unflattened(step.who, step.name, given);
  const along = signal.order.slice(1).map((axis) => cuts[axis]!);
  const symbol = step.builder.apply(
    step.who,
    name,
    (base) =>
      slice({
        starts: along.map(({ start }) => start),
        stops: along.map(({ stop }) => stop),
        steps: along.map(({ step: by }) => by),
        ...base,
      }),
    signal.symbol,
  );
  return { ...signal, symbol, shape };
}

async function split(step: Step): Promise<void> {
  const signal = step.signal(0);
  const axis = step.axis(step.int("axis", 0), signal.shape.length);
  const extent = signal.shape[axis]!;
  const names = step.proto.outputs;
  const count = step.int("num_outputs", names.length);
  const given =
    step.opset < 13 ? step.ints("split") : step.has(1) ? await step.numbers(1, "split") : undefined;
  const size = Math.ceil(extent / Math.max(1, count));
  const sizes =
    given ?? Array.from({ length: names.length }, (_, i) => Math.min(size, extent - i * size));
  if (
    sizes.length !== names.length ||
    !sizes.every((n) => n >= 1) ||
    sizes.reduce((a, b) => a + b, 0) !== extent
  )
    throw step.error(`${names.length} sizes that add up to ${extent}`, formatShape(sizes));
  let start = 0;
  for (const [index, size] of sizes.entries()) {
    const cuts = signal.shape.map((whole, along): Cut =>
      along === axis ? { start, stop: start + size, step: 1 } : { start: 0, stop: whole, step: 1 },
    );
    step.give(cut(step, names[index]! || `${step.name}/${index}`, signal, cuts), index);
    start += size;
  }
}

async function taken(step: Step): Promise<void> {
  const signal = step.signal(0);
  const axis = step.axis(step.int("axis", 0), signal.shape.length);
  const indices = step.constant(1, "the indices");
  if (indices.shape.length > 0)
    throw step.error("one constant index", `indices of shape ${formatShape(indices.shape)}`);
  const extent = signal.shape[axis]!;
  const index = step.axis(await step.number(1, "the index"), extent);
  const cuts = signal.shape.map((whole, along): Cut =>
    along === axis
      ? { start: index, stop: index + 1, step: 1 }
      : { start: 0, stop: whole, step: 1 },
  );
  const one = cut(step, `${step.name}/slice`, signal, cuts);
  const shape = one.shape.filter((_, along) => along !== axis);
  step.give(step.builder.reshape(step.who, step.name, one, shape));
}

function joined(step: Step): void {
  const axisGiven = step.int("axis");
  if (axisGiven === undefined) throw step.error("axis", "none");
  const given = step.proto.inputs.map((_, index) => {
    const value = step.input(index);
    if (!isSignal(value))
      throw step.error("values that all depend on the input", `a constant as input ${index}`);
    return step.builder.unflattened(step.who, step.name, step.signal(index));
  });
  const [first] = given;
  if (first === undefined) throw step.error("at least one input", "none");
  const rank = first.shape.length;
  const axis = step.axis(axisGiven, rank);
  const fits = ({ shape, type }: Signal): boolean =>
    type === first.type &&
    shape.length === rank &&
    shape.every((extent, along) => along === axis || extent === first.shape[along]);
  if (axis === 0 || !given.every(fits))
    throw step.error(
      axis === 0 ? "an axis of a sample" : `values of one type that differ along axis ${axis} only`,
      axis === 0
        ? "axis 0, the batch"
        : given.map(({ shape, type }) => `${type} ${formatShape(shape)}`).join(", "),
    );
  const isAlike = given.every(({ order }) => sameShape(order, first.order));
  const order = isAlike && first.order.includes(axis) ? first.order : usualOrder(rank);
  const values = given.map((signal) => step.builder.arranged(step.who, step.name, signal, order));
  const shape = first.shape.with(
    axis,
    given.reduce((sum, signal) => sum + signal.shape[axis]!, 0),
  );
  const position = order.indexOf(axis);
  const symbol = step.layer(
    (base) => concatenate({ axis: position === order.length - 1 ? -1 : position, ...base }),
    values.map((value) => value.symbol),
  );
  step.give({ symbol, type: first.type, shape, order });
}

async function padded(step: Step): Promise<void> {
  step.text("mode", ["constant"], "constant");
  const signal = step.usual(step.signal(0));
  const rank = signal.shape.length;
  const given = step.opset < 11 ? step.ints("pads") : await step.numbers(1, "pads");
  const value =
    step.opset < 11 ? step.float("value", 0) : step.has(2) ? await step.number(2, "the value") : 0;
  const axes =
    (step.opset >= 18 && step.has(3) ? await step.numbers(3, "axes") : undefined)?.map((axis) =>
      step.axis(axis, rank),
    ) ?? signal.shape.map((_, axis) => axis);
  if (given?.length !== 2 * axes.length || !given.every(Number.isSafeInteger))
    throw step.error(`pads: ${2 * axes.length} integers`, formatShape(given ?? []));
  const widths = signal.shape.map(() => [0, 0] as [number, number]);
  for (const [index, axis] of axes.entries())
    widths[axis] = [given[index]!, given[index + axes.length]!];
  // Negative widths cut.
  const cuts = signal.shape.map((extent, axis): Cut => {
    const [before, after] = widths[axis]!;
    return { start: Math.max(0, -before), stop: extent + Math.min(0, after), step: 1 };
  });
  const rest = cut(step, `${step.name}/slice`, signal, cuts);
  const borders = widths.map(
    ([before, after]) => [Math.max(0, before), Math.max(0, after)] as const,
  );
  const shape = rest.shape.map((extent, axis) => borders[axis]![0] + extent + borders[axis]![1]);
  checkExtents(step.who, shape);
  if (shape[0] !== rest.shape[0])
    throw step.error("no padding of axis 0, the batch", formatShape(given));
  if (sameShape(shape, rest.shape)) return step.give(rest);
  const isPlain = rank === 4 && value === 0 && borders[1]!.every((width) => width === 0);
  const symbol = step.layer(
    (base) =>
      isPlain
        ? zeroPadding2d({ padding: [borders[2]!, borders[3]!], ...base })
        : pad({ padding: rest.order.slice(1).map((axis) => borders[axis]!), value, ...base }),
    rest.symbol,
  );
  step.give({ ...rest, symbol, shape });
}

export const parts: Operators = {
  Slice: {
    note: "with constant bounds and steps of at least 1",
    async build(step) {
      const signal = step.signal(0);
      step.give(cut(step, step.name, signal, await cutsOf(step, signal.shape)));
    },
    async fold(step) {
      const constant = step.constant(0, "the operand");
      const cuts = await cutsOf(step, constant.shape);
      const x = await constant.load(step.builder.dtype);
      const of = (name: keyof Cut): number[] => cuts.map((one) => one[name]);
      return constantOf(x.slice(of("start"), of("stop"), of("step")), constant.type);
    },
  },
  Split: { note: "with constant sizes", build: split },
  Gather: {
    note: "with one constant index, or of constants",
    build: taken,
    async fold(step) {
      const [constant, indices] = [
        step.constant(0, "the operand"),
        step.constant(1, "the indices"),
      ];
      const axis = step.axis(step.int("axis", 0), constant.shape.length);
      const extent = constant.shape[axis]!;
      const shape = constant.shape.toSpliced(axis, 1, ...indices.shape);
      checkExtents(step.who, shape);
      const places = (await indices.load(step.builder.dtype)).data();
      for (const place of places) step.axis(place, extent);
      const x = await constant.load(step.builder.dtype);
      const rows = [...places].map((place) =>
        x.at(place < 0 ? place + extent : place, axis).expandDims(axis),
      );
      return constantOf(concat(rows, axis).reshape(shape), constant.type);
    },
  },
  Concat: {
    note: "of values that all depend on the input, or of constants",
    build: joined,
    async fold(step) {
      const constants = step.inputs() as Constant[];
      const first = step.constant(0, "an operand");
      const axis = step.axis(step.int("axis", 0), first.shape.length);
      const total = constants.reduce((sum, { shape }) => sum + (shape[axis] ?? 0), 0);
      const fits = ({ shape, type }: Constant): boolean =>
        type === first.type &&
        shape.length === first.shape.length &&
        shape.every((extent, along) => along === axis || extent === first.shape[along]);
      if (!constants.every(fits) || total > mostElements)
        throw step.error(
          `constants that differ along axis ${axis} only`,
          constants.map(({ shape, type }) => `${type} ${formatShape(shape)}`).join(", "),
        );
      const tensors = [];
      for (const constant of constants) tensors.push(await constant.load(step.builder.dtype));
      return constantOf(concat(tensors, axis), first.type);
    },
  },
  Pad: { note: "with a constant value and constant widths", build: padded },
};
