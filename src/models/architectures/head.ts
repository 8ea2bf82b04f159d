/** @file The end of networks: feature maps to features, and to scores of classes. */
import * as nn from "../../nn/index.ts";
import type { Classes } from "./definition.ts";

/** The mean or maximum of each map, by a layer of this name, if any. */
export function pooled(
  maps: nn.SymbolicTensor,
  pooling: "avg" | "max",
  name: string | undefined,
): nn.SymbolicTensor {
  const options = name === undefined ? {} : { name };
  const layer = pooling === "avg" ? nn.globalAveragePool2d(options) : nn.globalMaxPool2d(options);
  return layer.apply(maps);
}

/** The head that most networks have: each map's mean (a layer of this name, if any), then scores of classes, "predictions". */
export function meansToClasses(
  maps: nn.SymbolicTensor,
  { classes, activation }: Classes,
  poolName?: string,
): nn.SymbolicTensor {
  const means = pooled(maps, "avg", poolName);
  return nn.dense({ units: classes, activation, name: "predictions" }).apply(means);
}
