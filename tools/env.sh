# For a shell: `source tools/env.sh`, then quorate, brownie, anvil and forge are the project's own.
_root=$(cd "$(dirname "${BASH_SOURCE[0]:-$0}")/.." && pwd)
export SOLCX_BINARY_PATH="$_root/.tools/solcx"
export PATH="$_root/.tools/bin:$_root/.venv/bin:$PATH"
unset _root
