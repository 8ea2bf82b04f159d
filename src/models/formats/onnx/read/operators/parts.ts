/** @file Parts and borders: Slice, Split, Gather, Concat and Pad. */
import { type Shape, formatShape, sameShape } from "../../../../../ir/shape.ts";
import { concat } from "../../../../../ops/index.ts";
import { concatenate, pad, slice, zeroPadding2d } from "../../../../../nn/index.ts";
import { checkExtents, type Signal, usualOrder } from "../builder.ts";
import { type Constant, constantOf, mostElements } from "../constant.ts";
import { type NodeReader, isSignal } from "../node.ts";
import type { Operators } from "./operator.ts";

/** The elements taken along each axis: from `start` to before `stop`, every `step`-th. */
interface Cut {
  readonly start: number;
  readonly stop: number;
  readonly step: number;
}

/** The cuts of a Slice along all axes. */
async function cutsOf(node: NodeReader, shape: Shape): Promise<readonly Cut[]> {
  const list = async (name: string, index: number): Promise<readonly number[] | undefined> =>
    node.opset < 10 ? node.ints(name) : node.has(index) ? node.numbers(index, name) : undefined;
  const starts = await list("starts", 1);
  const stops = await list("ends", 2);
  const axes = (await list("axes", 3)) ?? starts?.map((_, axis) => axis);
  const steps = node.opset < 10 ? undefined : await list("steps", 4);
  if (starts === undefined || stops?.length !== starts.length || axes?.length !== starts.length)
    throw node.error("as many starts as ends and axes", "other numbers of them");
  const cuts = shape.map((extent): Cut => ({ start: 0, stop: extent, step: 1 }));
  for (const [index, given] of axes.entries()) {
    const axis = node.axis(given, shape.length);
    const extent = shape[axis]!;
    const by = steps?.[index] ?? 1;
    if (!(by >= 1))
      throw node.error("steps of at least 1", String(by), "Reversed axes are not supported.");
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
function sliced(node: NodeReader, name: string, given: Signal, cuts: readonly Cut[]): Signal {
  const whole = (axis: number): boolean => {
    const { start, stop, step: by } = cuts[axis]!;
    return start === 0 && stop === given.shape[axis] && by === 1;
  };
  if (!whole(0))
    throw node.error(
      "all samples of the batch",
      `${cuts[0]!.start} to ${cuts[0]!.stop} of axis 0`,
      "Samples must not depend on one another.",
    );
  if (given.shape.every((_, axis) => whole(axis))) return given;
  const shape = cuts.map(({ start, stop, step: by }) => Math.ceil((stop - start) / by));
  checkExtents(node.who, shape);
  const signal = node.builder.unflattened(node.who, node.name, given);
  const along = signal.order.slice(1).map((axis) => cuts[axis]!);
  const symbol = node.builder.apply(
    node.who,
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

async function splitParts(node: NodeReader): Promise<void> {
  const signal = node.signal(0);
  const axis = node.axis(node.int("axis", 0), signal.shape.length);
  const extent = signal.shape[axis]!;
  const names = node.proto.outputs;
  const count = node.int("num_outputs", names.length);
  const given =
    node.opset < 13 ? node.ints("split") : node.has(1) ? await node.numbers(1, "split") : undefined;
  const size = Math.ceil(extent / Math.max(1, count));
  const sizes =
    given ?? Array.from({ length: names.length }, (_, i) => Math.min(size, extent - i * size));
  if (
    sizes.length !== names.length ||
    !sizes.every((n) => n >= 1) ||
    sizes.reduce((a, b) => a + b, 0) !== extent
  )
    throw node.error(`${names.length} sizes that add up to ${extent}`, formatShape(sizes));
  let start = 0;
  for (const [index, size] of sizes.entries()) {
    const cuts = signal.shape.map((whole, along): Cut =>
      along === axis ? { start, stop: start + size, step: 1 } : { start: 0, stop: whole, step: 1 },
    );
    node.give(sliced(node, names[index]! || `${node.name}/${index}`, signal, cuts), index);
    start += size;
  }
}

async function taken(node: NodeReader): Promise<void> {
  const signal = node.signal(0);
  const axis = node.axis(node.int("axis", 0), signal.shape.length);
  const indices = node.constant(1, "the indices");
  if (indices.shape.length > 0)
    throw node.error("one constant index", `indices of shape ${formatShape(indices.shape)}`);
  const extent = signal.shape[axis]!;
  const index = node.axis(await node.number(1, "the index"), extent);
  const cuts = signal.shape.map((whole, along): Cut =>
    along === axis
      ? { start: index, stop: index + 1, step: 1 }
      : { start: 0, stop: whole, step: 1 },
  );
  const one = sliced(node, `${node.name}/slice`, signal, cuts);
  const shape = one.shape.filter((_, along) => along !== axis);
  node.give(node.builder.reshape(node.who, node.name, one, shape));
}

function joined(node: NodeReader): void {
  const axisGiven = node.int("axis");
  if (axisGiven === undefined) throw node.error("axis", "none");
  const given = node.proto.inputs.map((_, index) => {
    const value = node.input(index);
    if (!isSignal(value))
      throw node.error("values that all depend on the input", `a constant as input ${index}`);
    return node.builder.unflattened(node.who, node.name, node.signal(index));
  });
  const [first] = given;
  if (first === undefined) throw node.error("at least one input", "none");
  const rank = first.shape.length;
  const axis = node.axis(axisGiven, rank);
  const fits = ({ shape, type }: Signal): boolean =>
    type === first.type &&
    shape.length === rank &&
    shape.every((extent, along) => along === axis || extent === first.shape[along]);
  if (axis === 0 || !given.every(fits))
    throw node.error(
      axis === 0 ? "an axis of a sample" : `values of one type that differ along axis ${axis} only`,
      axis === 0
        ? "axis 0, the batch"
        : given.map(({ shape, type }) => `${type} ${formatShape(shape)}`).join(", "),
    );
  const isAlike = given.every(({ order }) => sameShape(order, first.order));
  const order = isAlike && first.order.includes(axis) ? first.order : usualOrder(rank);
  const values = given.map((signal) => node.builder.arranged(node.who, node.name, signal, order));
  const shape = first.shape.with(
    axis,
    given.reduce((sum, signal) => sum + signal.shape[axis]!, 0),
  );
  const position = order.indexOf(axis);
  const symbol = node.layer(
    (base) => concatenate({ axis: position === order.length - 1 ? -1 : position, ...base }),
    values.map((value) => value.symbol),
  );
  node.give({ symbol, type: first.type, shape, order });
}

async function padded(node: NodeReader): Promise<void> {
  node.text("mode", ["constant"], "constant");
  const signal = node.usual(node.signal(0));
  const rank = signal.shape.length;
  const given = node.opset < 11 ? node.ints("pads") : await node.numbers(1, "pads");
  const value =
    node.opset < 11 ? node.float("value", 0) : node.has(2) ? await node.number(2, "the value") : 0;
  const axes =
    (node.opset >= 18 && node.has(3) ? await node.numbers(3, "axes") : undefined)?.map((axis) =>
      node.axis(axis, rank),
    ) ?? signal.shape.map((_, axis) => axis);
  if (given?.length !== 2 * axes.length || !given.every(Number.isSafeInteger))
    throw node.error(`pads: ${2 * axes.length} integers`, formatShape(given ?? []));
  const widths = signal.shape.map(() => [0, 0] as [number, number]);
  for (const [index, axis] of axes.entries())
    widths[axis] = [given[index]!, given[index + axes.length]!];
  // Negative widths cut.
  const cuts = signal.shape.map((extent, axis): Cut => {
    const [before, after] = widths[axis]!;
    return { start: Math.max(0, -before), stop: extent + Math.min(0, after), step: 1 };
  });
  const rest = sliced(node, `${node.name}/slice`, signal, cuts);
  const borders = widths.map(
    ([before, after]) => [Math.max(0, before), Math.max(0, after)] as const,
  );
  const shape = rest.shape.map((extent, axis) => borders[axis]![0] + extent + borders[axis]![1]);
  checkExtents(node.who, shape);
  if (shape[0] !== rest.shape[0])
    throw node.error("no padding of axis 0, the batch", formatShape(given));
  if (sameShape(shape, rest.shape)) return node.give(rest);
  const isPlain = rank === 4 && value === 0 && borders[1]!.every((width) => width === 0);
  const symbol = node.layer(
    (base) =>
      isPlain
        ? zeroPadding2d({ padding: [borders[2]!, borders[3]!], ...base })
        : pad({ padding: rest.order.slice(1).map((axis) => borders[axis]!), value, ...base }),
    rest.symbol,
  );
  node.give({ ...rest, symbol, shape });
}

export const parts: Operators = {
  Slice: {
    note: "with constant bounds and steps of at least 1",
    async build(node) {
      const signal = node.signal(0);
      node.give(sliced(node, node.name, signal, await cutsOf(node, signal.shape)));
    },
    async fold(node) {
      const constant = node.constant(0, "the operand");
      const cuts = await cutsOf(node, constant.shape);
      const x = await constant.load(node.builder.dtype);
      const of = (name: keyof Cut): number[] => cuts.map((one) => one[name]);
      return constantOf(x.slice(of("start"), of("stop"), of("step")), constant.type);
    },
  },
  Split: { note: "with constant sizes", build: splitParts },
  Gather: {
    note: "with one constant index, or of constants",
    build: taken,
    async fold(node) {
      const [constant, indices] = [
        node.constant(0, "the operand"),
        node.constant(1, "the indices"),
      ];
      const axis = node.axis(node.int("axis", 0), constant.shape.length);
      const extent = constant.shape[axis]!;
      const shape = constant.shape.toSpliced(axis, 1, ...indices.shape);
      checkExtents(node.who, shape);
      const places = (await indices.load(node.builder.dtype)).data();
      for (const place of places) node.axis(place, extent);
      const x = await constant.load(node.builder.dtype);
      const rows = [...places].map((place) =>
        x.at(place < 0 ? place + extent : place, axis).expandDims(axis),
      );
      return constantOf(concat(rows, axis).reshape(shape), constant.type);
    },
  },
  Concat: {
    note: "of values that all depend on the input, or of constants",
    build: joined,
    async fold(node) {
      const constants = node.inputs() as Constant[];
      const first = node.constant(0, "an operand");
      const axis = node.axis(node.int("axis", 0), first.shape.length);
      const total = constants.reduce((sum, { shape }) => sum + (shape[axis] ?? 0), 0);
      const fits = ({ shape, type }: Constant): boolean =>
        type === first.type &&
        shape.length === first.shape.length &&
        shape.every((extent, along) => along === axis || extent === first.shape[along]);
      if (!constants.every(fits) || total > mostElements)
        throw node.error(
          `constants that differ along axis ${axis} only`,
          constants.map(({ shape, type }) => `${type} ${formatShape(shape)}`).join(", "),
        );
      const tensors = [];
      for (const constant of constants) tensors.push(await constant.load(node.builder.dtype));
      return constantOf(concat(tensors, axis), first.type);
    },
  },
  Pad: { note: "with a constant value and constant widths", build: padded },
};
