// The sheet that a user reads before signing. Everything on it is decoded here, from the very object that is
// handed to the wallet; dapp/signing/sheet.py makes the same from the same bytes.

import { checksummed, decodeCall, selector } from "./abi.js";
import { joined, toBytes, toHex, toWord } from "./bytes.js";
import { keccak256 } from "./keccak.js";
import { abridged, grouped, label, shown } from "./shown.js";
import { typedDigests } from "./typed_data.js";

export class NotUnderstood extends Error {}

// book: {contracts: [{name, address, functions}], phrases}, as /signing.json has it
export function sheetOfCall(book, transaction) {
  const to = checksummed(transaction.to);
  const contract = book.contracts.find((each) => each.address === to);
  if (!contract) throw new NotUnderstood(`there is no contract of ours at ${to}`);
  const entry = contract.functions.find((each) => selector(each) === transaction.data.slice(0, 10).toLowerCase());
  if (!entry) throw new NotUnderstood(`${contract.name} has no function ${transaction.data.slice(0, 10)}`);
  let values;
  try {
    values = decodeCall(entry, transaction.data);
  } catch (error) {
    throw new NotUnderstood(`the arguments of ${entry.name} cannot be decoded: ${error.message}`);
  }
  const fields = entry.inputs.flatMap((given, i) => fieldsOf(given, values[i], given.name));
  fields.push(field("value", "value", "uint256", BigInt(transaction.value ?? 0)));
  const data = toBytes(transaction.data);
  const digests = { calldata: toHex(keccak256(joined([toWord(data.length), data]))) };
  return { ...worded(book, entry.name, fields, digests), contract: contract.name, to };
}

export function sheetOfMessage(book, message) {
  const fields = message.types[message.primaryType].flatMap((given) =>
    fieldsOf(given, native(given.type, message.message[given.name]), given.name),
  );
  return worded(book, message.primaryType, fields, typedDigests(message));
}

function worded(book, name, fields, digests) {
  const phrase = book.phrases[name] ?? { says: `Call ${name}.`, then: "" };
  const known = new Map(fields.map((each) => [each.place.split(".").at(-1), each.shown]));
  const says = phrase.says.replace(/\{(\w+)\}/g, (place, key) => abridged(known.get(key) ?? place));
  return { name, says, then: phrase.then, fields, digests };
}

function fieldsOf(given, value, place) {
  if (given.type.endsWith("]")) {
    const inner = { ...given, type: given.type.slice(0, given.type.lastIndexOf("[")) };
    return [
      field(place, `${place}.length`, "uint256", BigInt(value.length)),
      ...value.flatMap((each, i) => fieldsOf(inner, each, `${place}[${i}]`)),
    ];
  }
  if (given.type === "tuple")
    return given.components.flatMap((part, i) => fieldsOf(part, value[i], `${place}.${part.name}`));
  return [field(given.name, place, given.type, value)];
}

function field(name, place, type, value) {
  const last = place.split(".").at(-1);
  const isLength = last === "length";
  return {
    place,
    label: label(isLength ? name : last),
    type,
    value: String(value),
    shown: isLength ? `${grouped(value)} entries` : shown(name, type, value),
  };
}

function native(type, value) {
  if (type.startsWith("uint") || type.startsWith("int")) return BigInt(value);
  return type === "address" ? checksummed(value) : value;
}
