// SPDX-License-Identifier: MIT
// node compare.cjs FOLDER, with NODE_PATH where onnxruntime-node is: runs the models that
// write_cases has left in FOLDER and prints, for each operator and type, how far the answers are
// from the layers', relative to max(1, |y|), at worst. Fails beyond the bound of a type.
const fs = require('fs');
const path = require('path');
const ort = require('onnxruntime-node');

const types = {
  FLOAT: { tensor: 'float32', array: Float32Array, bound: 2e-6 },
  DOUBLE: { tensor: 'float64', array: Float64Array, bound: 1e-12 },
  // Both sides round to the nearest of 2^-11: two neighbours.
  FLOAT16: { tensor: 'float16', array: Uint16Array, bound: 2 ** -10, number: ofHalf },
};

function ofHalf(bits) {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * (exponent ? (1024 + fraction) * 2 ** (exponent - 25) : fraction * 2 ** -24);
}

// The bytes are copied: a Buffer may begin at an odd address.
function read(file, type) {
  const bytes = new Uint8Array(fs.readFileSync(file));
  return new type.array(bytes.buffer, 0, bytes.length / type.array.BYTES_PER_ELEMENT);
}

function worstDifference(got, want, number = (value) => value) {
  if (got.length !== want.length) return Infinity;
  let worst = 0;
  for (let i = 0; i < want.length; ++i) {
    const [a, b] = [number(got[i]), number(want[i])];
    const difference = Math.abs(a - b) / Math.max(1, Math.abs(b));
    worst = Number.isNaN(difference) ? Infinity : Math.max(worst, difference);
  }
  return worst;
}

async function main(folder) {
  const cases = fs.readFileSync(path.join(folder, 'cases.txt'), 'utf8').trim().split('\n');
  const rows = new Map();
  for (const line of cases) {
    const [name, opType, typeName, ...dims] = line.split(' ');
    const type = types[typeName];
    const file = path.join(folder, name);
    const session = await ort.InferenceSession.create(file + '.onnx', { logSeverityLevel: 3 });
    const x = new ort.Tensor(type.tensor, read(file + '.x', type), dims.map(Number));
    const { Y } = await session.run({ X: x });
    const worst = worstDifference(Y.data, read(file + '.y', type), type.number);
    if (!(worst <= type.bound)) console.log(`${name} (${dims}): ${worst}, beyond ${type.bound}`);
    const row = rows.get(opType + ' ' + typeName) ?? { cases: 0, worst: 0, bound: type.bound };
    row.cases += 1;
    row.worst = Math.max(row.worst, worst);
    rows.set(opType + ' ' + typeName, row);
  }
  let failed = cases.length === 0;
  for (const [name, row] of rows) {
    const [opType, typeName] = name.split(' ');
    console.log(`${opType.padEnd(22)} ${typeName.padEnd(8)} ${String(row.cases).padStart(2)} models  ` +
                row.worst.toExponential(2));
    failed = failed || !(row.worst <= row.bound);
  }
  return failed ? 1 : 0;
}

main(process.argv[2]).then((status) => process.exit(status), (error) => {
  console.error(error);
  process.exit(1);
});
