// Decodes calldata by the ABI entries that the compiler wrote, strictly: what does not fit is refused.

import { toBytes, toHex, toNumber, text } from "./bytes.js";
import { keccak256 } from "./keccak.js";

const ARRAY = /^(.*)\[(\d*)\]$/;

export function canonical(given) {
  const [, , tail] = /^([^[]*)(.*)$/.exec(given.type).slice(0, 3);
  if (!given.type.startsWith("tuple")) return given.type;
  return `(${given.components.map(canonical).join(",")})${tail}`;
}

export function selector(entry) {
  const signature = `${entry.name}(${entry.inputs.map(canonical).join(",")})`;
  return toHex(keccak256(text(signature)).slice(0, 4));
}

// Values of a call's arguments: BigInt, boolean, hexadecimal text, or arrays of them (tuples too).
export function decodeCall(entry, data) {
  const bytes = toBytes(data);
  if (toHex(bytes.slice(0, 4)) !== selector(entry)) throw new RangeError("another function is called");
  return decodeTuple(entry.inputs, bytes.slice(4), 0);
}

function decodeTuple(components, data, base) {
  let at = base;
  return components.map((given) => {
    const place = isDynamic(given) ? base + offset(data, at) : at;
    const value = decode(given, data, place);
    at += isDynamic(given) ? 32 : size(given);
    return value;
  });
}

function decode(given, data, at) {
  const array = ARRAY.exec(given.type);
  if (array) {
    const inner = { ...given, type: array[1] };
    const length = array[2] ? Number(array[2]) : offset(data, at);
    if (length > data.length / 32) throw new RangeError("an array is longer than the calldata");
    return decodeTuple(Array(length).fill(inner), data, array[2] ? at : at + 32);
  }
  if (given.type === "tuple") return decodeTuple(given.components, data, at);
  if (given.type === "bytes" || given.type === "string") {
    const length = offset(data, at);
    const value = cut(data, at + 32, length);
    if (cut(data, at + 32 + length, (32 - (length % 32)) % 32).some(Boolean)) throw new RangeError("dirty padding");
    return given.type === "bytes" ? toHex(value) : new TextDecoder("utf-8", { fatal: true }).decode(value);
  }
  return word(given.type, cut(data, at, 32));
}

function word(type, bytes) {
  const number = toNumber(bytes);
  const [, kind, width] = /^(uint|int|bytes|address|bool)(\d*)$/.exec(type) ?? [];
  if (kind === "bytes") {
    if (bytes.slice(Number(width)).some(Boolean)) throw new RangeError("dirty padding");
    return toHex(bytes.slice(0, Number(width)));
  }
  const bits = { address: 160n, bool: 1n, uint: BigInt(width || 256) }[kind];
  if (bits === undefined) throw new RangeError(`type ${type} is not known`);
  if (number >> bits) throw new RangeError(`a value does not fit ${type}`);
  if (kind === "bool") return number === 1n;
  return kind === "address" ? checksummed(toHex(bytes.slice(12))) : number;
}

export function checksummed(address) {
  const plain = address.slice(2).toLowerCase();
  const digest = toHex(keccak256(text(plain))).slice(2);
  return "0x" + Array.from(plain, (c, i) => (parseInt(digest[i], 16) >= 8 ? c.toUpperCase() : c)).join("");
}

function isDynamic(given) {
  const array = ARRAY.exec(given.type);
  if (array) return array[2] === "" || isDynamic({ ...given, type: array[1] });
  if (given.type === "tuple") return given.components.some(isDynamic);
  return given.type === "bytes" || given.type === "string";
}

function size(given) {
  const array = ARRAY.exec(given.type);
  if (array) return Number(array[2]) * size({ ...given, type: array[1] });
  return given.type === "tuple" ? given.components.reduce((sum, part) => sum + size(part), 0) : 32;
}

function offset(data, at) {
  const value = toNumber(cut(data, at, 32));
  if (value > BigInt(data.length)) throw new RangeError("an offset points beyond the calldata");
  return Number(value);
}

function cut(data, at, length) {
  if (at + length > data.length) throw new RangeError("the calldata is too short");
  return data.slice(at, at + length);
}
