// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @notice Hashes of past blocks: the last 256 from the EVM, 8,191 where the chain keeps them (EIP-2935).
library BlockHashes {
    address private constant HISTORY = 0x0000F90827F1C53a10cb7A02335B175320002935;

    /// @notice Hash of block `blockNumber`, or zero when it is not known (any more, or yet).
    function at(uint256 blockNumber) internal view returns (bytes32 hash) {
        hash = blockhash(blockNumber);
        if (hash != 0 || blockNumber >= block.number) return hash;
        assembly ("memory-safe") {
            mstore(0, blockNumber)
            if staticcall(gas(), HISTORY, 0, 32, 0, 32) {
                if eq(returndatasize(), 32) {
                    hash := mload(0)
                }
            }
        }
    }
}
