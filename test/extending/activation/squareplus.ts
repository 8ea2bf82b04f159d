/** @file An activation: a smooth ReLU without transcendental functions (Barron 2021, "Squareplus"). */
import type { Tensor } from "../../../src/index.ts";
import type { Activation } from "../../../src/nn/index.ts";

export const squareplus: Activation = (x: Tensor) => x.square().add(4).sqrt().add(x).div(2);
