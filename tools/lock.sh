#!/usr/bin/env bash
# Resolves requirements.in and requirements-torch.txt into requirements.lock: hashed, without torch and the CUDA rows
# that only its GPU build asks for. Wants uv on PATH.
set -euo pipefail
cd "$(dirname "$0")/.."

resolve() {
  uv pip compile --quiet --python-version 3.11 --no-header --no-emit-index-url --no-emit-find-links "$@" \
    requirements.in requirements-torch.txt
}

gpu_rows=$(resolve --no-annotate | grep -oE '^(torch|triton|nvidia-[a-z0-9-]+|cuda-[a-z0-9-]+)' | sort -u)
omit=()
for row in $gpu_rows; do omit+=(--no-emit-package "$row"); done
resolve --no-annotate --generate-hashes "${omit[@]}" >requirements.lock.new
mv requirements.lock.new requirements.lock
