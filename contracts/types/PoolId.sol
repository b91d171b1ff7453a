// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @notice Name of a pool of verifiers: the hash of its key.
type PoolId is bytes32;

/// @notice Who may join a pool. A pool needs no transaction to exist.
struct PoolKey {
    bytes32 allowList; // Merkle root of the accounts that may join, zero: anyone
    bytes32 salt; // tells apart two pools with the same rule
}

library PoolIds {
    function toId(PoolKey calldata key) internal pure returns (PoolId) {
        return PoolId.wrap(keccak256(abi.encode(key)));
    }
}
