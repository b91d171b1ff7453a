// Bytes and hexadecimal text.

export function toBytes(hex) {
  if (typeof hex !== "string" || !/^0x([0-9a-fA-F]{2})*$/.test(hex)) throw new TypeError("not hexadecimal");
  return Uint8Array.from(hex.slice(2).match(/../g) ?? [], (pair) => parseInt(pair, 16));
}

export function toHex(bytes) {
  return "0x" + Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

export function toNumber(bytes) {
  return bytes.length ? BigInt(toHex(bytes)) : 0n;
}

export function toWord(value) {
  // 32 bytes, two's complement for what is negative
  return toBytes("0x" + BigInt.asUintN(256, BigInt(value)).toString(16).padStart(64, "0"));
}

export function joined(parts) {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

export const text = (value) => new TextEncoder().encode(value);
