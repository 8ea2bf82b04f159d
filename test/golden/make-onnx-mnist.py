"""Writes onnx-mnist.json: what onnxruntime makes of the first test digits with CNTK's network of MNIST.

Run where onnxruntime is installed, with the folder of the test data: python make-onnx-mnist.py DATA > onnx-mnist.json
"""

import gzip
import json
import sys

import numpy as np
import onnxruntime as ort

folder = sys.argv[1]
with gzip.open(f"{folder}/mnist/t10k-images-idx3-ubyte.gz") as file:
    digits = np.frombuffer(file.read(), np.uint8, offset=16).reshape(-1, 1, 1, 28, 28).astype(np.float32)
session = ort.InferenceSession(f"{folder}/models/mnist-onnx/model.onnx", providers=["CPUExecutionProvider"])
outputs = [session.run(None, {session.get_inputs()[0].name: digit})[0][0].tolist() for digit in digits[:32]]
print(json.dumps({"onnxruntime": ort.__version__, "outputs": outputs}, separators=(",", ":")))
