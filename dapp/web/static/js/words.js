// Amounts and times in the words that the server uses too.

export function span(seconds) {
  const whole = Math.max(0, Math.round(seconds));
  const two = (value) => String(value).padStart(2, "0");
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${two(whole % 60)} s`;
  if (whole < 172800) return `${Math.floor(whole / 3600)} h ${two(Math.floor((whole % 3600) / 60))} min`;
  return `${Math.floor(whole / 86400).toLocaleString("en")} days`;
}

export function ether(wei) {
  const value = BigInt(wei);
  const whole = value / 10n ** 18n;
  const part = String(value % 10n ** 18n).padStart(18, "0").replace(/0+$/, "");
  return `${whole}${part ? "." + part : ""} ether`;
}

export const short = (value) => (value.length <= 13 ? value : `${value.slice(0, 6)}…${value.slice(-4)}`);
export const percent = (ppm) => `${(ppm / 10_000).toFixed(2)} %`;
