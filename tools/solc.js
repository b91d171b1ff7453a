#!/usr/bin/env node
// The solc command line that py-solc-x, Brownie, forge and Slither expect, on top of npm's WebAssembly compiler.
// Answers --version, and --standard-json read from standard input; imports are looked up on disk.
"use strict";

const fs = require("fs");
const path = require("path");
const solc = require("solc");

const USAGE = "usage: solc --version | solc --standard-json [--base-path DIR] [--include-path DIR]... [--allow-paths DIR,...] [FILE]";
const OPTIONS_WITH_VALUE = new Set(["--base-path", "--include-path", "-I", "--allow-paths"]);
// 32-bit WebAssembly prints the negative AST ids of built-ins (-1 ... -99) as unsigned numbers.
const UNSIGNED_IDS_START = 2 ** 32 - 4096;

function fail(message) {
  process.stderr.write(`solc: ${message}\n${USAGE}\n`);
  process.exit(1);
}

function parse(argv) {
  const options = { version: false, standardJson: false, basePath: "", includePaths: [], allowPaths: [], input: null };
  for (let i = 0; i < argv.length; i++) {
    let [name, value] = argv[i].startsWith("--") ? argv[i].split(/=(.*)/s, 2) : [argv[i], undefined];
    if (OPTIONS_WITH_VALUE.has(name) && value === undefined) {
      value = argv[++i];
      if (value === undefined) fail(`${name} needs a value`);
    }
    if (name === "--version") options.version = true;
    else if (name === "--standard-json") options.standardJson = true;
    else if (name === "--base-path") options.basePath = value;
    else if (name === "--include-path" || name === "-I") options.includePaths.push(value);
    else if (name === "--allow-paths") options.allowPaths = value.split(",").filter(Boolean);
    else if (name === "-") options.input = null;
    else if (name.startsWith("-")) fail(`unknown option ${name}`);
    else options.input = name;
  }
  return options;
}

// As solc does: a file may be read only below the base path, an include path or an allowed path.
function importFrom(options) {
  const roots = [options.basePath || ".", ...options.includePaths];
  const allowed = [...roots, ...options.allowPaths].map((directory) => realpath(path.resolve(directory)));
  return (name) => {
    const source = name.replace(/^file:\/\//, "");
    for (const root of roots) {
      const file = realpath(path.resolve(root, source));
      if (!fs.existsSync(file) || !fs.statSync(file).isFile()) continue;
      if (!allowed.some((directory) => isBelow(file, directory))) return { error: `File outside of allowed directories: ${file}` };
      return { contents: fs.readFileSync(file, "utf8") };
    }
    return { error: `File not found: ${source} (searched ${roots.join(", ")})` };
  };
}

function realpath(file) {
  return fs.existsSync(file) ? fs.realpathSync(file) : file;
}

function isBelow(file, directory) {
  const relative = path.relative(directory, file);
  return relative !== ".." && !relative.startsWith(`..${path.sep}`) && !path.isAbsolute(relative);
}

function signedIds(value) {
  if (typeof value === "number") return value >= UNSIGNED_IDS_START && value < 2 ** 32 ? value - 2 ** 32 : value;
  if (Array.isArray(value)) return value.map(signedIds);
  if (value && typeof value === "object") {
    for (const key of Object.keys(value)) value[key] = signedIds(value[key]);
  }
  return value;
}

function compile(options) {
  const input = fs.readFileSync(options.input === null ? 0 : options.input, "utf8");
  const output = JSON.parse(solc.compile(input, { import: importFrom(options) }));
  for (const source of Object.values(output.sources || {})) source.ast = signedIds(source.ast);
  return JSON.stringify(output);
}

const options = parse(process.argv.slice(2));
if (options.version) {
  const version = solc.version().replace(/\.Emscripten\.clang$/, ".Linux.g++");
  process.stdout.write(`solc, the solidity compiler commandline interface\nVersion: ${version}\n`);
} else if (options.standardJson) {
  fs.writeFileSync(1, compile(options) + "\n");
} else {
  fail("nothing to do");
}
