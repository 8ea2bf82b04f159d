// The bits of the seeded training, as every machine must reproduce them. A change here is a change of
// numerics: say so in the changelog.

export const golden: string = "de29986c4d6f2a51";

/** The same of a convolutional network. */
export const imageGolden: string = "576b57e6a55ac55e";
