// EIP-712: the digest of a message and the two hashes it is made of.

import { joined, text, toBytes, toHex, toWord } from "./bytes.js";
import { keccak256 } from "./keccak.js";

const DOMAIN = "EIP712Domain";

export function typedDigests(message) {
  const domain = structHash(message.types, DOMAIN, message.domain);
  const content = structHash(message.types, message.primaryType, message.message);
  const digest = keccak256(joined([Uint8Array.of(0x19, 0x01), domain, content]));
  return { digest: toHex(digest), domain: toHex(domain), message: toHex(content) };
}

function structHash(types, name, value) {
  const parts = types[name].map(({ name: field, type }) => encoded(types, type, value[field]));
  return keccak256(joined([keccak256(text(encodedType(types, name))), ...parts]));
}

function encodedType(types, name) {
  const found = new Set();
  const visit = (type) => {
    const plain = type.replace(/\[.*$/, "");
    if (!Object.hasOwn(types, plain) || found.has(plain)) return;
    found.add(plain);
    types[plain].forEach((field) => visit(field.type));
  };
  visit(name);
  const others = [...found].filter((other) => other !== name).sort();
  const written = (type) => `${type}(${types[type].map((field) => `${field.type} ${field.name}`).join(",")})`;
  return [name, ...others].map(written).join("");
}

function encoded(types, type, value) {
  if (type.endsWith("]")) {
    const inner = type.slice(0, type.lastIndexOf("["));
    return keccak256(joined(value.map((each) => encoded(types, inner, each))));
  }
  if (Object.hasOwn(types, type)) return structHash(types, type, value);
  if (type === "string") return keccak256(text(value));
  if (type === "bytes") return keccak256(toBytes(value));
  if (type.startsWith("bytes")) {
    const bytes = toBytes(value);
    if (bytes.length !== Number(type.slice(5))) throw new RangeError(`${type} of ${bytes.length} bytes`);
    return joined([bytes, new Uint8Array(32 - bytes.length)]);
  }
  if (type === "bool") return toWord(value ? 1 : 0);
  return toWord(value); // numbers and addresses
}
