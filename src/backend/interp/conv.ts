// Interpreter rules of convolutions: the sums of their definition, in double precision, rounded once.
import { type ConvGeometry, type ConvShape, convShape } from "../../ir/conv.ts";
import { type Shape, sizeOf } from "../../ir/shape.ts";
import { type Elements, makeElements, type Operand, type Rules } from "./rule.ts";

/** Calls `visit` with the positions of every product: x[at], kernel[weight] and the output's out[to]. */
function products(shape: ConvShape, visit: (at: number, weight: number, to: number) => void): void {
  const { batch, height, width, channels, kernelHeight, kernelWidth, filters } = shape;
  const { outHeight, outWidth, groups, strides, dilation, top, left } = shape;
  const [depth, each] = [channels / groups, filters / groups];
  for (let n = 0; n < batch; n++)
    for (let oy = 0; oy < outHeight; oy++)
      for (let ox = 0; ox < outWidth; ox++)
        for (let ky = 0; ky < kernelHeight; ky++)
          for (let kx = 0; kx < kernelWidth; kx++) {
            const y = oy * strides[0] - top + ky * dilation[0];
            const x = ox * strides[1] - left + kx * dilation[1];
            if (y < 0 || y >= height || x < 0 || x >= width) continue;
            for (let c = 0; c < depth; c++)
              for (let f = 0; f < filters; f++)
                visit(
                  ((n * height + y) * width + x) * channels + Math.floor(f / each) * depth + c,
                  ((ky * kernelWidth + kx) * depth + c) * filters + f,
                  ((n * outHeight + oy) * outWidth + ox) * filters + f,
                );
          }
}

const floatOf = ({ dtype }: Operand): "float32" | "float64" => dtype as "float32" | "float64";

function rounded(x: Operand, totals: Float64Array): Elements {
  const out = makeElements(x.dtype, totals.length);
  out.set(totals);
  return out;
}

function convolve(x: Operand, kernel: Elements, of: Shape, params: ConvGeometry): Elements {
  const shape = convShape(x.shape, of, params, floatOf(x));
  const totals = new Float64Array(shape.batch * shape.outHeight * shape.outWidth * shape.filters);
  products(shape, (at, weight, to) => {
    totals[to]! += x.elements[at]! * kernel[weight]!;
  });
  return rounded(x, totals);
}

export const convRules: Rules<"conv" | "convFilter" | "prepareKernel" | "preparedConv"> = {
  conv: (params, [x, kernel]) => convolve(x!, kernel!.elements, kernel!.shape, params),
  convFilter: (params, [x, g], { shape }) => {
    const totals = new Float64Array(sizeOf(shape));
    products(convShape(x!.shape, shape, params, floatOf(x!)), (at, weight, to) => {
      totals[weight]! += x!.elements[at]! * g!.elements[to]!;
    });
    return rounded(x!, totals);
  },
  // The layout is the backend's own affair: here the kernel as it is, at the beginning.
  prepareKernel: ({ size }, [kernel]) => {
    const out = makeElements(kernel!.dtype, size);
    out.set(kernel!.elements);
    return out;
  },
  preparedConv: (params, [x, prepared]) => convolve(x!, prepared!.elements, params.kernel, params),
};
