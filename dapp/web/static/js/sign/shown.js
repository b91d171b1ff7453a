// Values as people read them; dapp/signing/shown.py writes the same.

const UNIT = /(Wei|Ppm|Seconds|(?<=[a-z])S)$/;

export function label(name) {
  return (name.replace(UNIT, "") || name).replace(/(?<=[a-z0-9])(?=[A-Z])/g, " ").toLowerCase();
}

export function shown(name, type, value) {
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (typeof value === "bigint") return number(name, value);
  if (name === "scores" && type === "bytes" && (value.length - 2) % 6 === 0) return scores(value);
  return String(value);
}

export function abridged(value) {
  return value.startsWith("0x") && value.length > 42 && !value.includes(" ")
    ? `${value.slice(0, 10)}…${value.slice(-4)}`
    : value;
}

export function ether(wei) {
  return `${decimal(wei, 18)} ether`;
}

export function percent(ppm) {
  return `${decimal(ppm, 4)} %`;
}

export function lasting(seconds) {
  let left = BigInt(seconds);
  const parts = [];
  for (const [unit, size] of [["d", 86400n], ["h", 3600n], ["min", 60n], ["s", 1n]]) {
    if (left / size) parts.push(`${left / size} ${unit}`);
    left %= size;
  }
  return parts.join(" ") || "0 s";
}

export function grouped(value) {
  return BigInt(value).toString().replace(/\B(?=(\d{3})+$)/g, ",");
}

function decimal(value, digits) {
  const [whole, part] = [BigInt(value) / 10n ** BigInt(digits), BigInt(value) % 10n ** BigInt(digits)];
  const fraction = part.toString().padStart(digits, "0").replace(/0+$/, "");
  return fraction ? `${whole}.${fraction}` : `${whole}`;
}

function number(name, value) {
  const unit = UNIT.exec(name)?.[0];
  if (name === "value" || unit === "Wei") return ether(value);
  if (unit === "Ppm") return percent(value);
  return unit ? lasting(value) : grouped(value);
}

function scores(packed) {
  const found = packed.slice(2).match(/.{6}/g) ?? [];
  return found.map((three) => percent(BigInt("0x" + three))).join(", ") || "none";
}
