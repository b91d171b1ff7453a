#!/usr/bin/env bash
# Links the native programs that npm brought, and the Brownie launcher, into .tools/bin.
set -euo pipefail
cd "$(dirname "$0")/.."
mkdir -p .tools/bin
ln -sfn ../../tools/brownie .tools/bin/brownie
for tool in anvil forge; do
  binary=node_modules/@foundry-rs/$tool-linux-amd64/bin/$tool
  if [ -f "$binary" ]; then
    chmod +x "$binary"
    ln -sfn "../../$binary" ".tools/bin/$tool"
  elif ! command -v "$tool" >/dev/null; then
    echo "$tool: npm has no build for this platform that we pin; install Foundry 1.7.1 and put it on PATH" >&2
  fi
done
