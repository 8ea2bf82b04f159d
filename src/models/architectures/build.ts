/** @file A network from its definition and options: what all of them have in common. */
import * as nn from "../../nn/index.ts";
import { ArgumentError, complaint, describe } from "../../base/errors.ts";
import { type Shape, checkShape, formatShape } from "../../ir/shape.ts";
import type { ArchitectureOptions, Definition, Network } from "./definition.ts";
import { pooled } from "./head.ts";

/** The network, with weights drawn from the seed, or without any yet. */
export function build<Options extends ArchitectureOptions>(
  definition: Definition<Options>,
  options: Options,
  initialize = true,
): Network {
  const who = definition.name;
  definition.check?.(options);
  const { includeTop = true, classes = 1000, pooling, dtype = "float32" } = options;
  const shape = inputShapeOf(definition, options.inputShape);
  checkTop(who, options);
  const { classifierActivation = "softmax" } = options;
  const images = nn.input({ shape, dtype });
  const maps = definition.features(images, options);
  const outputs = includeTop
    ? definition.top(maps, { classes, activation: classifierActivation ?? "linear" })
    : pooling === undefined
      ? maps
      : pooled(maps, pooling, definition.poolNames?.[pooling]);
  return nn.model({
    inputs: images,
    outputs,
    dtype,
    initialize,
    name: options.name ?? definition.modelName(options, shape[0]!),
    ...(options.seed !== undefined && { seed: options.seed }),
  });
}

function inputShapeOf<Options extends ArchitectureOptions>(
  { name, inputSize, leastSize }: Definition<Options>,
  given: Shape | undefined,
): Shape {
  if (given === undefined) return [inputSize, inputSize, 3];
  const who = `${name}: inputShape`;
  checkShape(who, given);
  if (given.length !== 3 || given[0]! < leastSize || given[1]! < leastSize || given[2]! < 1)
    throw new ArgumentError(
      complaint(
        who,
        `[rows, columns, channels] with at least ${leastSize} rows and columns`,
        formatShape(given),
      ),
    );
  return given;
}

function checkTop(who: string, options: ArchitectureOptions): void {
  const { includeTop, classes, classifierActivation, pooling } = options;
  if (includeTop !== undefined && typeof includeTop !== "boolean")
    throw new ArgumentError(complaint(`${who}: includeTop`, "true or false", describe(includeTop)));
  if (includeTop === false) {
    if (classes !== undefined || classifierActivation !== undefined)
      throw new ArgumentError(
        complaint(
          who,
          "classes and classifierActivation with the top only",
          "includeTop: false",
          "Leave them out, or includeTop.",
        ),
      );
    if (pooling !== undefined && pooling !== "avg" && pooling !== "max")
      throw new ArgumentError(complaint(`${who}: pooling`, '"avg" or "max"', describe(pooling)));
  } else if (pooling !== undefined)
    throw new ArgumentError(
      complaint(
        `${who}: pooling`,
        "none with the top, which pools itself",
        describe(pooling),
        "Give includeTop: false.",
      ),
    );
}
